"""Data files of a Delta table, written again without some of their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from iotscore.warehouse.delta_rs.data_files import DataFileWriter
from iotscore.warehouse.delta_rs.parquet_files import batches, open_file, reading
from iotscore.warehouse.records import with_constants
from iotscore.warehouse.selection import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.warehouse.delta_rs.data_files import DataFile
    from iotscore.warehouse.delta_rs.row_groups import RowGroup
    from iotscore.warehouse.selection import Condition


def rewritten(
    paths: Sequence[str], unwanted: Condition, schema: pa.Schema, indexed: Sequence[str]
) -> tuple[list[str], list[DataFile]]:
    """Write the other rows of the data files that hold unwanted ones.

    The table does not change before both are committed together
    (:func:`iotscore.warehouse.delta_rs.writes.exchange_files`).

    Parameters
    ----------
    paths
        Data files that may hold such rows.
    unwanted
        The rows that are left out.
    schema
        The table's columns; those that an old data file lacks are NULL.
    indexed
        Columns that statistics are kept of.

    Returns
    -------
    list of str
        The data files that have such rows.
    list of DataFile
        What takes their place.
    """
    holding = [path for path in paths if _holds(path, unwanted)]
    return holding, [file for path in holding for file in _without(path, unwanted, schema, indexed)]


def file_ids_of(group: RowGroup) -> list[str]:
    """Return the landing files that a row group holds rows of."""
    file = open_file(group.path, ["file_id"], ["file_id"])
    with reading(group.path):
        ids = file.read_row_group(group.group, ["file_id"]).column("file_id")
    return [str(each) for each in ids.unique().cast(pa.string()).to_pylist()]


def _holds(path: str, unwanted: Condition) -> bool:
    file = open_file(path, unwanted.columns, unwanted.columns)
    for batch in batches(file, path, BATCH_ROWS, columns=unwanted.columns):
        if pc.any(unwanted.mask(batch)).as_py():
            return True
    return False


def _without(
    path: str, unwanted: Condition, schema: pa.Schema, indexed: Sequence[str]
) -> list[DataFile]:
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    source = open_file(path, unwanted.columns, texts, memory_map=True)
    with DataFileWriter(path.rpartition("/")[0], indexed) as writer:
        for batch in batches(source, path, BATCH_ROWS):
            rows = pa.Table.from_batches([batch.filter(pc.invert(unwanted.mask(batch)))])
            if rows.num_rows:
                writer.write(with_constants(rows, {}, schema))
        file = writer.close()
    return [file] if file else []
