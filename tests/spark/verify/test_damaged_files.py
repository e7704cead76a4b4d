"""Data files and commits that are lost, cut or flipped are named, by ``verify`` and by jobs."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli.commands.verify import print_checks
from iotscore.cli.job import guarded
from iotscore.features import FEATURES
from iotscore.query.query import as_query_errors
from iotscore.verify import Outcome
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages
from table_damage import first_file, flip_bit
from verify_checks import failing, outcomes, verified

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def test_a_data_file_that_is_lost(damaged: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    """A lost or cut data file, or commit, is named; what needs no such table is still checked."""
    lost, cut = first_file(damaged, "scores"), first_file(damaged, "runs")
    size, cut_size = lost.stat().st_size, cut.stat().st_size
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    torn = f"metrics/_delta_log/{damaged.version('metrics'):020}.json"
    (Path(damaged.root) / torn).write_bytes(b"")
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == ["tables"]
    assert outcomes(checks, Outcome.SKIPPED) == ["scores", "keys", "content", "sample", "runs"]
    assert checks["tables"].findings == (
        f"scores/{lost.name}: not there, the log says {size:,} bytes",
        f"{torn}: 0 bytes",
        f"runs/{cut.name}: {cut_size - 1:,} bytes, the log says {cut_size:,} bytes",
    )
    print_checks(list(checks.values()))
    printed = capsys.readouterr().out
    assert lost.name in printed.replace("│", "").replace("\n", "").replace(" ", "")
    assert "1 of 12 checks failed" in printed


def test_a_table_that_cannot_be_read(damaged: Warehouse) -> None:
    """A damaged log, and a data file of the right size that is no Parquet, are named."""
    log = Path(f"{damaged.root}/models") / "_delta_log" / f"{0:020}.json"
    log.write_text("damaged\n")
    data = first_file(damaged, "traffic")
    data.write_bytes(bytes(data.stat().st_size))
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == ["tables"]
    assert outcomes(checks, Outcome.SKIPPED) == ["traffic", "keys", "models", "content", "sample"]
    traffic, models = checks["tables"].findings
    assert traffic.startswith(f"the data file {data} is damaged: ")
    assert "models cannot be opened: " in models


def test_lost_runs(damaged: Warehouse) -> None:
    """Every job writes runs: where there are other tables, it is missed."""
    shutil.rmtree(f"{damaged.root}/runs")
    assert failing(open_warehouse(damaged.spark, damaged.root)) == [
        "tables",
        "runs is not there, and every job writes it; restore it",
    ]


def sum_by_query(warehouse: Warehouse, table: str, name: str) -> None:
    """Read a column as the job sql does."""
    with as_query_errors():
        warehouse.read(table).agg({name: "sum"}).collect()


def names_the_file(path: Path, told: str) -> bool:
    """Say whether a job's last line on standard error names a damaged file, and what to do."""
    line = told.strip().splitlines()[-1]
    return path.name in line and "restore it from a backup, and run verify" in line


def test_a_flipped_bit(damaged: Warehouse, capsys: pytest.CaptureFixture[str]) -> None:
    """One flipped bit of a page fails verify, and whoever reads it ends with one line."""
    for table, name in (("traffic", FEATURES[60]), ("scores", "envelope_score")):
        path = first_file(damaged, table)
        flip_bit(path, name)
        assert any(str(path) in finding for finding in verified(damaged)["tables"].findings)
        capsys.readouterr()
        for read in (
            lambda table=table, name=name: sum_by_query(damaged, table, name),
            lambda table=table, name=name: list(damaged.batches(table, [name])),
        ):
            assert guarded("test", read) == 2
            told = capsys.readouterr().err
            assert names_the_file(path, told)
            assert len(told.strip().splitlines()) == 1


def test_a_worker_names_a_damaged_file(
    damaged: Warehouse, settings: Callable[..., Any], capsys: pytest.CaptureFixture[str]
) -> None:
    """A task that meets a flipped bit ends the job as the driver would, with exit code 2."""
    for table in ("scored_files", "scores"):
        damaged.delete(table, "file_id IS NOT NULL")
    path = first_file(damaged, "traffic")
    flip_bit(path, FEATURES[60])
    assert guarded("test", Stages(damaged, settings("default")).score) == 2
    told = capsys.readouterr().err
    assert names_the_file(path, told)
    assert "Traceback" not in told
