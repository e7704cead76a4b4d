"""What the log of a local Delta table says of its commits, and who made them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deltalake import CommitProperties

from iotscore.warehouse.results import Commit, commit_of

if TYPE_CHECKING:
    from collections.abc import Mapping


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
