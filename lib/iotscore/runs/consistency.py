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
    from collections.abc import Collection, Iterator, Mapping, Sequence

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
            if name in self._held:
                continue
            books = BOOKS[name]
            if fault := next(_faults(self._warehouse, books), None):
                message = (
                    f"the tables in {self._warehouse.root} do not agree: {fault}. Going on would "
                    "double records or leave some out, so nothing was written. Run the job verify "
                    f"to see which files; then restore the folders {', '.join(books.tables)} from "
                    f"one backup; {books.way_back}"
                )
                raise WarehouseError(message)
            self._held.add(name)


def _faults(warehouse: Warehouse, books: Books) -> Iterator[str]:
    for name in books.tables:
        yield from _lost_files(warehouse, name)
    if books.counted:
        entries = _entries(warehouse, books)
        for table in books.counted:
            yield from _wrong_sums(warehouse, books, table, entries)
        if books.ledger == "ingest_files":  # its entries never lose the run that made them
            yield from _unknown_runs(warehouse, books, {entry["run_id"] for entry in entries})
    for name in books.needing:
        if warehouse.count(books.ledger) == 0 and warehouse.count(name):
            yield f"the table {name} has rows, and its ledger {books.ledger} has none"


def _entries(warehouse: Warehouse, books: Books) -> list[dict[str, Any]]:
    """Return the ledger's entries, those of ledgers without a status with the same one."""
    counts = {each for table in books.counted for each in table.weights.values()}
    columns = ["run_id", *sorted(each for each in counts if isinstance(each, str))]
    if books.ledger == "ingest_files":
        return warehouse.rows(books.ledger, [*columns, "status"])
    entries = warehouse.rows(books.ledger, [*columns, "expired_at"])
    return [entry | {"status": ANY} for entry in entries]


def _lost_files(warehouse: Warehouse, table: str) -> Iterator[str]:
    """Look on the disk for all that a table's log names, and for the log itself."""
    if not warehouse.exists(table):
        return
    found = warehouse.check_data_files(table)
    if empty := found.empty_commits:
        yield f"{len(empty)} commit(s) of the table {table} are empty: {_some(empty)}"
    if lost := [str(file) for file in found.lost]:
        yield f"{len(lost)} data file(s) of the table {table} are lost or cut: {_some(lost)}"


def _wrong_sums(
    warehouse: Warehouse, books: Books, table: CountedTable, entries: list[dict[str, Any]]
) -> Iterator[str]:
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
        yield (
            f"the table {table.name} has {there.total()} rows, and its ledger {books.ledger} tells "
            f"of {kept.total()} ({_some(wrong)})"
        )


def _unknown_runs(warehouse: Warehouse, books: Books, known: Collection[str]) -> Iterator[str]:
    """Look for runs that say that they did something, and of which a ledger does not know.

    Ledger and table may agree and both be of an older backup: what came later is in neither.
    """
    lost = {
        row["run_id"]
        for row in warehouse.rows("runs", ["run_id", "details"], stage="ingest")
        if row["run_id"] not in known and _files(json.loads(row["details"] or "{}"))
    }
    if lost:
        yield (
            f"the table runs tells of {len(lost)} ingest(s) that the ledger {books.ledger} does "
            f"not know ({_some(sorted(lost))}); runs must be of the same backup"
        )


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
