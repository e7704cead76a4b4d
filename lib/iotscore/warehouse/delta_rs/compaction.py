"""Compaction of one Delta table: small files become large ones, dead ones go, the log is cut.

Each step is one commit of its own and takes away no row; after a kill the next run goes on. What a
reader has opened stays readable for :attr:`CompactionOptions.vacuum_hours`
(``docs/decisions/0005-maintenance.md``).
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from deltalake import ColumnProperties, WriterProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import PostCommitHookProperties
from pyarrow import fs

from iotscore import failpoints
from iotscore.errors import WarehouseError
from iotscore.warehouse.compaction import Compaction, CompactionOptions
from iotscore.warehouse.delta_rs import files, snapshots
from iotscore.warehouse.delta_rs.commits import NOBODY, commit_properties
from iotscore.warehouse.delta_rs.data_files import ROW_GROUP_ROWS
from iotscore.warehouse.delta_rs.inventory import data_file_sizes
from iotscore.warehouse.delta_rs.table import features_to_know

if TYPE_CHECKING:
    from collections.abc import Sequence

    from deltalake import CommitProperties, DeltaTable

    from iotscore.warehouse.delta_rs.commits import Author

_LOOSE_COMMITS: Final = 10
"""Commits after the last checkpoint that are worth a new one; Spark's own measure."""
_LOG_SECONDS: Final = 30 * 86_400
"""How long entries of the log are kept; Delta's own measure."""
_CHECKPOINT: Final = ".checkpoint.parquet"
_NO_HOOKS: Final = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Checkpoints and the end of old entries have a step of their own."""


def compact(
    path: str,
    schema: pa.Schema,
    indexed: Sequence[str],
    options: CompactionOptions,
    author: Author = NOBODY,
) -> Compaction:
    """Compact a table, delete its dead files, and shorten its log.

    Parameters
    ----------
    path
        The table's folder.
    schema
        Its columns; texts are written as dictionaries.
    indexed
        Columns whose minimum and maximum are kept per data file.
    options
        How.
    author
        Who does it; each commit says so.

    Raises
    ------
    WarehouseError
        The table cannot be read or written, or uses a feature of Delta, such as deletion vectors,
        that has to be known to rewrite its files.
    """
    try:
        table = snapshots.writable(path, author)
        _check_features(path, table)
        log_files, before = _log_files(path), data_file_sizes(path)
        if sum(2 * size < options.file_bytes for size in before) >= options.small_files:
            _compact(table, schema, indexed, options, commit_properties(author))
        failpoints.hit(f"compact {path.rpartition('/')[2]}")
        deleted, freed = _vacuum(table, path, options.vacuum_hours, commit_properties(author))
        failpoints.hit(f"vacuum {path.rpartition('/')[2]}")
        _shorten_log(table, path)
        failpoints.hit(f"checkpoint {path.rpartition('/')[2]}")
        _drop_checksums(path)
    except (DeltaError, OSError) as error:
        snapshots.forget(path)
        message = (
            f"the table {path} cannot be compacted: {str(error).strip().splitlines()[0][:300]}; "
            "no row is lost: correct that and run maintain again"
        )
        raise WarehouseError(message) from error
    return Compaction(
        len(before),
        len(data_file_sizes(path)),
        deleted,
        freed,
        len(log_files),
        len(_log_files(path)),
    )


def _check_features(path: str, table: DeltaTable) -> None:
    if unknown := features_to_know(table):
        message = (
            f"the table {path} uses {', '.join(unknown)}, so its files are not rewritten; use "
            "OPTIMIZE and VACUUM of Delta Lake for Spark"
        )
        raise WarehouseError(message)


def _log_files(path: str) -> list[fs.FileInfo]:
    return files.listed(f"{path}/_delta_log")


def _compact(
    table: DeltaTable,
    schema: pa.Schema,
    indexed: Sequence[str],
    options: CompactionOptions,
    author: CommitProperties,
) -> None:
    """Merge neighbours, in their order, up to the wanted size."""
    table.optimize.compact(
        target_size=options.file_bytes,
        max_concurrent_tasks=1,
        post_commithook_properties=_NO_HOOKS,
        writer_properties=_properties(schema, indexed),
        commit_properties=author,
    )


def _properties(schema: pa.Schema, indexed: Sequence[str]) -> WriterProperties:
    """Return the encodings that ``conf/spark-defaults.conf`` sets for Spark's writer."""
    columns = {
        field.name: ColumnProperties(
            dictionary_enabled=pa.types.is_string(field.type),
            statistics_enabled="CHUNK" if field.name in indexed else "NONE",
        )
        for field in schema
    }
    return WriterProperties(
        compression="LZ4_RAW", max_row_group_size=ROW_GROUP_ROWS, column_properties=columns
    )


def _vacuum(table: DeltaTable, path: str, hours: int, author: CommitProperties) -> tuple[int, int]:
    """Delete files that no version within some hours has; return their number and size."""
    vacuum = partial(
        table.vacuum,
        hours,
        enforce_retention_duration=False,
        full=True,
        commit_properties=author,
        post_commithook_properties=_NO_HOOKS,
    )
    # Those that went before are named, too, as long as the log remembers them.
    there = {file.base_name: int(file.size) for file in files.listed(path)}
    sizes = [there[name] for name in vacuum(dry_run=True) if name in there]
    if sizes:
        vacuum(dry_run=False)
    return len(sizes), sum(sizes)


def _shorten_log(table: DeltaTable, path: str) -> None:
    """Sum the log up, so that whoever opens the table reads one file; drop its expired entries.

    Every version of the last 30 days stays readable: what goes lies before a checkpoint that is
    older. (delta-rs has a clean-up of its own, which leaves versions without their beginning.)
    """
    log = [
        (int(file.base_name[:20]), file)
        for file in _log_files(path)
        if file.base_name[:20].isdigit()
    ]
    checkpoints = [(at, file) for at, file in log if file.base_name.endswith(_CHECKPOINT)]
    loose = table.version() - max((at for at, _ in checkpoints), default=-1)
    if loose >= _LOOSE_COMMITS:
        table.create_checkpoint()
    expiry = time.time() - _LOG_SECONDS
    expired = max((at for at, file in checkpoints if file.mtime.timestamp() < expiry), default=0)
    for name in sorted(file.base_name for at, file in log if at < expired):
        files.delete(f"{path}/_delta_log/{name}")


def _drop_checksums(path: str) -> None:
    """Delete checksums, as Spark keeps beside each file on a local disk, of files that are gone."""
    for folder in (path, f"{path}/_delta_log"):
        names = {file.base_name for file in files.listed(folder)}
        # Hidden ones last: a checksum has one itself.
        for name in sorted(names, reverse=True):
            if name.endswith(".crc") and _summed(name) not in names:
                files.delete(f"{folder}/{name}")
                names.remove(name)


def _summed(checksum: str) -> str:
    """Return the file that a checksum is of: ``.NAME.crc`` is Hadoop's, ``VERSION.crc`` Delta's."""
    name = checksum.removesuffix(".crc")
    return name[1:] if name.startswith(".") else f"{name}.json"
