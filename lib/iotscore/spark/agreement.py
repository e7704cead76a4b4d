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
    """A ledger and its tables.

    Attributes
    ----------
    ledger
        Its name.
    counted
        Tables of which it tells the rows.
    needing
        Tables that have no row without a row of it.
    others
        Tables that it speaks of otherwise.
    way_back
        What to do without a backup.
    """

    ledger: str
    way_back: str
    counted: tuple[_Table, ...] = ()
    needing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def tables(self) -> list[str]:
        """All of them, the ledger first."""
        counted = (table.name for table in self.counted)
        return [self.ledger, *counted, *self.needing, *self.others]


_ANY: Final = "any"
"""The status of entries of a ledger that has no such column."""

_DONE_AGAIN: Final = "if there is none, delete these folders: all of it is {} again"

_BOOKS: Final = {
    "ingest": _Books(
        "ingest_files",
        "if there is none, ingest all captures into a new warehouse",
        counted=(
            _Table("traffic", "ingest_run", {INGESTED: "rows_accepted"}),
            _Table("quarantine", "run_id", {INGESTED: "rows_quarantined", REFUSED: 1}),
        ),
    ),
    "score": _Books(
        "scored_files",
        _DONE_AGAIN.format("scored"),
        counted=(_Table("scores", "run_id", {_ANY: "rows_scored"}),),
    ),
    "explain": _Books(
        "explained_files",
        _DONE_AGAIN.format("explained"),
        counted=(_Table("explanations", "run_id", {_ANY: "rows_explained"}),),
        others=("incidents",),
    ),
    "evaluate": _Books("metrics", _DONE_AGAIN.format("measured"), needing=("roc_points",)),
    "monitor": _Books("monitored_files", _DONE_AGAIN.format("counted"), needing=("drift",)),
    # Models without an alias are candidates, and no fault.
    "train": _Books("model_aliases", "if there is none, run train --anew", others=("models",)),
}
"""By the stage that writes them."""

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
    if warehouse.is_direct:
        for name in books.tables:
            _require_files(warehouse, books, name)
    if books.counted:
        entries = _entries(warehouse, books)
        for table in books.counted:
            _require_sum(warehouse, books, table, entries)
    for name in books.needing:
        if _rows(warehouse, books.ledger) == 0 and _rows(warehouse, name):
            fault = f"the table {name} has rows, and its ledger {books.ledger} has none"
            raise _disagreement(warehouse, fault, books)


def _entries(warehouse: Warehouse, books: _Books) -> list[dict[str, Any]]:
    """Return the ledger's entries, those of ledgers without a status with the same one."""
    counts = {each for table in books.counted for each in table.weights.values()}
    columns = ["run_id", *sorted(each for each in counts if isinstance(each, str))]
    if books.ledger == "ingest_files":
        return warehouse.rows(books.ledger, [*columns, "status"])
    entries = warehouse.rows(books.ledger, [*columns, "expired_at"])
    return [entry | {"status": _ANY} for entry in entries]


def _require_files(warehouse: Warehouse, books: _Books, table: str) -> None:
    """Require that all that a table's log names is on the disk, and the log itself."""
    if not warehouse.exists(table):
        return
    path = warehouse.local_path(table)
    if empty := empty_commits(path):
        fault = f"{len(empty)} commit(s) of the table {table} are empty: {_some(empty)}"
        raise _disagreement(warehouse, fault, books)
    if lost := [file for file in listed_files(path) if file.found != file.size]:
        told = [
            f"{file.path} ({'not there' if file.found is None else f'{file.found:,} bytes'}, "
            f"needed {file.size:,})"
            for file in lost
        ]
        fault = f"{len(lost)} data file(s) of the table {table} are lost or cut: {_some(told)}"
        raise _disagreement(warehouse, fault, books)


def _rows(warehouse: Warehouse, table: str) -> int | None:
    """Count a table by its log; None if the log does not say."""
    if not warehouse.exists(table):
        return 0
    if not warehouse.is_direct:
        return warehouse.read(table).count()  # Delta answers from the log
    counts = [file.rows for file in listed_files(warehouse.local_path(table))]
    return None if None in counts else sum(count or 0 for count in counts)


def _require_sum(
    warehouse: Warehouse,
    books: _Books,
    table: _Table,
    entries: list[dict[str, Any]],
) -> None:
    kept, expired = _told(table, entries)
    if _rows(warehouse, table.name) == kept.total():
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
        rows = weight if isinstance(weight, int) else entry[weight] or 0
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
    return WarehouseError(
        f"the tables in {warehouse.root} do not agree: {fault}. Going on would double records or "
        "leave some out, so nothing was written. Run the job verify to see which files; then "
        f"restore the folders {', '.join(books.tables)} from one backup; {books.way_back}"
    )
