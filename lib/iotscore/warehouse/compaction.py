"""How tables are compacted, and what was done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from iotscore.bounds import Bounds, CountOrZero


@dataclass(frozen=True)
class CompactionOptions:
    """How a table is compacted; ``conf/base.yaml`` explains each value."""

    file_megabytes: Annotated[float, Bounds(ge=1.0, le=1024.0)]
    small_files: Annotated[int, Bounds(ge=2)]
    vacuum_hours: CountOrZero

    @property
    def file_bytes(self) -> int:
        """Size up to which small data files are merged."""
        return round(self.file_megabytes * 1e6)


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
