"""Rows counted by file and run, and their keys digested, where they lie."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.sampling.record_hash import record_hashes
from iotscore.warehouse.records import plain
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from iotscore.warehouse.warehouse import Warehouse

SEED: Final = 20_260_101
"""Seed of the hash that digests keys; no model's split uses it."""


@dataclass(frozen=True)
class Keys:
    """The rows of a file in a table, with the smallest and the largest row number.

    The digest is the XOR of the hashes of all keys. If as many rows are there as distinct ones are
    needed, and not the same ones, the digests differ but for a chance of 1 in 2^64.
    """

    rows: int = 0
    low: int | None = None
    high: int | None = None
    digest: int | None = None

    def __add__(self, other: Keys) -> Keys:
        """Return the rows of both together."""
        if not self.rows or not other.rows:
            return other if other.rows else self
        return Keys(
            self.rows + other.rows,
            min(self.low or 0, other.low or 0),
            max(self.high or 0, other.high or 0),
            (self.digest or 0) ^ (other.digest or 0),
        )


KeysBy = dict[tuple[str, ...], Keys]
"""By the values of some columns."""


def count_keys(
    warehouse: Warehouse, table: str, by: Sequence[str], version: int | None, *, are_lines: bool
) -> KeysBy:
    """Count the rows of a table.

    Parameters
    ----------
    table, version
        Which, and as it was when; None: as it is.
    by
        Columns of texts, ``file_id`` among them.
    are_lines
        Whether rows are meant that have a row number, or those that have none.
    """
    chosen = Selection(table, (*by, "row_no"), version=version)

    def fold(tables: Iterator[pa.Table]) -> pa.Table:
        parts = (_of_table(rows, by, are_lines=are_lines) for rows in tables)
        return _packed(_added(chain.from_iterable(parts)), by)

    parts = warehouse.fold_records(chosen, lambda: fold)
    return _added(chain.from_iterable(_unpacked(part, by) for part in parts))


def count_bins(warehouse: Warehouse, version: int | None) -> dict[tuple[str, ...], int]:
    """Add up the records in ``score_histogram`` by model version, file and detector."""
    by = ("model_version", "file_id", "detector")
    chosen = Selection("score_histogram", (*by, "rows"), version=version)

    def fold(tables: Iterator[pa.Table]) -> pa.Table:
        parts = [_summed(plain(rows), by) for rows in tables]
        return pa.concat_tables(parts) if parts else pa.table({})

    parts = [part for part in warehouse.fold_records(chosen, lambda: fold) if part.num_rows]
    if not parts:
        return {}
    rows = _summed(pa.concat_tables(parts), by).to_pylist()
    return {tuple(row[name] for name in by): row["rows"] for row in rows}


def _summed(rows: pa.Table, by: Sequence[str]) -> pa.Table:
    summed = rows.group_by(list(by), use_threads=False).aggregate([("rows", "sum")])
    return summed.rename_columns({"rows_sum": "rows"})


def _added(parts: Iterable[tuple[tuple[str, ...], Keys]]) -> KeysBy:
    total: KeysBy = {}
    for key, keys in parts:
        total[key] = total.get(key, Keys()) + keys
    return total


def _of_table(
    rows: pa.Table, by: Sequence[str], *, are_lines: bool
) -> Iterator[tuple[tuple[str, ...], Keys]]:
    meant = rows.filter(pc.equal(pc.is_valid(rows.column("row_no")), are_lines))
    for batch in meant.to_batches():
        columns = [batch.column(name) for name in by]
        place = np.zeros(batch.num_rows, np.int64)
        for column in columns:
            codes = pc.fill_null(column.indices, -1).to_numpy(zero_copy_only=False)
            place = place * (len(column.dictionary) + 1) + codes + 1
        order = np.argsort(place, kind="stable")
        starts = np.flatnonzero(np.diff(place[order], prepend=-1))
        for mine in np.split(order, starts[1:]):
            key = tuple(column[int(mine[0])].as_py() for column in columns)
            file_id = key[list(by).index("file_id")]
            row_no = batch.column("row_no").take(pa.array(mine))
            yield key, _digested(file_id, row_no) if are_lines else Keys(len(mine))


def _digested(file_id: str | None, row_no: pa.Array) -> Keys:
    numbers = row_no.to_numpy()
    digest = np.bitwise_xor.reduce(record_hashes(SEED, file_id or "", numbers))
    return Keys(len(numbers), int(numbers.min()), int(numbers.max()), int(digest))


def _packed(found: KeysBy, by: Sequence[str]) -> pa.Table:
    texts = {
        name: pa.array([key[place] for key in found], pa.string()) for place, name in enumerate(by)
    }
    numbers = {
        name: pa.array([getattr(keys, name) for keys in found.values()], pa.int64())
        for name in ("rows", "low", "high", "digest")
    }
    return pa.table({**texts, **numbers})


def _unpacked(part: pa.Table, by: Sequence[str]) -> Iterator[tuple[tuple[str, ...], Keys]]:
    for row in part.to_pylist():
        keys = Keys(row["rows"], row["low"], row["high"], row["digest"])
        yield tuple(row[name] for name in by), keys
