"""What a failed or killed stage wrote is taken back, and nothing that anybody else did."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from iotscore.errors import WarehouseError
from iotscore.runs.run_log import RunLog, recover
from iotscore.runs.undo import versions_before
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schemas import TABLES
from iotscore.warehouse.selection import rows_where

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


class SoBadError(Exception):
    """What ends a stage."""


def add(warehouse: Warehouse, run_id: str) -> None:
    """Add a row of a run to a table of the stage monitor."""
    warehouse.append("alerts", [{"alert_id": run_id, "run_id": run_id}])


def there(warehouse: Warehouse) -> set[str]:
    """Return the runs that have rows."""
    return warehouse.values("alerts", "run_id")


def failed(warehouse: Warehouse, meanwhile: Callable[[], None] = lambda: None) -> str:
    """Run a stage that adds rows twice and fails; return its run."""
    log = RunLog(warehouse, "test", "0" * 64)

    def work() -> None:
        add(warehouse, log.run_id)
        meanwhile()
        add(warehouse, log.run_id)
        raise SoBadError

    with pytest.raises(SoBadError), log.stage("monitor"):
        work()
    return log.run_id


def test_every_commit_of_a_stage_names_its_run(warehouse: Warehouse) -> None:
    """Appended, replaced or deleted; what comes after it does not."""
    mine = warehouse
    log = RunLog(mine, "test", "0" * 64)
    with log.stage("monitor"):
        add(mine, log.run_id)
        mine.replace("alerts", [{"alert_id": "a", "model_version": "m"}], rows_where(alert_id="a"))
        mine.append(
            "alerts", pa.Table.from_pylist([{"alert_id": "b"}], TABLES["alerts"].arrow_schema)
        )
        mine.delete("alerts", "alert_id = 'b'")
    assert {one.mark for one in mine.commits_after("alerts", -1)} == {log.run_id}
    assert {one.mark for one in mine.commits_after("runs", -1)} == {log.run_id}
    add(mine, "x")
    assert mine.commits_after("alerts", 3)[-1].mark is None


def test_a_stage_is_undone_as_long_as_it_wrote_alone(warehouse: Warehouse) -> None:
    """Rows that were there stay; that somebody merged data files meanwhile is no obstacle."""
    mine = warehouse
    for run_id in ("earlier", "other"):
        add(mine, run_id)

    def merge() -> None:
        DeltaTable(f"{warehouse.root}/alerts").optimize.compact()

    run_id = failed(mine, merge)
    assert there(mine) == {"earlier", "other"}
    [*_, last] = mine.commits_after("alerts", 0)
    assert (last.operation, last.mark) == ("RESTORE", f"undo of {run_id}")
    [start] = mine.rows("runs", run_id=run_id, status="running")
    assert versions_before(mine, start) == {}  # done once, it is not done again
    assert recover(mine) == []


@pytest.mark.parametrize("mark", ["20261127T000000-abcdef", None])
def test_what_somebody_else_committed_is_not_undone(warehouse: Warehouse, mark: str | None) -> None:
    """The next job stops and says whose commit it is; it goes on once the rows are deleted."""
    mine = warehouse
    others = open_warehouse(warehouse.spark, warehouse.root, direct="never")
    add(mine, "earlier")

    def meanwhile() -> None:
        if mark is None:
            DeltaTable(f"{warehouse.root}/alerts").delete("run_id = 'earlier'")
            return
        others.create("alerts")
        with others.marked(mark):
            add(others, mark)

    run_id = failed(mine, meanwhile)
    left = {"earlier", run_id, mark} if mark else {run_id}
    assert there(mine) == left
    with pytest.raises(WarehouseError) as caught:
        recover(mine)
    told = str(caught.value)
    assert told.startswith(
        f"the stage monitor of the run {run_id} did not end and cannot be undone"
    )
    assert f"in the table alerts of {warehouse.root} the version 3 (" in told
    assert f"is of {f'the run {mark}' if mark else 'a writer without a name'}, and" in told
    assert f"the job verify, delete the rows WHERE run_id = '{run_id}'" in told
    assert there(mine) == left
    DeltaTable(f"{warehouse.root}/alerts").delete(f"run_id = '{run_id}'")
    assert recover(mine) == [run_id]
    assert there(mine) == left - {run_id}


def test_a_stage_that_wrote_nothing_is_in_nobodys_way(warehouse: Warehouse) -> None:
    """Others may have written whatever they like since it started."""
    log = RunLog(warehouse, "test", "0" * 64)

    def work() -> None:
        with warehouse.marked("other"):
            add(warehouse, "other")
        raise SoBadError

    with pytest.raises(SoBadError), log.stage("monitor"):
        work()
    assert there(warehouse) == {"other"}
    assert warehouse.rows("runs", run_id=log.run_id, status="failed")


def test_stages_that_lie_behind_one_another_are_all_undone(warehouse: Warehouse) -> None:
    """A later stage that was undone is in an earlier one's way no more."""
    add(warehouse, "earlier")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunLog, "_fail", lambda *_: None)
        runs = {failed(warehouse), failed(warehouse)}
    assert there(warehouse) == {"earlier"} | runs
    assert set(recover(warehouse)) == runs
    assert there(warehouse) == {"earlier"}
