"""A data file read to its end: what it holds, and whether its footer says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from iotscore.errors import DamagedFileError
from iotscore.warehouse.delta_rs.parquet_files import batches, open_file, reading
from iotscore.warehouse.record_sums import added, record_sums
from iotscore.warehouse.results import Proof

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow.parquet as pq

    from iotscore.warehouse.record_sums import Sums

_BATCH_ROWS: Final = 50_000


def prove_file(path: str, schema: pa.Schema, by: Sequence[str]) -> Proof:
    """Read every value of a data file, with the checksums of its pages.

    Parameters
    ----------
    path
        The file.
    schema
        The table's columns. A column that the file lacks is NULL.
    by
        Columns of texts by which its rows are summed.
    """
    texts = [column.name for column in schema if pa.types.is_string(column.type)]
    sums: Sums = {}
    faults: list[str] = []
    try:
        file = open_file(path, by, texts)
        if wrong := _foreign(file.schema_arrow, schema):
            faults.append(f"the data file {path} is damaged: columns of another type: {wrong[:3]}")
            return Proof(sums, tuple(faults))
        for group in range(file.metadata.num_row_groups):
            for batch in batches(file, path, _BATCH_ROWS, row_groups=[group]):
                with reading(path):
                    rows = pa.Table.from_batches([batch])
                    sums = added(sums, record_sums(rows, by))
            faults += _footer_faults(file, path, group)
    except DamagedFileError as error:
        faults.append(str(error))
    return Proof(sums, tuple(faults))


def _foreign(found: pa.Schema, wanted: pa.Schema) -> list[str]:
    """Return the columns of a file that its table does not have, or has of another type."""
    return [
        column.name
        for column in found
        if column.name not in wanted.names
        or _plain(column.type) != _plain(wanted.field(column.name).type)
    ]


def _plain(kind: pa.DataType) -> object:
    """Return what must be the same; writers differ in dictionaries and the unit of times."""
    if pa.types.is_dictionary(kind):
        return kind.value_type
    return "timestamp" if pa.types.is_timestamp(kind) else kind


def _footer_faults(file: pq.ParquetFile, path: str, group: int) -> list[str]:
    """Compare what the footer says of a row group, by which queries skip it, with its values."""
    named = f"the data file {path} is damaged:"
    with reading(path):
        told = file.metadata.row_group(group)
        if not _is_consistent(told, file.metadata.schema):
            return [f"{named} what its footer says of row group {group} contradicts itself"]
        columns = (told.column(place) for place in range(told.num_columns))
        kept = {each.path_in_schema: each.statistics for each in columns if each.is_stats_set}
        rows = file.read_row_group(group, columns=list(kept), use_threads=False)
        wrong = [name for name, stated in kept.items() if not _is_true(stated, rows.column(name))]
    return [f"{named} the footer's range of {name} is not that of its values" for name in wrong]


def _is_consistent(group: pq.RowGroupMetaData, schema: pq.ParquetSchema) -> bool:
    """Say whether the columns of a row group, one behind the other, are those of the schema."""
    columns = [group.column(place) for place in range(group.num_columns)]
    starts = [each.dictionary_page_offset or each.data_page_offset for each in columns]
    ends = [start + each.total_compressed_size for start, each in zip(starts, columns, strict=True)]
    size = sum(each.total_uncompressed_size for each in columns)
    named = [(each.path_in_schema, each.physical_type) for each in columns]
    wanted = [schema.column(place) for place in range(len(schema))]
    return (
        named == [(each.path, each.physical_type) for each in wanted]
        and starts[1:] == ends[:-1]
        and group.total_byte_size == size
        and {each.num_values for each in columns} == {group.num_rows}
        and len({each.compression for each in columns}) == 1
    )


def _is_true(stated: pq.Statistics, column: pa.ChunkedArray) -> bool:
    if stated.has_null_count and stated.null_count != column.null_count:
        return False
    if not stated.has_min_max:
        return True
    if pa.types.is_dictionary(column.type):
        column = column.unique().cast(pa.string())
    found = pc.min_max(column).as_py()
    low, high = found["min"], found["max"]
    if isinstance(low, str):  # long texts may be cut short
        is_low = low.startswith(stated.min)
        return is_low and (stated.max == high or len(stated.max) < len(high))
    return bool(stated.min == low and stated.max == high)
