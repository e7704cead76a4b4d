"""Whether ledgers and tables agree, before a stage builds on them.

What a ledger does not tell of is done again. So a ledger that was lost, or put back from an older
backup, doubles every record, and a table that was leaves rows missing for good. Both show in sums:
the rows that the ledger's entries stand for are the rows that the log of the table counts.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iotscore.errors import WarehouseError
from iotscore.spark.ingest_plan import INGESTED, REFUSED
from iotscore.storage.inventory import empty_commits, listed_files

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.spark.tables import Warehouse

_MOST_NAMED: Final = 3
"""Runs, or data files, that a message names."""


@dataclass(frozen=True)
class _Table:
    """A table that a ledger counts, and where its rows say which run they are of."""

    name: str
    run: str
    weights: Mapping[str, str | int]
    """Of an entry with this status: its column that counts rows, or how many it stands for."""


@dataclass(frozen=True)
class _Books:
    """A ledger, the tables that it counts, those that it only speaks of, and the way back."""

    ledger: str
    counted: tuple[_Table, ...]
    others: tuple[str, ...]
    way_back: str


_ANY: Final = "any"
"""The status of entries of a ledger that has no such column."""

_DONE_AGAIN: Final = "if there is none, delete these folders: all of it is {} again"

_BOOKS: Final = {
    "ingest": _Books(
        "ingest_files",
        (
            _Table("traffic", "ingest_run", {INGESTED: "rows_accepted"}),
            _Table("quarantine", "run_id", {INGESTED: "rows_quarantined", REFUSED: 1}),
        ),
        (),
        "if there is none, ingest all captures into a new warehouse",
    ),
    "score": _Books(
        "scored_files",
        (_Table("scores", "run_id", {_ANY: "rows_scored"}),),
        (),
        _DONE_AGAIN.format("scored"),
    ),
    "explain": _Books(
        "explained_files",
        (_Table("explanations", "run_id", {_ANY: "rows_explained"}),),
        ("incidents",),
        _DONE_AGAIN.format("explained"),
    ),
    "evaluate": _Books("metrics", (), ("roc_points",), _DONE_AGAIN.format("measured")),
    "monitor": _Books("monitored_files", (), ("drift",), _DONE_AGAIN.format("counted")),
    "train": _Books("model_aliases", (), ("models",), "if there is none, run train --anew"),
}
"""By the stage that writes them. Models without an alias are candidates, and no fault."""

_NEEDS: Final = {
    "ingest": ("ingest",),
    "train": ("ingest", "train"),
    "score": ("ingest", "train", "score"),
    "evaluate": ("ingest", "train", "score", "evaluate"),
    "explain": ("ingest", "train", "score", "explain"),
    "monitor": ("ingest", "train", "score", "explain", "monitor"),
    "maintain": tuple(_BOOKS),
}
"""By stage: the books that it reads or goes on writing."""


class Agreement:
    """Looks at each ledger once: afterwards only the job itself changes it.

    Parameters
    ----------
    warehouse
        Which; no other job may write it, and nothing of a killed run is left in it.
    """

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._held: set[str] = set()

    def require(self, stage: str) -> None:
        """Raise unless a stage can build on what is there; nothing is written.

        Raises
        ------
        WarehouseError
            A ledger and a table disagree, or a file of theirs is lost.
        """
        for name in _NEEDS.get(stage, ()):
            if name not in self._held:
                _require(self._warehouse, _BOOKS[name])
                self._held.add(name)


def _require(warehouse: Warehouse, books: _Books) -> None:
    names = [table.name for table in books.counted]
    rows = {name: _rows(warehouse, name, books) for name in (books.ledger, *names, *books.others)}
    if books.counted:
        entries = _entries(warehouse, books)
        for table in books.counted:
            _require_sum(warehouse, books, table, entries, rows[table.name])
    elif books.ledger != "model_aliases" and rows[books.ledger] == 0:
        for other in books.others:
            if rows[other]:
                fault = f"the table {other} has rows, and its ledger {books.ledger} has none"
                raise _disagreement(warehouse, fault, books)


def _entries(warehouse: Warehouse, books: _Books) -> list[dict[str, Any]]:
    """Return the ledger's entries, those of ledgers without a status with the same one."""
    counts = {each for table in books.counted for each in table.weights.values()}
    columns = ["run_id", *sorted(each for each in counts if isinstance(each, str))]
    if books.ledger == "ingest_files":
        return warehouse.rows(books.ledger, [*columns, "status"])
    entries = warehouse.rows(books.ledger, [*columns, "expired_at"])
    return [entry | {"status": _ANY} for entry in entries]


