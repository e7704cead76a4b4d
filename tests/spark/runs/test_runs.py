"""The run record, and what the next run does after one that was killed."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.errors import ModelError, WarehouseError
from iotscore.runs.run_log import RunLog, Stage, recover
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schemas import TABLES
from iotscore.warehouse.session import core_count
from iotscore.warehouse.writer_lock import writer_lock
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def test_a_stage_is_recorded_when_it_starts_and_when_it_ends(warehouse: Warehouse) -> None:
    """A finished stage has a row with its rows, seconds and speed."""
    log = RunLog(warehouse, "default", "abc")
    with log.stage("ingest") as stage:
        assert [row["status"] for row in warehouse.rows("runs")] == ["running"]
        stage.rows = 100
    (done,) = warehouse.rows("runs", status="done")
    assert (done["rows"], done["profile"], done["config_sha256"]) == (100, "default", "abc")
    assert done["rows_per_second"] == pytest.approx(100 / done["seconds"])
    by_core = pytest.approx(done["rows_per_second"] / done["cores"])
    assert done["rows_per_second_per_core"] == by_core
    assert recover(warehouse) == []


def test_a_failed_stage_is_recorded_with_its_error(warehouse: Warehouse) -> None:
    """The error passes through and its text is kept."""
    log = RunLog(warehouse, "default", "abc")
    error = ValueError("so bad")
    with pytest.raises(ValueError, match="so bad"), log.stage("score"):
        raise error
    (failed,) = warehouse.rows("runs", status="failed")
    assert failed["error"] == "ValueError: so bad"


def test_memory_of_a_stage_is_recorded(warehouse: Warehouse) -> None:
    """Ends, also failed ones, have the peak of the driver and, above it, that of all processes."""
    log = RunLog(warehouse, "default", "abc")
    with log.stage("ingest"):
        # Large beside what a process that has run other tests takes or gives back meanwhile.
        block = np.ones(1600 << 20, dtype=np.uint8)
        time.sleep(1.5)
        del block
    error = ValueError("so bad")
    with pytest.raises(ValueError, match="so bad"), log.stage("score"):
        raise error
    rows = {row["status"]: row for row in warehouse.rows("runs", stage="ingest")}
    (failed,) = warehouse.rows("runs", status="failed")
    assert rows["running"]["peak_memory_bytes"] is None
    assert rows["running"]["driver_memory_bytes"] is None
    assert rows["done"]["driver_memory_bytes"] - failed["driver_memory_bytes"] > 1500 << 20
    for row in (rows["done"], failed):
        # Spark's JVM alone takes more than this.
        assert row["peak_memory_bytes"] > row["driver_memory_bytes"] + (100 << 20)


def test_a_stage_is_compared_with_its_earlier_runs(warehouse: Warehouse) -> None:
    """Only ends that are done, of this stage, profile and cores, and in other runs count."""
    log = RunLog(warehouse, "default", "abc")
    cores = core_count(warehouse.spark)
    usual = {"stage": "score", "status": "done", "rows": 1000, "seconds": 1.0, "cores": cores}
    usual |= {"profile": "default", "ended_at": datetime.now(UTC)}
    others: list[dict[str, Any]] = [
        {"status": "failed"},
        {"status": "running", "seconds": None, "rows": None},
        {"rows": 0},
        {"stage": "ingest"},
        {"run_id": log.run_id},
        {"cores": cores + 1},
        {"profile": "paper"},
    ]
    quick = [{**usual, "seconds": 0.1, **other} for other in others for _ in range(3)]
    history = [{"run_id": str(n), **row} for n, row in enumerate([usual] * 3 + quick)]
    warehouse.append("runs", history)
    assert log.slow_warning(Stage("score", rows=1000, seconds=1.2)) is None
    warning = log.slow_warning(Stage("score", rows=1000, seconds=1.5))
    assert warning is not None
    assert "its last 3 comparable runs, 1,000.0 us" in warning


def test_the_newest_runs_say_what_is_usual(warehouse: Warehouse) -> None:
    """Of many earlier runs the last ten count, whatever order they are stored in."""
    log = RunLog(warehouse, "default", "abc")
    day = datetime(2026, 1, 1, tzinfo=UTC)
    row = {"stage": "score", "status": "done", "rows": 1000, "cores": core_count(warehouse.spark)}
    row |= {"profile": "default"}
    nights = [
        {**row, "run_id": str(n), "ended_at": day + timedelta(n), "seconds": 1.0 if n > 9 else 9.0}
        for n in range(20)
    ]
    warehouse.append("runs", nights)
    assert log.slow_warning(Stage("score", rows=1000, seconds=1.5)) is not None


def test_a_stage_without_rows_is_compared_with_nothing(warehouse: Warehouse) -> None:
    """A night without anything new neither divides by its rows nor reads the run record."""
    log = RunLog(warehouse, "default", "abc")
    assert log.slow_warning(Stage("score", rows=0, seconds=9.0)) is None
    assert "_earlier" not in vars(log)


def test_rows_of_a_killed_ingest_are_undone(
    night_copy: Callable[[str], Warehouse],
) -> None:
    """Records without a ledger row are removed, the run is marked, and the file goes in again."""
    warehouse = night_copy("default")
    before = {"versions_before": {"traffic": warehouse.version("traffic")}}
    schema = TABLES["traffic"].arrow_schema
    records = warehouse.table("traffic", schema.names, source_file="1.benign.csv").to_pylist()
    orphans = [record | {"file_id": "x", "ingest_run": "dead"} for record in records]
    warehouse.append("traffic", orphans)
    start = {"run_id": "dead", "stage": "ingest", "status": "running"}
    start["details"] = json.dumps(before)
    warehouse.append("runs", [start])

    assert recover(warehouse) == ["dead"]
    assert warehouse.count("traffic") == 260
    marks = [row["status"] for row in warehouse.rows("runs", run_id="dead")]
    assert sorted(marks) == ["interrupted", "running"]
    assert recover(warehouse) == []


def test_a_stage_killed_under_an_older_version_is_not_guessed_at(warehouse: Warehouse) -> None:
    """Without the versions of its tables nothing is undone, and the message says what to do."""
    start = {"run_id": "dead", "stage": "score", "status": "running"}
    warehouse.append("runs", [start])
    with pytest.raises(WarehouseError, match="let that version run once more"):
        recover(warehouse)


def test_rows_that_reached_their_ledger_survive(night_copy: Callable[[str], Warehouse]) -> None:
    """A run that was killed after its ledger row has done its work; only its end is missing."""
    warehouse = night_copy("default")
    run_id = warehouse.rows("scored_files")[0]["run_id"]
    end = f"run_id = '{run_id}' AND stage = 'score' AND status = 'done'"
    warehouse.delete("runs", end)
    assert recover(warehouse) == [run_id]
    assert warehouse.count("scores") == 260


def test_no_stage_builds_on_a_lost_ledger(
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Settings],
    landing: Path,
) -> None:
    """A healthy night goes on; without its ledgers, or its champion, nothing is done again."""
    copy = night_copy("default")

    def job() -> Stages:
        return Stages(open_warehouse(copy.spark, copy.root), settings("default"))

    job().ingest(landing)
    assert job().score() == 0
    shutil.rmtree(f"{copy.root}/model_aliases")
    with pytest.raises(ModelError, match=r"has 1 model\(s\) and no champion .* train --anew"):
        job().train()
    copy.delete("scored_files", "rows_scored = 90")
    with unchanged(copy, "the table scores has 260 rows, and its ledger scored_files tells of 170"):
        job().score()
    shutil.rmtree(f"{copy.root}/ingest_files")
    with unchanged(copy, "the table traffic has 260 rows, and its ledger ingest_files tells of 0"):
        job().ingest(landing)


@contextmanager
def unchanged(warehouse: Warehouse, fault: str) -> Iterator[None]:
    """Require that the body is refused with a fault and commits nothing."""
    tables = ("runs", "traffic", "scores")
    before = {name: warehouse.version(name) for name in tables}
    with pytest.raises(WarehouseError, match=fault):
        yield
    assert {name: warehouse.version(name) for name in tables} == before


def test_second_writer_is_refused(tmp_path: Path) -> None:
    """While one process writes a warehouse another one ends with a clear message."""
    with (
        writer_lock(str(tmp_path)),
        pytest.raises(WarehouseError, match="another job is writing"),
        writer_lock(str(tmp_path)),
    ):
        pass
    with writer_lock(str(tmp_path)):
        pass
