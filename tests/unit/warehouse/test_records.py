"""Rows with all columns of a table: their own, constants, and NULL."""

from __future__ import annotations

from datetime import date

import pyarrow as pa
import pytest

from iotscore.warehouse.records import with_constants

SCHEMA = pa.schema(
    [
        ("file_id", pa.string()),
        ("row_no", pa.int64()),
        ("label", pa.int32()),
        ("event_day", pa.date32()),
        ("note", pa.string()),
        ("value", pa.float64()),
    ]
)
COLUMNS = SCHEMA.names


def test_constants_fill_the_columns_that_rows_lack() -> None:
    """Columns come in the schema's order: from the rows first, then constants, then NULL."""
    given_rows = pa.table({"note": ["x", None], "row_no": [1, 2], "unknown": [0, 0]})
    constants = {"file_id": "f", "event_day": date(2026, 11, 20), "row_no": 9, "label": None}
    found = with_constants(given_rows, constants, SCHEMA)
    assert found.column_names == COLUMNS
    shared = {"file_id": "f", "label": None, "event_day": date(2026, 11, 20), "value": None}
    assert found.to_pylist() == [
        {**shared, "row_no": 1, "note": "x"},
        {**shared, "row_no": 2, "note": None},
    ]


@pytest.mark.parametrize("constant", ["x", "", None])
@pytest.mark.parametrize("count", [0, 3])
def test_texts_become_dictionaries(constant: str | None, count: int) -> None:
    """A text is a dictionary wherever it comes from, so that all batches of a file fit."""
    notes = pa.array(["y"] * count, pa.string()).dictionary_encode()
    found = with_constants(pa.table({"note": notes}), {"file_id": constant}, SCHEMA)
    kinds = {name: found.schema.field(name).type for name in COLUMNS}
    texts = {"file_id", "note"}
    assert {name for name, kind in kinds.items() if pa.types.is_dictionary(kind)} == texts
    assert {kinds[name] for name in texts} == {pa.dictionary(pa.int32(), pa.string())}
    assert all(kinds[name] == SCHEMA.field(name).type for name in set(COLUMNS) - texts)
    assert found["file_id"].to_pylist() == [constant] * count
    assert found["file_id"].null_count == (count if constant is None else 0)
