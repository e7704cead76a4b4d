"""Compaction of one local Delta table: small files become large ones, dead ones go, the log is cut.

Each step is one commit of its own and takes away no row; after a kill the next run goes on. What a
reader has opened stays readable for :attr:`CompactionOptions.vacuum_hours`
(``docs/decisions/0005-maintenance.md``).
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from deltalake import ColumnProperties, DeltaTable, WriterProperties
from deltalake.exceptions import DeltaError
from deltalake.transaction import PostCommitHookProperties

from iotscore import failpoints
from iotscore.errors import WarehouseError
from iotscore.warehouse.compaction import Compaction, CompactionOptions
from iotscore.warehouse.delta_rs.data_files import ROW_GROUP_ROWS
from iotscore.warehouse.delta_rs.inventory import listed_files
from iotscore.warehouse.delta_rs.table import features_to_know

if TYPE_CHECKING:
    from collections.abc import Sequence

_LOOSE_COMMITS: Final = 10
"""Commits after the last checkpoint that are worth a new one; Spark's own measure."""
_LOG_SECONDS: Final = 30 * 86_400
"""How long entries of the log are kept; Delta's own measure."""
_CHECKPOINT: Final = ".checkpoint.parquet"
_NO_HOOKS: Final = PostCommitHookProperties(create_checkpoint=False, cleanup_expired_logs=False)
"""Checkpoints and the end of old entries have a step of their own."""


def compact(
    path: str, schema: pa.Schema, indexed: Sequence[str], options: CompactionOptions
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

    Raises
    ------
    WarehouseError
        The table cannot be read or written, or uses a feature of Delta, such as deletion vectors,
        that has to be known to rewrite its files.
    """
    try:
        table = DeltaTable(path)
        _check_features(path, table)
        log_files, files = _log_files(path), listed_files(path)
        _compact(table, [file.size for file in files], schema, indexed, options)
        failpoints.hit(f"compact {Path(path).name}")
        deleted, freed = _vacuum(table, path, options.vacuum_hours)
        failpoints.hit(f"vacuum {Path(path).name}")
        _shorten_log(table, path)
        failpoints.hit(f"checkpoint {Path(path).name}")
        _drop_checksums(path)
    except (DeltaError, OSError) as error:
        message = (
            f"the table {path} cannot be compacted: {str(error).strip().splitlines()[0][:300]}; "
            "no row is lost: correct that and run maintain again"
        )
        raise WarehouseError(message) from error
    return Compaction(
        len(files), len(listed_files(path)), deleted, freed, len(log_files), len(_log_files(path))
    )


def _check_features(path: str, table: DeltaTable) -> None:
    if unknown := features_to_know(table):
        message = (
            f"the table {path} uses {', '.join(unknown)}, so its files are not rewritten; use "
            "OPTIMIZE and VACUUM of Delta Lake for Spark"
        )
        raise WarehouseError(message)


def _log_files(path: str) -> list[Path]:
    return [file for file in (Path(path) / "_delta_log").iterdir() if file.is_file()]


def _compact(
    table: DeltaTable,
    sizes: Sequence[int],
    schema: pa.Schema,
    indexed: Sequence[str],
    options: CompactionOptions,
) -> None:
    """Merge neighbours, in their order, up to the wanted size, if many files are small."""
    if sum(2 * size < options.file_bytes for size in sizes) < options.small_files:
        return
    table.optimize.compact(
        target_size=options.file_bytes,
        max_concurrent_tasks=1,
        post_commithook_properties=_NO_HOOKS,
        writer_properties=_properties(schema, indexed),
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


def _vacuum(table: DeltaTable, path: str, hours: int) -> tuple[int, int]:
    """Delete files that no version within some hours has; return their number and size."""
    vacuum = partial(
        table.vacuum,
        hours,
        enforce_retention_duration=False,
        full=True,
        post_commithook_properties=_NO_HOOKS,
    )
    # Those that went before are named, too, as long as the log remembers them.
    named = (Path(path) / name for name in vacuum(dry_run=True))
    sizes = [file.stat().st_size for file in named if file.exists()]
    if sizes:
        vacuum(dry_run=False)
    return len(sizes), sum(sizes)


def _shorten_log(table: DeltaTable, path: str) -> None:
    """Sum the log up, so that whoever opens the table reads one file; drop its expired entries.

    Every version of the last 30 days stays readable: what goes lies before a checkpoint that is
    older. (delta-rs has a clean-up of its own, which leaves versions without their beginning.)
    """
    versions = {file: int(file.name[:20]) for file in _log_files(path) if file.name[:20].isdigit()}
    checkpoints = {file: at for file, at in versions.items() if file.name.endswith(_CHECKPOINT)}
    loose = table.version() - max(checkpoints.values(), default=-1)
    if loose >= _LOOSE_COMMITS:
        table.create_checkpoint()
    expiry = time.time() - _LOG_SECONDS
    expired = [at for file, at in checkpoints.items() if file.stat().st_mtime < expiry]
    for file, at in sorted(versions.items()):
        if expired and at < max(expired):
            file.unlink()


def _drop_checksums(path: str) -> None:
    """Delete checksums, as Spark keeps beside each file on a local disk, of files that are gone."""
    for folder in (Path(path), Path(path) / "_delta_log"):
        names = {file.name for file in folder.iterdir()}
        # Hidden ones last: a checksum has one itself.
        for name in sorted(names, reverse=True):
            if name.endswith(".crc") and _summed(name) not in names:
                (folder / name).unlink()
                names.remove(name)


def _summed(checksum: str) -> str:
    """Return the file that a checksum is of: ``.NAME.crc`` is Hadoop's, ``VERSION.crc`` Delta's."""
    name = checksum.removesuffix(".crc")
    return name[1:] if name.startswith(".") else f"{name}.json"
