"""One Delta table, read and written by delta-rs: every write is one commit."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import unquote, urlsplit

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, PostCommitHookProperties, RemoveAction
from pyarrow import dataset

from iotscore import s3
from iotscore.errors import WarehouseError, first_line
from iotscore.warehouse.delta_rs import files, snapshots
from iotscore.warehouse.delta_rs.commits import NOBODY, commit_properties
from iotscore.warehouse.delta_rs.parquet_files import batches, open_file
from iotscore.warehouse.object_store import small_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iotscore.warehouse.delta_rs.commits import Author
    from iotscore.warehouse.delta_rs.data_files import DataFile

_MISREAD: Final = re.compile(r"%[0-9A-Fa-f]{2}|[\x00-\x1f\x7f\\\[\]^|]")
"""What delta-rs 1.6 takes for something else, or refuses, in the name of a folder."""
_BATCH_ROWS: Final = 50_000
_BUFFER_BYTES: Final = 1 << 20
"""What is read of a column at a time, instead of all that a row group holds of it."""
_CHECKPOINT_ONLY: Final = PostCommitHookProperties(
    create_checkpoint=True, cleanup_expired_logs=False
)
"""delta-rs's own clean-up of the log can leave the version before a commit without its beginning,
and a killed stage has to go back to it; the job maintain shortens logs."""
_S3_CHECKPOINT_COMMITS: Final = "10"
"""Whoever opens a table reads the commits since the last checkpoint, on S3 two requests each."""
_CHECKED: Final = dataset.ParquetFragmentScanOptions(
    pre_buffer=True, page_checksum_verification=True
)
_COLUMN_MAPPING: Final = 2
"""Reader version of Delta that means this feature and has no list of features."""


def local_path(uri: str) -> str | None:
    """Return the path of a local folder or ``file:`` URI.

    It is what Hadoop makes of the URI, which decodes nothing: Spark uses the same folder. None
    means another storage, or a name that only Spark can read.
    """
    path = local_folder(uri)
    return None if path is None or _MISREAD.search(path) else path


def local_folder(uri: str) -> str | None:
    """Return the path of a local folder or ``file:`` URI as Hadoop understands it, else None."""
    path = re.sub(r"^file:(?://[^/]*)?", "", uri)
    return None if urlsplit(path).scheme else path


def is_table(path: str) -> bool:
    """Say whether a folder holds a Delta table."""
    try:
        return snapshots.is_table(path)
    except (DeltaError, OSError) as error:
        raise _unreadable(path, error) from error


def create_table(
    path: str,
    schema: pa.Schema,
    indexed: Sequence[str],
    properties: Mapping[str, str] | None = None,
    author: Author = NOBODY,
) -> None:
    """Make an empty table.

    Parameters
    ----------
    path
        Its folder.
    schema
        Its columns.
    indexed
        Columns whose minimum and maximum are kept per data file.
    properties
        What the table says about itself.
    author
        Who makes it; each commit says so.

    Raises
    ------
    WarehouseError
        The folder cannot be written.
    """
    settings = {"delta.dataSkippingStatsColumns": ",".join(indexed), **(properties or {})}
    if s3.is_s3(path):
        settings["delta.checkpointInterval"] = _S3_CHECKPOINT_COMMITS
    try:
        DeltaTable.create(
            path,
            schema=schema,
            mode="ignore",
            configuration=settings,
            raise_if_key_not_exists=False,  # properties of ours are none of Delta's
            commit_properties=commit_properties(author),
            storage_options=files.delta_options(path),
        )
        snapshots.forget(path)  # that it was not there
    except (DeltaError, OSError) as error:
        snapshots.forget(path)
        message = (
            f"cannot write the table {path}: {first_line(error)}; check that the folder exists "
            "and may be written"
        )
        raise WarehouseError(message) from error


def column_names(path: str) -> list[str]:
    """Return the columns of a table."""
    return [field.name for field in _opened(path).schema().fields]


def properties(path: str) -> dict[str, str]:
    """Return what a table says about itself."""
    return {name: str(value) for name, value in _opened(path).metadata().configuration.items()}


def set_properties(path: str, wanted: Mapping[str, str], author: Author = NOBODY) -> None:
    """Make a table say something about itself, in one commit."""
    table = _writable(path, author)
    try:
        table.alter.set_table_properties(
            dict(wanted), raise_if_not_exists=False, commit_properties=commit_properties(author)
        )
    except (DeltaError, OSError) as error:
        raise _unwritable(path, error) from error


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
    if not s3.is_s3(path):
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
    try:
        for file in data_files(path, where):
            source = open_file(file, buffer_size=_BUFFER_BYTES)
            for batch in batches(source, file, _BATCH_ROWS, columns=read):
                yield _matching(_plain(batch), wanted).select(list(columns))
    except (DeltaError, OSError, pa.ArrowInvalid) as error:
        raise _unreadable(path, error) from error


def _plain(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return texts in the type that Arrow can compute with; delta-rs marks what it rewrites."""
    plain = {pa.string_view(): pa.string(), pa.binary_view(): pa.binary()}
    fields = [field.with_type(plain.get(field.type, field.type)) for field in batch.schema]
    return batch.cast(pa.schema(fields))


