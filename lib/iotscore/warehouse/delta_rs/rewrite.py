"""Data files of a local Delta table, written anew without the rows of some landing files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from iotscore.warehouse.delta_rs.data_files import DataFileWriter, with_constants
from iotscore.warehouse.delta_rs.parquet_files import batches, open_file, reading

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from iotscore.warehouse.delta_rs.data_files import DataFile

_BATCH_ROWS: Final = 10_000


def rewritten(
    paths: Sequence[str], file_ids: Collection[str], schema: pa.Schema, indexed: Sequence[str]
) -> tuple[list[str], list[DataFile]]:
    """Write what other landing files have in the data files that hold rows of some.

    The table does not change before both are committed together
    (:func:`iotscore.warehouse.delta_rs.table.exchange_files`).

    Parameters
    ----------
    paths
        Data files that may hold such rows.
    file_ids
        Landing files whose rows are left out.
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
    unwanted = pa.array(sorted(file_ids), pa.string())
    holding = [path for path in paths if _holds(path, unwanted)]
    return holding, [file for path in holding for file in _without(path, unwanted, schema, indexed)]


def _holds(path: str, unwanted: pa.Array) -> bool:
    file = open_file(path, ["file_id"], ["file_id"])
    with reading(path):
        ids = file.read(["file_id"]).column("file_id")
    return bool(pc.any(pc.is_in(ids.unique().cast(pa.string()), value_set=unwanted)).as_py())


def _without(
    path: str, unwanted: pa.Array, schema: pa.Schema, indexed: Sequence[str]
) -> list[DataFile]:
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    source = open_file(path, ["file_id"], texts, memory_map=True)
    with DataFileWriter(str(Path(path).parent), indexed) as writer:
        for batch in batches(source, path, _BATCH_ROWS):
            kept = pc.invert(pc.is_in(batch.column("file_id"), value_set=unwanted))
            rows = pa.Table.from_batches([batch]).filter(kept)
            if rows.num_rows:
                writer.write(with_constants(rows, {}, schema))
        file = writer.close()
    return [file] if file else []
