"""Compaction of a warehouse between nights: fewer files, the same rows, scores and readers."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from deltalake import DeltaTable

from frames import frame_of
from iotscore.cli.commands.maintain import maintain_stage, print_upkeep
from iotscore.cli.job import Job
from iotscore.errors import WarehouseError
from iotscore.maintenance.retention import Retention
from iotscore.maintenance.stage import maintain
from iotscore.models.context import Context
from iotscore.runs.order import SEQUENCE, next_number
from iotscore.runs.run_log import RunLog, recover
from iotscore.verify import Outcome, verify_warehouse
from iotscore.warehouse.compaction import Compaction, CompactionOptions
from iotscore.warehouse.delta_rs import table as delta_table
from iotscore.warehouse.delta_rs.table import data_files
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.selection import rows_where
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

EAGER = CompactionOptions(file_megabytes=128.0, small_files=2, vacuum_hours=168)


@pytest.fixture
def night_of(tmp_path: Path, settings: Callable[..., Any]) -> Callable[[Warehouse, int], None]:
    """Return a function that runs a night with two new files of 25 records."""

    def run_night(warehouse: Warehouse, day: int) -> None:
        folder = tmp_path / f"day{day}"
        write_traffic(folder / f"2.2026-11-{day}.csv", make_features(25, day))
        write_traffic(folder / f"1.2026-11-{day}.csv", make_features(25, day + 50))
        run = Stages(warehouse, settings("default"))
        run.ingest(folder)
        assert run.score() == 50
        run.evaluate()

    return run_night


def kept_up(warehouse: Warehouse, options: CompactionOptions = EAGER) -> Mapping[str, Compaction]:
    """Maintain a warehouse as the job does."""
    log = RunLog(warehouse, "test", "0" * 64)
    with log.stage("maintain") as stage:
        done = maintain(Context(warehouse, log.run_id), Retention(None, None), options)
        stage.report(done)
    return done.tables


def scores(warehouse: Warehouse) -> pd.DataFrame:
    """Return all scores, in order."""
    frame = frame_of(warehouse, "scores")
    return frame.sort_values(["file_id", "row_no"], ignore_index=True)


def test_nights_go_on_after_maintenance(
    night_copy: Callable[[str], Warehouse],
    night_of: Callable[[Warehouse, int], None],
) -> None:
    """Scores stay what they were, a new night adds its own, and the warehouse proves sound."""
    warehouse = night_copy("default")
    before = scores(warehouse)
    assert kept_up(warehouse)["traffic"].files_before > 1
    night_of(warehouse, 22)
    done = kept_up(warehouse)
    assert done["scores"].files_before > 1
    assert {one.files_after for one in done.values()} == {1}
    after = scores(warehouse)
    assert len(after) == 310
    old = after[after["event_day"].astype(str) != "2026-11-22"].reset_index(drop=True)
    pd.testing.assert_frame_equal(old, before, check_exact=True)
    checks = verify_warehouse(warehouse, 1_000, None)
    assert {check.outcome for check in checks} == {Outcome.HOLDS}


def test_a_night_reads_no_merged_file(
    night_copy: Callable[[str], Warehouse],
    night_of: Callable[[Warehouse, int], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Scoring opens the data files of new records only, however wide merged files are."""
    warehouse = night_copy("default")
    assert kept_up(warehouse)["traffic"].files_after == 1
    merged = set(data_files(f"{warehouse.root}/traffic", {}))
    opened: list[str] = []

    def spied(
        path: str, where: Mapping[str, Sequence[str]], version: int | None = None
    ) -> list[str]:
        found = data_files(path, where, version)
        opened.extend(found)
        return found

    monkeypatch.setattr(delta_table, "data_files", spied)
    night_of(warehouse, 22)
    assert opened
    assert not merged & set(opened)


def test_who_reads_goes_on_reading(night_copy: Callable[[str], Warehouse]) -> None:
    """A frame and a table that were opened before give the same rows afterwards."""
    warehouse = night_copy("default")
    frame, table = warehouse.read("traffic"), DeltaTable(f"{warehouse.root}/traffic")
    done = kept_up(warehouse)
    assert done["traffic"].files_before > done["traffic"].files_after
    assert frame.count() == table.to_pyarrow_table().num_rows == 260


