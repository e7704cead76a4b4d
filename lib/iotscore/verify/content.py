"""The check of content: every value of records and scores is what was written.

Data files that the driver's machine and the executors see as local files are read to the end, with
the checksums of their pages and the ranges in their footers; of other storage Spark reads the rows,
and checks the pages. What is read is summed up by file and compared with the ledgers' sums.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iotscore.verify.snapshot import PROVED
from iotscore.warehouse.record_sums import RecordSum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.verify.snapshot import Evidence

_NOTHING: Final = RecordSum()


@dataclass(frozen=True)
class _Entry:
    """What a ledger says of a file's rows."""

    key: tuple[str, ...]
    name: str
    rows: int
    records_hash: int | None


def content_faults(found: Evidence) -> Iterator[str]:
    """Compare the sums of traffic and scores with those that the ledgers keep.

    Where the numbers of rows differ, another check says so.
    """
    for table in PROVED:
        for entry in _entries(found, table):
            there = found.sums.get(table, {}).get(entry.key, _NOTHING)
            is_comparable = entry.records_hash is not None and there.rows == entry.rows
            if is_comparable and there.records_hash != entry.records_hash:
                yield (
                    f"{entry.name}: values of its {entry.rows} rows in {table} are not those that "
                    "were written"
                )


def content_compared(found: Evidence) -> str:
    """Say of how many files the sums are compared, and of how many they cannot be."""
    entries = [entry for table in PROVED for entry in _entries(found, table)]
    unknown = sum(entry.records_hash is None for entry in entries)
    rows = sum(entry.rows for entry in entries if entry.records_hash is not None)
    told = f"{rows:,} rows of traffic and scores: sums of their hashes = ledgers, per file"
    if not unknown:
        return told
    return (
        f"{told}; {unknown} not checked, whose ledger has no sum: written by an earlier version "
        "or scored by batch_minmax"
    )


def _entries(found: Evidence, table: str) -> Iterator[_Entry]:
    if table == "traffic":
        for row in found.ingested.values():
            yield _entry(row, (row["file_id"], row["run_id"]), found, row["rows_accepted"])
        return
    for row in found.scored:
        if row["expired_at"] is None:
            key = (row["model_version"], row["file_id"], row["run_id"])
            yield _entry(row, key, found, row["rows_scored"])


def _entry(row: dict[str, Any], key: tuple[str, ...], found: Evidence, rows: int) -> _Entry:
    name = found.names.get(row["file_id"], row["file_id"])
    named = f"model {row['model_version']}, {name}" if "model_version" in row else name
    return _Entry(key, named, rows, row["records_hash"])
