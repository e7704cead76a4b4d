"""Whether ledgers and tables agree, before a stage builds on them.

What a ledger does not tell of is done again. So a ledger that was lost, or put back from an older
backup, doubles every record, and a table that was leaves rows missing for good. Both show in sums:
the rows that the ledger's entries stand for are the rows that the log of the table counts.
"""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from iotscore.errors import WarehouseError
from iotscore.runs.ledgers import ANY, BOOKS, NEEDS, Books, CountedTable
from iotscore.warehouse.schemas import run_column

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from iotscore.warehouse.warehouse import Warehouse

_MOST_NAMED: Final = 3
"""Runs, or data files, that a message names."""


class ConsistencyCheck:
    """Looks at each ledger once: afterwards only the job itself changes it.

    No other job may write the warehouse, and nothing of a killed run may be left in it.
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
        for name in NEEDS.get(stage, ()):
            if name not in self._held:
                _require(self._warehouse, BOOKS[name])
                self._held.add(name)


def _require(warehouse: Warehouse, books: Books) -> None:
    for name in books.tables:
        _require_files(warehouse, books, name)
    if books.counted:
        entries = _entries(warehouse, books)
        for table in books.counted:
            _require_sum(warehouse, books, table, entries)
        if books.ledger == "ingest_files":  # its entries never lose the run that made them
            _require_runs(warehouse, books, {entry["run_id"] for entry in entries})
    for name in books.needing:
        if warehouse.count(books.ledger) == 0 and warehouse.count(name):
            fault = f"the table {name} has rows, and its ledger {books.ledger} has none"
            raise _disagreement(warehouse, fault, books)


def _entries(warehouse: Warehouse, books: Books) -> list[dict[str, Any]]:
    """Return the ledger's entries, those of ledgers without a status with the same one."""
    counts = {each for table in books.counted for each in table.weights.values()}
    columns = ["run_id", *sorted(each for each in counts if isinstance(each, str))]
    if books.ledger == "ingest_files":
        return warehouse.rows(books.ledger, [*columns, "status"])
    entries = warehouse.rows(books.ledger, [*columns, "expired_at"])
    return [entry | {"status": ANY} for entry in entries]


def _require_files(warehouse: Warehouse, books: Books, table: str) -> None:
    """Require that all that a table's log names is on the disk, and the log itself."""
    if not warehouse.exists(table):
        return
    found = warehouse.check_data_files(table)
    if empty := found.empty_commits:
        fault = f"{len(empty)} commit(s) of the table {table} are empty: {_some(empty)}"
        raise _disagreement(warehouse, fault, books)
    if lost := [str(file) for file in found.lost]:
        fault = f"{len(lost)} data file(s) of the table {table} are lost or cut: {_some(lost)}"
        raise _disagreement(warehouse, fault, books)


def _require_sum(
    warehouse: Warehouse, books: Books, table: CountedTable, entries: list[dict[str, Any]]
) -> None:
    kept, expired = _told(table, entries)
    if warehouse.count(table.name) == kept.total():
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


def _require_runs(warehouse: Warehouse, books: Books, known: Collection[str]) -> None:
    """Require that a ledger knows all runs that say that they did something.

    Ledger and table may agree and both be of an older backup: what came later is in neither.
    """
    lost = {
        row["run_id"]
        for row in warehouse.rows("runs", ["run_id", "details"], stage="ingest")
        if row["run_id"] not in known and _files(json.loads(row["details"] or "{}"))
    }
    if lost:
        fault = (
            f"the table runs tells of {len(lost)} ingest(s) that the ledger {books.ledger} does "
            f"not know ({_some(sorted(lost))}); runs must be of the same backup"
        )
        raise _disagreement(warehouse, fault, books)


def _files(details: Mapping[str, Any]) -> int:
    """Return how many files an ingest entered into its ledger."""
    return sum(details.get(name) or 0 for name in ("files_ingested", "files_refused"))


def _told(table: CountedTable, entries: list[dict[str, Any]]) -> tuple[Counter[str], Counter[str]]:
    """Return the rows that entries stand for, by run: those that are kept, and expired ones."""
    kept, expired = Counter[str](), Counter[str]()
    for entry in entries:
        weight = table.weights.get(entry["status"], 0)
        rows = weight if isinstance(weight, int) else entry[weight] or 0
        (kept if entry.get("expired_at") is None else expired)[entry["run_id"]] += rows
    return kept, expired


def _by_run(warehouse: Warehouse, table: CountedTable) -> Counter[str]:
    column = run_column(table.name)
    counts = Counter[str]()
    for batch in warehouse.batches(table.name, [column]):
        for one in batch.column(column).value_counts().to_pylist():
            counts[one["values"]] += one["counts"]
    return counts


def _some(found: Sequence[str]) -> str:
    more = len(found) - _MOST_NAMED
    return "; ".join([*found[:_MOST_NAMED], *([f"and {more} more"] if more > 0 else [])])


def _disagreement(warehouse: Warehouse, fault: str, books: Books) -> WarehouseError:
    return WarehouseError(
        f"the tables in {warehouse.root} do not agree: {fault}. Going on would double records or "
        "leave some out, so nothing was written. Run the job verify to see which files; then "
        f"restore the folders {', '.join(books.tables)} from one backup; {books.way_back}"
    )
