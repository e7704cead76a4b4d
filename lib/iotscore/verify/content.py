"""The check of content: every value of records and scores is what was written.

Data files that the driver's machine and the executors see as local files are read to the end, with
the checksums of their pages and the ranges in their footers; of other storage Spark reads the rows,
and checks the pages. What is read is summed up by file and compared with the ledgers' sums.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from iotscore.verify.counts import Place, named
from iotscore.warehouse.record_sums import RecordSum

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.verify.snapshot import Evidence

_NOTHING: Final = RecordSum()


class _Entry(NamedTuple):
    """What a ledger says of a file's rows."""

    table: str
    key: Place
    rows: int
    records_hash: int | None


def content_faults(found: Evidence) -> Iterator[str]:
    """Compare the sums of traffic and scores with those that the ledgers keep.

    Where the numbers of rows differ, another check says so.
    """
    for table, key, rows, records_hash in _entries(found):
        there = found.sums.get(table, {}).get(key, _NOTHING)
        is_comparable = records_hash is not None and there.rows == rows
        if is_comparable and there.records_hash != records_hash:
            name = named(key, found.names)
            yield f"{name}: values of its {rows} rows in {table} are not those that were written"


def content_compared(found: Evidence) -> str:
    """Say of how many files the sums are compared, and of how many they cannot be."""
    entries = list(_entries(found))
    unknown = sum(entry.records_hash is None for entry in entries)
    rows = sum(entry.rows for entry in entries if entry.records_hash is not None)
    told = f"{rows:,} rows of traffic and scores: sums of their hashes = ledgers, per file"
    if not unknown:
        return told
    return (
        f"{told}; {unknown} not checked, whose ledger has no sum: written by an earlier version "
        "or scored by batch_minmax"
    )


def _entries(found: Evidence) -> Iterator[_Entry]:
    for row in found.ingested.values():
        key: Place = (row["file_id"], row["run_id"])
        yield _Entry("traffic", key, row["rows_accepted"], row["records_hash"])
    for row in found.scored:
        if row["expired_at"] is None:
            key = (row["model_version"], row["file_id"], row["run_id"])
            yield _Entry("scores", key, row["rows_scored"], row["records_hash"])
