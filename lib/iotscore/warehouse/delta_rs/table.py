"""One Delta table, read by delta-rs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake.exceptions import DeltaError
from pyarrow import dataset

from iotscore.errors import WarehouseError, first_line
from iotscore.object_stores import is_object_store
from iotscore.warehouse.delta_rs import files, snapshots
from iotscore.warehouse.delta_rs.object_store import small_content
from iotscore.warehouse.delta_rs.parquet_files import batches, open_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from deltalake import DeltaTable

    from iotscore.warehouse.selection import Condition

_BATCH_ROWS: Final = 50_000
_BUFFER_BYTES: Final = 1 << 20
"""What is read of a column at a time, instead of all that a row group holds of it."""
_CHECKED: Final = dataset.ParquetFragmentScanOptions(
    pre_buffer=True, page_checksum_verification=True
)
_COLUMN_MAPPING: Final = 2
"""Reader version of Delta that means this feature and has no list of features."""


def is_table(path: str) -> bool:
    """Say whether a folder holds a Delta table."""
    try:
        return snapshots.is_table(path)
    except (DeltaError, OSError) as error:
        raise _unreadable(path, error) from error


def column_names(path: str) -> list[str]:
    """Return the columns of a table."""
    return [field.name for field in _opened(path).schema().fields]


def properties(path: str) -> dict[str, str]:
    """Return what a table says about itself."""
    return {name: str(value) for name, value in _opened(path).metadata().configuration.items()}


def read_rows(path: str, columns: Sequence[str], where: Mapping[str, Sequence[Any]]) -> pa.Table:
    """Return some columns of the rows that hold, for each name in ``where``, one of its values."""
    filters = [(name, "in", list(values)) for name, values in where.items()]
    chosen = pq.filters_to_expression(filters) if filters else None
    try:
        rows = _dataset(path, where)
        return rows.to_table(list(columns), chosen, fragment_scan_options=_CHECKED)
    except (DeltaError, OSError, pa.ArrowInvalid) as error:
        _find_damage(path, columns)
        raise _unreadable(path, error) from error


def _dataset(path: str, where: Mapping[str, Sequence[Any]]) -> dataset.Dataset:
    if not is_object_store(path):
        return _opened(path).to_pyarrow_dataset()
    kind = dataset.ParquetFileFormat()
    fragments = [
        kind.make_fragment(
            pa.BufferReader(small_content(path, action["path"]))
            if action["size_bytes"] <= files.SMALL_BYTES
            else files.source_of(f"{path}/{action['path']}")
        )
        for action in _add_actions(path, where)
    ]
    return dataset.FileSystemDataset(fragments, schema(path), kind)


def _find_damage(path: str, columns: Sequence[str]) -> None:
    """Raise the error that names a data file, if one cannot be read."""
    for file in data_files(path, {}):
        for _ in batches(open_file(file), file, _BATCH_ROWS, columns=list(columns)):
            pass


def scan(
    path: str, columns: Sequence[str], where: Mapping[str, Sequence[Any]]
) -> Iterator[pa.RecordBatch]:
    """Yield the same rows as :func:`read_rows`, a few pages of a data file at a time in memory."""
    wanted = {name: pa.array(values) for name, values in where.items()}
    read = list(dict.fromkeys([*columns, *where]))
    kinds = schema(path)
    try:
        for file in data_files(path, where):
            source = open_file(file, buffer_size=_BUFFER_BYTES)
            names = source.schema_arrow.names
            there = [name for name in read if name in names] or names[:1]
            for batch in batches(source, file, _BATCH_ROWS, columns=there):
                rows = _with_nulls(_plain(batch), read, kinds)
                yield _matching(rows, wanted).select(list(columns))
    except (DeltaError, OSError, pa.ArrowInvalid) as error:
        raise _unreadable(path, error) from error


def _with_nulls(batch: pa.RecordBatch, read: Sequence[str], kinds: pa.Schema) -> pa.RecordBatch:
    """Return rows with the columns, too, that the table got after the data file was written."""
    for name in read:
        if name not in batch.schema.names:
            missing = pa.nulls(batch.num_rows, kinds.field(name).type)
            batch = batch.append_column(name, missing)
    return batch


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return texts in the type that Arrow can compute with; delta-rs marks what it rewrites."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    fields = [field.with_type(plain.get(field.type, field.type)) for field in batch.schema]
    return batch.cast(pa.schema(fields))


def _matching(batch: pa.RecordBatch, wanted: Mapping[str, pa.Array]) -> pa.RecordBatch:
    for name, values in wanted.items():
        batch = batch.filter(pc.is_in(batch.column(name), value_set=values))
    return batch


def holds(path: str, condition: Condition) -> bool:
    """Say whether a row of a table matches a condition."""
    return any(read_rows(path, list(where), where).num_rows for where in condition.any_of)


def data_files(
    path: str, where: Mapping[str, Sequence[Any]], version: int | None = None
) -> list[str]:
    """Return the paths of the data files that may hold rows with one of the values of each column.

    They are those of a version of the table, of the newest if None is given.

    Raises
    ------
    WarehouseError
        The table uses a feature of Delta, such as deletion vectors, that has to be known to read
        its files.
    """
    return [f"{path}/{action['path']}" for action in _add_actions(path, where, version)]


def _add_actions(
    path: str, where: Mapping[str, Sequence[Any]], version: int | None = None
) -> list[dict[str, Any]]:
    table = _opened(path, version)
    if unknown := features_to_know(table):
        message = (
            f"the table {path} uses {', '.join(unknown)}, so its files are not read directly; set "
            "storage.direct to never"
        )
        raise WarehouseError(message)
    actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
    return [
        action | {"path": unquote(action["path"])}
        for action in actions
        if all(_may_hold(action, name, values) for name, values in where.items())
    ]


def features_to_know(table: DeltaTable) -> list[str]:
    """Return the features of Delta that a table's files cannot be read without knowing."""
    protocol = table.protocol()
    if protocol.min_reader_version == _COLUMN_MAPPING:
        return ["columnMapping"]
    return list(protocol.reader_features or [])


def _may_hold(action: Mapping[str, Any], column: str, values: Sequence[Any]) -> bool:
    low, high = action.get(f"min.{column}"), action.get(f"max.{column}")
    return low is None or high is None or any(low <= value <= high for value in values)


def _opened(path: str, version: int | None = None) -> DeltaTable:
    try:
        return snapshots.opened(path, version)
    except (DeltaError, OSError) as error:
        raise _unreadable(path, error) from error


def version(path: str) -> int:
    """Return the number of a table's newest commit."""
    return _opened(path).version()


def schema(path: str) -> pa.Schema:
    """Return the columns of a table, those that it got later too."""
    return pa.schema(_opened(path).schema().to_arrow())


def _unreadable(path: str, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"cannot read the table {path}: {first_line(error)}; restore the folder or give "
        "--warehouse another one"
    )