def test_it_is_recorded_and_told(
    night_copy: Callable[[str], Warehouse], capsys: pytest.CaptureFixture[str]
) -> None:
    """The stage's end says what was done for each table; so does what is printed."""
    warehouse = night_copy("default")
    options = CompactionOptions(128.0, 2, 0)
    done = kept_up(warehouse, options)
    (row,) = warehouse.rows("runs", stage="maintain", status="done")
    details = json.loads(row["details"])
    assert details["runs"]["files_before"] == 11
    assert details["runs"]["files_after"] == 1
    assert details["runs"]["files_deleted"] == 11
    assert details["runs"]["bytes_freed"] == done["runs"].bytes_freed > 0
    print_upkeep(done)
    printed = capsys.readouterr().out
    for name in done:
        assert name in printed


def test_a_clock_that_leapt_stops_it(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any]
) -> None:
    """By a night 500 days ahead all scores would be old; somebody must say that it was a pause."""
    warehouse = night_copy("default")
    row = {"run_id": "ahead", "stage": "score", "status": "running"}
    time = datetime.now(UTC) + timedelta(days=500)
    number = next_number(warehouse, "runs")
    warehouse.append("runs", [row | {"started_at": time, SEQUENCE: number}])
    before = {name: warehouse.version(name) for name in ("runs", "scores")}

    def stage(*, after_pause: bool) -> Mapping[str, Compaction]:
        arguments = argparse.Namespace(after_pause=after_pause)
        log = RunLog(warehouse, "default", "abc")
        return maintain_stage(Job(arguments, settings("default"), warehouse, log))

    with pytest.raises(WarehouseError, match=r"went 500 days, and maintain.pause_days allows 3"):
        stage(after_pause=False)
    assert {name: warehouse.version(name) for name in before} == before
    assert "scores" in stage(after_pause=True)
    assert "scores" in stage(after_pause=False)


def test_a_killed_maintenance_needs_no_undoing(night_copy: Callable[[str], Warehouse]) -> None:
    """The next run finds it without an end, marks it, and leaves the tables as they are."""
    warehouse = night_copy("default")
    kept_up(warehouse)
    warehouse.append(
        "runs", [{"run_id": "dead", "stage": "maintain", "status": "running", "details": "{}"}]
    )
    version = warehouse.version("scores")
    assert recover(warehouse) == ["dead"]
    assert warehouse.version("scores") == version
    assert warehouse.rows("runs", run_id="dead", status="interrupted")


def test_other_storage_is_refused(spark: SparkSession, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is no local folder is told, with what to do instead."""
    elsewhere = open_warehouse(spark, "hdfs://somewhere/warehouse")
    monkeypatch.setattr(elsewhere, "exists", lambda _: True)
    with pytest.raises(WarehouseError, match="run OPTIMIZE and VACUUM of Delta Lake"):
        maintain(Context(elsewhere, "run"), Retention(None, None), EAGER)


def test_the_job(
    night_copy: Callable[[str], Warehouse],
    run_job: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """It lets old scores go, merges, prints a table, and leaves a warehouse that proves sound."""
    warehouse = night_copy("default")
    rows = warehouse.rows("scored_files")
    old = [row | {"scored_at": row["scored_at"] - timedelta(days=40)} for row in rows]
    warehouse.replace("scored_files", old, rows_where(file_id={row["file_id"] for row in rows}))
    told = ("--set", "maintain.small_files=2", "--set", "maintain.keep_scores_days=30")
    done = run_job("maintain", "--warehouse", warehouse.root, *told)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "scored: 260 rows have expired" in done.stderr
    assert "explained: 0 rows have expired" in done.stderr
    assert warehouse.count("scores") == 0
    assert "score_histogram" in done.stdout
    assert len(list(data_files(f"{warehouse.root}/runs", {}))) == 2
    checks = verify_warehouse(open_warehouse(warehouse.spark, warehouse.root), 1_000, None)
    assert {check.outcome for check in checks} == {Outcome.HOLDS}
