"""Incidents in the warehouse: the same on the driver and by Spark, written once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.detect.vote_windows import VoteWindows
from iotscore.explain.stage import write_incidents
from iotscore.features import FEATURES
from iotscore.models.context import Context
from iotscore.models.registry import load_model
from iotscore.scoring.ledger import PendingFiles
from iotscore.warehouse.delta_rs import warehouse as delta_rs_warehouse
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

WINDOWS = VoteWindows(np.array([-1, 2]), np.array([9, 5]), np.zeros(2, int), np.zeros(2, int))
_NOT_SAME = ("run_id", "found_at")


def explanations(
    warehouse: Warehouse, source: str, rows: Sequence[int], run_id: str
) -> list[dict[str, Any]]:
    """Return explanations of some rows of a file of the warehouse, as if they were flagged."""
    file = next(row for row in warehouse.rows("ingest_files") if row["source_file"] == source)
    names = TABLES["explanations"].schema.fieldNames()
    described = {name: value for name, value in file.items() if name in names}
    empty = dict.fromkeys(("value", "low", "high"), 0.0)
    return [
        {
            **described,
            "row_no": row,
            "hybrid_score": 3.0 + row % 7,
            "severity": 50.0 + row % 7,
            "base": 0.5,
            "top": [
                {"feature": FEATURES[(row + k) % 9], "contribution": 1.0 / (k + 1), **empty}
                for k in range(5)
            ],
            "rest": 0.0,
            "sentence": f"row {row}",
            "model_version": load_model(warehouse).version,
            "run_id": run_id,
            "explained_at": datetime(2026, 11, 24, tzinfo=UTC),
        }
        for row in rows
    ]


def todo_of(warehouse: Warehouse, *, stale: Sequence[str] = ()) -> PendingFiles:
    """Return all ingested files as those to explain."""
    files = {row["file_id"]: row for row in warehouse.rows("ingest_files")}
    return PendingFiles(
        load_model(warehouse).version,
        rows={file_id: row["rows_accepted"] for file_id, row in files.items()},
        checksums={file_id: row["sha256"] for file_id, row in files.items()},
        stale=frozenset(stale),
        ingest_runs={},
    )


def explained(warehouse: Warehouse, run_id: str, rows: dict[str, Sequence[int]]) -> dict[str, int]:
    """Write explanations and return their number by file id."""
    written: dict[str, int] = {}
    for source, numbers in rows.items():
        new = explanations(warehouse, source, numbers, run_id)
        warehouse.append("explanations", new)
        written[new[0]["file_id"]] = len(new)
    return written


ROWS: dict[str, Sequence[int]] = {
    "1.gafgyt.tcp.csv": range(3, 31),
    "2.mirai.syn.csv": [2, 3, 4, 9, 20, 21, 23, 24, 26, 39],
    "1.2026-11-20.csv": [1, 30],
}


def comparable(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return the incidents without what differs from run to run."""
    rows = warehouse.rows("incidents")
    kept = [{name: row[name] for name in row if name not in _NOT_SAME} for row in rows]
    return sorted(kept, key=lambda row: (row["source_file"], row["first_row"]))


def test_the_driver_and_spark_find_the_same(
    night_copy: Callable[[str], Warehouse], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that finds them anew doubles none.

    Explanations of a run that was killed lie beside them, and an incident of an earlier content.
    """
    warehouse = night_copy("default")
    todo = todo_of(warehouse)
    explained(warehouse, "killed", {"2.mirai.syn.csv": range(1, 41)})
    rows = explained(warehouse, "run", ROWS)
    rows |= dict.fromkeys(set(todo.rows) - set(rows), 0)
    assert write_incidents(Context(warehouse, "run"), WINDOWS, todo, rows) == 3
    first = comparable(warehouse)
    found = [(row["source_file"], row["first_row"], row["last_row"], row["delay"]) for row in first]
    assert found == [
        ("1.gafgyt.tcp.csv", 3, 30, 5),
        ("2.mirai.syn.csv", 2, 4, 3),
        ("2.mirai.syn.csv", 20, 26, 4),
    ]
    assert [row["vote_window"] for row in first] == [9, 5, 5]
    assert [row["peak_row"] for row in first] == [6, 4, 20]
    before = warehouse.version("incidents")
    monkeypatch.setattr(delta_rs_warehouse, "_MOST_ROWS_ON_DRIVER", 0)
    assert write_incidents(Context(warehouse, "run"), WINDOWS, todo, rows) == 3
    assert comparable(warehouse) == first
    assert warehouse.version("incidents") == before + 1


def test_incidents_of_earlier_contents_go(night_copy: Callable[[str], Warehouse]) -> None:
    """Those of the files in hand, and of any model if the content is another one; no others."""
    warehouse = night_copy("default")
    stored = load_model(warehouse)
    rows = explained(warehouse, "first", ROWS)
    write_incidents(Context(warehouse, "first"), WINDOWS, todo_of(warehouse), rows)
    old = warehouse.rows("incidents")
    warehouse.append(
        "incidents", [{**row, "model_version": "other", "run_id": "other"} for row in old]
    )
    (tcp,) = {row["file_id"] for row in old if row["source_file"] == "1.gafgyt.tcp.csv"}
    one = PendingFiles(stored.version, {tcp: 40}, {tcp: "new"}, frozenset({tcp}), {})
    assert write_incidents(Context(warehouse, "second"), WINDOWS, one, {tcp: 0}) == 0
    left = warehouse.rows("incidents")
    assert {row["source_file"] for row in left} == {"2.mirai.syn.csv"}
    assert sorted(row["model_version"] for row in left) == sorted(["other", stored.version] * 2)
    rows = explained(warehouse, "third", {"1.gafgyt.tcp.csv": range(1, 10)})
    assert write_incidents(Context(warehouse, "third"), WINDOWS, one, rows) == 1
    assert len(warehouse.rows("incidents")) == 5


def test_nothing_flagged_makes_no_table(night_copy: Callable[[str], Warehouse]) -> None:
    """A quiet night costs nothing."""
    warehouse = night_copy("default")
    todo = todo_of(warehouse)
    assert write_incidents(Context(warehouse, "run"), WINDOWS, todo, {}) == 0
    assert warehouse.rows("incidents") == []
