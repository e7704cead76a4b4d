"""Sums of record hashes: what changes them, and what does not."""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from xxhash import xxh64_intdigest

from iotscore.warehouse.record_sums import OF_THE_RUN, added, record_sums
from iotscore.warehouse.schemas import TABLES

DAY = date(2026, 11, 20)
TIME = datetime(2026, 11, 20, 2, 30, tzinfo=UTC)
SCHEMA = pa.schema(
    [
        ("file_id", pa.string()),
        ("row_no", pa.int64()),
        ("label", pa.int32()),
        ("day", pa.date32()),
        ("time", pa.timestamp("us", "UTC")),
        ("flag", pa.bool_()),
        ("note", pa.string()),
        ("value", pa.float64()),
        ("other", pa.float64()),
    ]
)
RECORD: dict[str, Any] = {
    "file_id": "a",
    "row_no": 1,
    "label": 0,
    "day": DAY,
    "time": TIME,
    "flag": False,
    "note": "",
    "value": 0.0,
    "other": 1.5,
}


def table(*records: dict[str, Any]) -> pa.Table:
    """Return records as a table; values that are not given are those of :data:`RECORD`."""
    return pa.Table.from_pylist([RECORD | record for record in records], SCHEMA)


def hash_of(rows: pa.Table) -> int:
    """Return the sum of the only file."""
    ((_, found),) = record_sums(rows).items()
    return found.records_hash


def test_the_formula() -> None:
    """The sum is the one that the module states, so that others can compute it."""
    rows = pa.table({"file_id": ["a"], "row_no": [-7], "value": [0.1], "none": pa.nulls(1)})
    (number,) = struct.unpack("<Q", struct.pack("<d", 0.1))
    values = {"file_id": xxh64_intdigest(b"a"), "row_no": 2**64 - 7, "value": number}
    terms = [
        (bits ^ (bits >> 32)) * (xxh64_intdigest(name.encode()) | 1)
        + xxh64_intdigest(name.encode(), 1)
        for name, bits in values.items()
    ]
    mixed = sum(terms) % 2**64
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 % 2**64
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB % 2**64
    mixed ^= mixed >> 31
    assert hash_of(rows) % 2**64 == mixed


@pytest.mark.parametrize(
    "other",
    [
        {"file_id": "b"},
        {"row_no": 2},
        {"label": 1},
        {"label": None},
        {"day": date(2026, 11, 21)},
        {"time": datetime(2026, 11, 20, 2, 30, 0, 1, tzinfo=UTC)},
        {"flag": True},
        {"flag": None},
        {"note": "x"},
        {"note": None},
        {"value": -0.0},
        {"value": None},
        {"value": 5e-324},
        {"value": 1.5, "other": 0.0},
    ],
)
def test_another_value_is_another_sum(other: dict[str, Any]) -> None:
    """Each column counts, NULL is a value of its own, and so is the column a value stands in."""
    rest = {"row_no": 7}
    changed = table(RECORD | other, rest | {"file_id": other.get("file_id", "a")})
    assert hash_of(table(RECORD, rest)) != hash_of(changed)


@settings(max_examples=200)
@given(st.floats(allow_nan=False), st.integers(0, 63), st.integers(0, 63))
def test_every_flipped_bit_is_seen(value: float, bit: int, second: int) -> None:
    """One flipped bit of one value changes the sum, and so do two in two columns of a record."""
    bits = np.array([value]).view(np.uint64)
    flipped = float((bits ^ np.uint64(1 << bit)).view(np.float64)[0])
    other = float((np.array([1.5]).view(np.uint64) ^ np.uint64(1 << second)).view(np.float64)[0])
    whole = hash_of(table({"value": value}))
    assert hash_of(table({"value": flipped})) != whole
    assert hash_of(table({"value": flipped, "other": other})) != whole


def test_values_swapped_between_records_are_seen() -> None:
    """A sum over columns alone would not see a value in another record."""
    first, second = {"row_no": 1, "value": 1.0}, {"row_no": 2, "value": 2.0}
    swapped = ({"row_no": 1, "value": 2.0}, {"row_no": 2, "value": 1.0})
    assert hash_of(table(first, second)) != hash_of(table(*swapped))


def test_what_does_not_count() -> None:
    """Order of rows and columns, batches, Arrow's type of texts, and columns of NULL."""
    rows = table(*({"row_no": at, "value": at / 3, "note": str(at % 3)} for at in range(20_000)))
    whole = record_sums(rows)
    assert whole[("a",)].rows == 20_000
    assert record_sums(rows.take(np.arange(19_999, -1, -1))) == whole
    assert record_sums(rows.select(SCHEMA.names[::-1])) == whole
    assert added(record_sums(rows.slice(0, 7)), record_sums(rows.slice(7))) == whole
    assert record_sums(rows.append_column("later", pa.nulls(20_000, pa.float64()))) == whole
    place, notes = rows.schema.get_field_index("note"), rows["note"]
    forms = [notes.cast(pa.large_string()), notes.cast(pa.string_view()), notes.dictionary_encode()]
    for form in forms:
        assert record_sums(rows.set_column(place, "note", form)) == whole


def test_the_run_does_not_count() -> None:
    """The same records have the same sum in every run."""
    names = [*TABLES["traffic"].schema.names, *TABLES["scores"].schema.names]
    assert set(names) >= OF_THE_RUN
    rows = table(RECORD)
    for name in OF_THE_RUN:
        assert record_sums(rows.append_column(name, [["one"]])) == record_sums(rows)


def test_sums_by_several_columns() -> None:
    """Rows are summed up by all given columns together; no rows have no sums."""
    rows = table({"note": "x"}, {"note": "y"}, {"file_id": "b", "note": "x"}, {"note": "x"})
    found = record_sums(rows, ("note", "file_id"))
    assert {key: of_key.rows for key, of_key in found.items()} == {
        ("x", "a"): 2,
        ("y", "a"): 1,
        ("x", "b"): 1,
    }
    assert record_sums(table()) == {} == record_sums(rows.slice(0, 0))
