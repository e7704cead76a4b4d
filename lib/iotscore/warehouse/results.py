"""What a warehouse says of its tables' commits and data files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.warehouse.record_sums import Sums

RESTORE: Final = "RESTORE"
"""What Delta calls a commit that makes a table what it was at an earlier version."""

_UNKNOWN: Final = "a commit that the log does not describe"


@dataclass(frozen=True)
class Commit:
    """A commit of a table.

    Attributes
    ----------
    version
        Its number.
    operation
        What was done, in Delta's words, such as ``WRITE``.
    mark
        Delta's ``userMetadata``: the run that wrote it; None if nobody said so.
    restored
        The version that the table was made again; None of other operations.
    """

    version: int
    operation: str
    mark: str | None = None
    restored: int | None = None


def commit_of(version: int, info: Mapping[str, Any]) -> Commit:
    """Return a commit from what Delta writes about it."""
    operation = info.get("operation") or _UNKNOWN
    parameters = info.get("operationParameters") or {}
    number = str(parameters.get("version"))
    restored = int(number) if operation == RESTORE and number.isdecimal() else None
    return Commit(version, operation, info.get("userMetadata"), restored)


class ListedFile(NamedTuple):
    """A data file as the table's log names it.

    Attributes
    ----------
    path
        Below the table's folder.
    size
        Bytes, as the log says.
    found
        Bytes on disk; None if it is not there.
    """

    path: str
    size: int
    found: int | None

    def __str__(self) -> str:
        """Return the path, what was found and what is needed."""
        found = "not there" if self.found is None else f"{self.found:,} bytes"
        return f"{self.path}: {found}, the log says {self.size:,} bytes"


@dataclass(frozen=True)
class DataFileCheck:
    """The data files of a table, compared with what its log names.

    Attributes
    ----------
    files
        How many were looked up; None where that is not possible.
    lost
        Those that are not there or have another size.
    empty_commits
        Commits of the log that have lost their content.
    """

    files: int | None = None
    lost: tuple[ListedFile, ...] = ()
    empty_commits: tuple[str, ...] = ()


@dataclass(frozen=True)
class Proof:
    """What was found in some data files that were read to the end.

    Attributes
    ----------
    sums
        Rows and hash sum, by the wanted columns; of a damaged file those before the first fault.
    faults
        What is wrong with the files.
    """

    sums: Sums = field(default_factory=dict)
    faults: tuple[str, ...] = ()
