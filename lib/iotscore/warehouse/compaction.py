"""How tables are compacted, and what was done."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CompactionOptions:
    """How a table is kept up; ``conf/base.yaml`` explains each value."""

    file_bytes: int
    small_files: int
    vacuum_hours: int


@dataclass(frozen=True)
class Compaction:
    """What was done for a table.

    Attributes
    ----------
    files_before, files_after
        Data files that the table's newest version consists of.
    files_deleted, bytes_freed
        Data files of no version that anybody may still read, and their size.
    log_files_before, log_files_after
        Files of the log.
    """

    files_before: int
    files_after: int
    files_deleted: int
    bytes_freed: int
    log_files_before: int
    log_files_after: int