def _rows(warehouse: Warehouse, table: str, books: _Books) -> int | None:
    """Count a table by its log, and see that its files are there; None if the log does not say."""
    if not warehouse.exists(table):
        return 0
    if not warehouse.is_direct:
        return warehouse.read(table).count()  # answered from the log
    path = warehouse.local_path(table)
    if empty := empty_commits(path):
        fault = f"{len(empty)} commit(s) of the table {table} are empty: {_some(empty)}"
        raise _disagreement(warehouse, fault, books)
    files = listed_files(path)
    if lost := [file for file in files if file.found != file.size]:
        told = [
            f"{file.path} ({'not there' if file.found is None else f'{file.found:,} bytes'}, "
            f"needed {file.size:,})"
            for file in lost
        ]
        fault = f"{len(lost)} data file(s) of the table {table} are lost or cut: {_some(told)}"
        raise _disagreement(warehouse, fault, books)
    counts = [file.rows for file in files]
    return None if None in counts else sum(count or 0 for count in counts)


def _require_sum(
    warehouse: Warehouse,
    books: _Books,
    table: _Table,
    entries: list[dict[str, Any]],
    rows: int | None,
) -> None:
    kept, expired = _told(table, entries)
    if rows == kept.total():
        return
    there = _by_run(warehouse, table)
    wrong = [
        f"run {run}: {kept[run]} told, {there[run]} there"
        for run in sorted({*kept, *there}, key=str)
        # What has expired is deleted after its entries were marked, and may be there still.
        if there[run] not in (kept[run], kept[run] + expired[run])
    ]
    if wrong:
        fault = (
            f"the table {table.name} has {there.total()} rows, and its ledger {books.ledger} tells "
            f"of {kept.total()} ({_some(wrong)})"
        )
        raise _disagreement(warehouse, fault, books)


def _told(table: _Table, entries: list[dict[str, Any]]) -> tuple[Counter[str], Counter[str]]:
    """Return the rows that entries stand for, by run: those that are kept, and expired ones."""
    kept: Counter[str] = Counter()
    expired: Counter[str] = Counter()
    for entry in entries:
        weight = table.weights.get(entry["status"], 0)
        rows = weight if isinstance(weight, int) else entry[weight]
        (kept if entry.get("expired_at") is None else expired)[entry["run_id"]] += rows
    return kept, expired


def _by_run(warehouse: Warehouse, table: _Table) -> Counter[str]:
    if warehouse.is_direct:
        runs = warehouse.table(table.name, [table.run]).column(table.run)
        return Counter({one["values"]: one["counts"] for one in runs.value_counts().to_pylist()})
    counted = warehouse.read(table.name).groupBy(table.run).count().collect()
    return Counter({row[table.run]: row["count"] for row in counted})


def _some(found: list[str]) -> str:
    more = len(found) - _MOST_NAMED
    return "; ".join([*found[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])


def _disagreement(warehouse: Warehouse, fault: str, books: _Books) -> WarehouseError:
    names = [books.ledger, *(table.name for table in books.counted), *books.others]
    return WarehouseError(
        f"the tables in {warehouse.root} do not agree: {fault}. Going on would double records or "
        "leave some out, so nothing was written. Run the job verify to see which files; then "
        f"restore the folders {', '.join(names)} from one backup, {books.way_back}"
    )
