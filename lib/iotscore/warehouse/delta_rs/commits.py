"""What the log of a local Delta table says of its commits, and whose they are."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from deltalake import CommitProperties

if TYPE_CHECKING:
    from collections.abc import Mapping

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
    told = str(parameters.get("version"))
    restored = int(told) if operation == RESTORE and told.isdecimal() else None
    return Commit(version, operation, info.get("userMetadata"), restored)


def commits_between(path: str, after: int, newest: int) -> list[Commit]:
    """Return the commits of a table after a version, up to another one, rising."""
    log = Path(path) / "_delta_log"
    return [
        commit_of(version, _info(log / f"{version:020}.json"))
        for version in range(after + 1, newest + 1)
    ]


def _info(file: Path) -> Mapping[str, Any]:
    try:
        actions = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError):
        return {}
    found = [action["commitInfo"] for action in actions if "commitInfo" in action]
    return found[0] if found else {}


def commit_mark(mark: str | None) -> CommitProperties | None:
    """Return what makes delta-rs write a mark into a commit, where Spark writes its own."""
    return None if mark is None else CommitProperties(custom_metadata={"userMetadata": mark})
