"""One Delta table, written by delta-rs: every write is one commit."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, PostCommitHookProperties, RemoveAction

from iotscore.errors import WarehouseError, first_line
from iotscore.object_stores import is_object_store
from iotscore.warehouse.delta_rs import files, snapshots
from iotscore.warehouse.delta_rs.commits import NOBODY, commit_properties

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iotscore.warehouse.delta_rs.commits import Author
    from iotscore.warehouse.delta_rs.data_files import DataFile

_CHECKPOINT_ONLY: Final = PostCommitHookProperties(
    create_checkpoint=True, cleanup_expired_logs=False
)
"""delta-rs's own clean-up of the log can leave the version before a commit without its beginning,
and a killed stage has to go back to it; the job maintain shortens logs."""
_CHECKPOINT_COMMITS: Final = "10"
"""Whoever opens a table reads the commits since the last checkpoint: two requests each, there."""


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
    if is_object_store(path):
        settings["delta.checkpointInterval"] = _CHECKPOINT_COMMITS
    snapshots.forget(path)  # that it was not there
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
    except (DeltaError, OSError) as error:
        message = (
            f"cannot write the table {path}: {first_line(error)}; check that the folder exists "
            "and may be written"
        )
        raise WarehouseError(message) from error


def set_properties(path: str, wanted: Mapping[str, str], author: Author = NOBODY) -> None:
    """Make a table say something about itself, in one commit."""
    with _writing(path, author) as table:
        table.alter.set_table_properties(
            dict(wanted), raise_if_not_exists=False, commit_properties=commit_properties(author)
        )


def append_rows(path: str, rows: pa.Table, author: Author = NOBODY) -> None:
    """Add a few rows in one commit; columns that the table lacks are added to it."""
    with _writing(path, author) as table:
        write_deltalake(
            table,
            rows,
            mode="append",
            schema_mode="merge",
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )


def replace_rows(path: str, rows: pa.Table, condition: str, author: Author = NOBODY) -> None:
    """Put a few rows in the place of those that meet a condition, in one commit.

    Columns that only the table has are NULL in them.
    """
    with _writing(path, author) as table:
        for field in pa.schema(table.schema().to_arrow()):
            if field.name not in rows.schema.names:
                rows = rows.append_column(field, pa.nulls(rows.num_rows, field.type))
        write_deltalake(
            table,
            rows,
            mode="overwrite",
            predicate=condition,
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )


def delete_rows(path: str, condition: str, author: Author = NOBODY) -> bool:
    """Remove the rows that meet an SQL condition, in one commit; return whether there were any."""
    with _writing(path, author) as table:
        before = table.version()
        table.delete(
            condition,
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )
        return table.version() > before


def restore(path: str, wanted: int, author: Author = NOBODY) -> None:
    """Make a table what it was at a version, in one commit."""
    with _writing(path, author) as table:
        table.restore(
            wanted,
            post_commithook_properties=_CHECKPOINT_ONLY,
            commit_properties=commit_properties(author),
        )


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
    with _writing(path, author) as table:
        table.create_write_transaction(
            actions,
            mode="append",
            schema=table.schema(),
            commit_properties=commit_properties(author),
            # By Spark's rules a checkpoint is due at its next commit; no object store gets one.
            post_commithook_properties=PostCommitHookProperties(
                create_checkpoint=is_object_store(path), cleanup_expired_logs=False
            ),
        )
        table.update_incremental()  # the other ways to write do that themselves


@contextmanager
def _writing(path: str, author: Author) -> Iterator[DeltaTable]:
    """Open a table to write on what it is now; what then goes wrong has one error."""
    try:
        yield snapshots.writable(path, author)
    except (DeltaError, OSError) as error:
        snapshots.forget(path)
        message = f"cannot write the table {path}: {first_line(error)}; nothing of it was kept"
        raise WarehouseError(message) from error
