"""The run record, and what the next run does after one that was killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from iotscore.errors import WarehouseError
from iotscore.spark.lock import writer_lock
from iotscore.spark.runs import RunLog, recover

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.spark.tables import Warehouse

pytestmark = pytest.mark.spark


def test_a_stage_is_recorded_when_it_starts_and_when_it_ends(warehouse: Warehouse) -> None:
    """A finished stage has a row with its rows, seconds and speed."""
    log = RunLog(warehouse, "default", "abc")
    with log.stage("ingest") as stage:
        assert [row.status for row in warehouse.read("runs").collect()] == ["running"]
        stage.rows = 100
    done = warehouse.read("runs").where("status = 'done'").first()
    assert (done.rows, done.profile, done.config_sha256) == (100, "default", "abc")
    assert done.rows_per_second == pytest.approx(100 / done.seconds)
    assert done.rows_per_second_per_core == pytest.approx(done.rows_per_second / done.cores)
    assert recover(warehouse) == []


def test_a_failed_stage_is_recorded_with_its_error(warehouse: Warehouse) -> None:
    """The error passes through and its text is kept."""
    log = RunLog(warehouse, "default", "abc")
    error = ValueError("so bad")
    with pytest.raises(ValueError, match="so bad"), log.stage("score"):
        raise error
    failed = warehouse.read("runs").where("status = 'failed'").first()
    assert failed.error == "ValueError: so bad"


def test_rows_of_a_killed_ingest_are_undone(
    night_copy: Callable[[str], Warehouse],
) -> None:
    """Records without a ledger row are removed, the run is marked, and the file goes in again."""
    warehouse = night_copy("default")
    orphans = warehouse.read("traffic").where("source_file = '1.benign.csv'")
    orphans = orphans.withColumns({"file_id": F.lit("x"), "ingest_run": F.lit("dead")})
    warehouse.append("traffic", orphans)
    start = {"run_id": "dead", "stage": "ingest", "status": "running"}
    warehouse.append_rows("runs", [start])

    assert recover(warehouse) == ["dead"]
    assert warehouse.read("traffic").count() == 260
    marks = [row.status for row in warehouse.read("runs").where("run_id = 'dead'").collect()]
    assert sorted(marks) == ["interrupted", "running"]
    assert recover(warehouse) == []


def test_rows_that_reached_their_ledger_survive(night_copy: Callable[[str], Warehouse]) -> None:
    """A run that was killed after its ledger row has done its work; only its end is missing."""
    warehouse = night_copy("default")
    run_id = warehouse.read("scored_files").first().run_id
    end = f"run_id = '{run_id}' AND stage = 'score' AND status = 'done'"
    warehouse.delete("runs", F.expr(end))
    assert recover(warehouse) == [run_id]
    assert warehouse.read("scores").count() == 260


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
