"""The sum of the hashes of all records of a landing file: what tells that a stored value changed.

With ``x`` for the 64 bits of a value (whole numbers, days, times and booleans as signed 64-bit
integers, texts as their XXH64), ``P`` for XXH64 of the column's name with seed 0, made odd, and
``S`` for the same with seed 1::

    term   = (x xor (x >> 32)) * P + S, 0 for NULL
    hash   = mix(sum of the terms of a record)
    result = sum of the hashes of all records

Everything is modulo 2^64; ``mix`` is the finaliser of SplitMix64 (Steele, Lea and Flood, "Fast
splittable pseudorandom number generators", OOPSLA 2014). Each step but the sums is a bijection, so
one changed value always changes the result; other changes go unseen with a chance of some 2^-64.
The order of records and columns does not matter, and neither do columns of NULL, so what a table
gains later changes nothing. Columns that say in which run a row was written do not count: the same
records have the same sum in every run.
"""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from xxhash import xxh64_intdigest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    _Bits = npt.NDArray[np.uint64]

OF_THE_RUN: Final = frozenset({"ingest_run", "run_id", "scored_at"})
"""Columns that do not count."""
_BLOCK: Final = 8_192
"""Records whose hashes are computed together: what they need stays in a core's cache."""
_MODULUS: Final = 2**64
_FOLD: Final = np.uint64(32)


class RecordSum(NamedTuple):
    """Some records: how many, and the sum of their hashes as a signed 64-bit integer."""

    rows: int = 0
    records_hash: int = 0

    def plus(self, other: RecordSum) -> RecordSum:
        """Return that of both."""
        total = (self.records_hash + other.records_hash) % _MODULUS
        return RecordSum(self.rows + other.rows, _signed(total))


Sums = dict[tuple[str, ...], RecordSum]
"""By the values of some columns."""


def added(*parts: Mapping[tuple[str, ...], RecordSum]) -> Sums:
    """Return the sums of several parts together."""
    total: defaultdict[tuple[str, ...], RecordSum] = defaultdict(RecordSum)
    for part in parts:
        for key, found in part.items():
            total[key] = total[key].plus(found)
    return dict(total)


def record_sums(rows: pa.Table, by: Sequence[str] = ("file_id",)) -> Sums:
    """Return number and hash sum of some records, by columns of texts."""
    parts = (_of_block(batch, by) for batch in rows.to_batches(_BLOCK))
    return added(*parts)


def _of_block(rows: pa.RecordBatch, by: Sequence[str]) -> Sums:
    hashes = _hashes(rows)
    keys = [_texts(rows.column(name)) for name in by]
    place = np.zeros(rows.num_rows, np.int64)
    for column in keys:
        place = place * len(column.dictionary) + column.indices.to_numpy()
    places, first, group = np.unique(place, return_index=True, return_inverse=True)
    totals, counts = np.zeros(len(places), np.uint64), np.bincount(group)
    np.add.at(totals, group, hashes)
    return {
        tuple(column[int(row)].as_py() for column in keys): RecordSum(
            int(counts[at]), _signed(int(totals[at]))
        )
        for at, row in enumerate(first)
    }


def _hashes(rows: pa.RecordBatch) -> _Bits:
    total = np.zeros(rows.num_rows, np.uint64)
    for name, column in zip(rows.schema.names, rows.columns, strict=True):
        if name in OF_THE_RUN:
            continue
        factor, summand = _constants(name)
        term = _bits(column)
        term ^= term >> _FOLD
        term *= factor
        term += summand
        if column.null_count:
            term[column.is_null().to_numpy(zero_copy_only=False)] = 0
        total += term
    return _mixed(total)


@cache
def _constants(name: str) -> tuple[np.uint64, np.uint64]:
    return np.uint64(xxh64_intdigest(name.encode(), 0) | 1), np.uint64(
        xxh64_intdigest(name.encode(), 1)
    )


def _bits(column: pa.Array) -> _Bits:
    """Return 64 bits of each value, in memory of its own; of NULL anything."""
    if pa.types.is_floating(column.type):
        return _filled(column, 0.0).view(np.uint64).copy()
    if pa.types.is_dictionary(column.type) or not _is_number(column.type):
        texts = _texts(column)
        hashed = [xxh64_intdigest((text or "").encode()) for text in texts.dictionary.to_pylist()]
        return np.array([*hashed, 0], np.uint64)[_filled(texts.indices, -1)]
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.timestamp("us", column.type.tz))
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    return _filled(column.cast(pa.int64()), 0).view(np.uint64).copy()


def _is_number(kind: pa.DataType) -> bool:
    tests = (pa.types.is_integer, pa.types.is_boolean, pa.types.is_date, pa.types.is_timestamp)
    return any(test(kind) for test in tests)


def _texts(column: pa.Array) -> pa.DictionaryArray:
    """Return texts as a dictionary, whatever Arrow's type of them."""
    if pa.types.is_dictionary(column.type):
        return column
    return column.cast(pa.string()).dictionary_encode()


def _filled(column: pa.Array, value: float) -> npt.NDArray[np.int64]:
    if column.null_count:
        column = pc.fill_null(column, pa.scalar(value, column.type))
    filled: npt.NDArray[np.int64] = column.to_numpy()
    return filled


def _mixed(total: _Bits) -> _Bits:
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        total ^= total >> np.uint64(shift)
        total *= np.uint64(factor)
    total ^= total >> np.uint64(31)
    return total


def _signed(value: int) -> int:
    return value - _MODULUS if value >= _MODULUS // 2 else value