def _matching(batch: pa.RecordBatch, wanted: Mapping[str, pa.Array]) -> pa.RecordBatch:
    for name, values in wanted.items():
        batch = batch.filter(pc.is_in(batch.column(name), value_set=values))
    return batch


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


def _writable(path: str, author: Author) -> DeltaTable:
    """Open a table to write on what it is now."""
    try:
        return snapshots.writable(path, author)
    except (DeltaError, OSError) as error:
        raise _unwritable(path, error) from error


def version(path: str) -> int:
    """Return the number of a table's newest commit."""
    return _opened(path).version()


def restore(path: str, wanted: int, author: Author = NOBODY) -> None:
    """Make a table what it was at a version, in one commit."""
    table = _writable(path, author)
    try:
        table.restore(
            wanted,
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )
    except (DeltaError, OSError) as error:
        raise _unwritable(path, error) from error


def replace_rows(path: str, rows: pa.Table, condition: str, author: Author = NOBODY) -> None:
    """Put a few rows in the place of those that meet a condition, in one commit."""
    table = _writable(path, author)
    try:
        write_deltalake(
            table,
            rows,
            mode="overwrite",
            predicate=condition,
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )
    except (DeltaError, OSError) as error:
        raise _unwritable(path, error) from error


def delete_rows(path: str, condition: str, author: Author = NOBODY) -> bool:
    """Remove the rows that meet an SQL condition, in one commit; return whether there were any."""
    table = _writable(path, author)
    try:
        before = table.version()
        table.delete(
            condition,
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )
        return table.version() > before
    except (DeltaError, OSError) as error:
        raise _unwritable(path, error) from error


def append_rows(path: str, rows: pa.Table, author: Author = NOBODY) -> None:
    """Add a few rows in one commit; columns that the table lacks are added to it."""
    table = _writable(path, author)
    try:
        write_deltalake(
            table,
            rows,
            mode="append",
            schema_mode="merge",
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )
    except (DeltaError, OSError) as error:
        raise _unwritable(path, error) from error


def schema(path: str) -> pa.Schema:
    """Return the columns of a table, those that it got later too."""
    return pa.schema(_opened(path).schema().to_arrow())


def exchange_files(
    path: str,
    added: Sequence[DataFile],
    removed: Sequence[str] = (),
    author: Author = NOBODY,
) -> None:
    """Make data files that lie in the table's folder part of the table, others not, in one commit.

    Without this commit the new ones are not in the table; Delta's VACUUM deletes such files, and
    removed ones, later.

    Parameters
    ----------
    path
        The table's folder.
    added
        What comes.
    removed
        Paths of data files that go, as :func:`data_files` returns them.
    author
        Who writes.
    """
    now = int(time.time() * 1000)
    actions: list[AddAction | RemoveAction] = [
        AddAction(
            path=file.name,
            size=file.size,
            partition_values={},
            modification_time=file.modified_ms,
            data_change=True,
            stats=file.statistics,
        )
        for file in added
    ]
    actions += [
        RemoveAction(
            path=file.rpartition("/")[2],
            data_change=True,
            deletion_timestamp=now,
            size=files.size_of(file) or 0,
            partition_values={},
        )
        for file in removed
    ]
    table = _writable(path, author)
    try:
        table.create_write_transaction(
            actions,
            mode="append",
            schema=table.schema(),
            commit_properties=commit_properties(author),
            # A checkpoint by Spark's rules is due at Spark's next commit; on S3 it never commits.
            post_commithook_properties=PostCommitHookProperties(
                create_checkpoint=s3.is_s3(path), cleanup_expired_logs=False
            ),
        )
        table.update_incremental()  # the other ways to write do that themselves
    except (DeltaError, OSError) as error:
        raise _unwritable(path, error) from error


def _unreadable(path: str, error: Exception) -> WarehouseError:
    return WarehouseError(
        f"cannot read the table {path}: {first_line(error)}; restore the folder or give "
        "--warehouse another one"
    )


def _unwritable(path: str, error: Exception) -> WarehouseError:
    snapshots.forget(path)
    return WarehouseError(
        f"cannot write the table {path}: {first_line(error)}; nothing of it was kept"
    )
