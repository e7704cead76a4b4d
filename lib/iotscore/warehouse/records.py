"""Records as Arrow tables, and what a model needs of them as arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.features import FEATURES, UNKNOWN_DEVICE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt


class Records(NamedTuple):
    """What a model needs of some records: features, float64 (n_rows, 115), and device, int64."""

    features: npt.NDArray[np.float64]
    devices: npt.NDArray[np.int64]


def records_of(rows: pa.Table | pa.RecordBatch) -> Records:
    """Return features and device numbers of some records."""
    return Records(feature_matrix(rows), device_numbers(rows))


def device_numbers(rows: pa.Table | pa.RecordBatch) -> npt.NDArray[np.int64]:
    """Return the number of each record's device, -1 if it has none."""
    known = pc.fill_null(rows.column("device_id").cast(pa.int64()), UNKNOWN_DEVICE)
    numbers: npt.NDArray[np.int64] = known.to_numpy()
    return numbers


def feature_matrix(rows: pa.Table | pa.RecordBatch) -> npt.NDArray[np.float64]:
    """Return the features of some records, see :func:`column_matrix`."""
    return column_matrix(rows, FEATURES)


def column_matrix(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> npt.NDArray[np.float64]:
    """Return columns as float64 of shape (n_rows, n_names).

    Columns are contiguous in it, as they come from Arrow: copying them so and leaving the
    transposition to the scaler, which works on blocks in cache, is the quickest way.
    """
    columns = np.empty((len(names), rows.num_rows))
    for position, name in enumerate(names):
        columns[position] = rows.column(name).to_numpy()
    return columns.T


def coded(rows: pa.Table | pa.RecordBatch, name: str) -> pa.DictionaryArray:
    """Return a column of texts as one dictionary and indices into it."""
    column = rows.column(name)
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column if pa.types.is_dictionary(column.type) else column.dictionary_encode()


def by_file(rows: pa.Table) -> Iterator[tuple[str, npt.NDArray[np.bool_]]]:
    """Yield each file id among some records, and a mask of its records."""
    files = coded(rows, "file_id")
    codes = files.indices.to_numpy()
    for code in np.unique(codes):
        yield files.dictionary[int(code)].as_py(), codes == code


def plain(rows: pa.Table) -> pa.Table:
    """Return texts as such: two data files have two dictionaries."""
    fields = [
        field.with_type(pa.string()) if pa.types.is_dictionary(field.type) else field
        for field in rows.schema
    ]
    return rows.cast(pa.schema(fields))


def with_constants(rows: pa.Table, constants: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """Return rows with all columns of a schema, texts as dictionaries.

    Columns of ``constants`` hold the same value in every row; columns that neither has are NULL.
    """
    given = dict(zip(rows.column_names, rows.columns, strict=True))
    columns = {
        field.name: _as_written(given[field.name], field.type)
        if field.name in given
        else _repeated(constants.get(field.name), rows.num_rows, field.type)
        for field in schema
    }
    return pa.table(columns)


def _as_written(column: pa.ChunkedArray, kind: pa.DataType) -> pa.ChunkedArray:
    if pa.types.is_string(column.type):
        return column.dictionary_encode()
    is_ready = pa.types.is_dictionary(column.type) or pa.types.is_nested(column.type)
    return column if is_ready else column.cast(kind)


def _repeated(value: object, times: int, kind: pa.DataType) -> pa.Array:
    if not pa.types.is_string(kind):
        return pa.nulls(times, kind) if value is None else pa.repeat(pa.scalar(value, kind), times)
    codes = (
        pa.nulls(times, pa.int32()) if value is None else pa.repeat(pa.scalar(0, pa.int32()), times)
    )
    return pa.DictionaryArray.from_arrays(codes, pa.array([value or ""], kind))
