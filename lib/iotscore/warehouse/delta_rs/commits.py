"""What the log of a Delta table says of its commits, and who made them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from deltalake import CommitProperties, Transaction

from iotscore.errors import WarehouseError
from iotscore.warehouse.delta_rs import files
from iotscore.warehouse.results import Commit, commit_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from deltalake import DeltaTable


def commits_between(path: str, after: int, newest: int) -> list[Commit]:
    """Return the commits of a table after a version, up to another one, rising."""
    return [
        commit_of(version, _info(f"{path}/_delta_log/{version:020}.json"))
        for version in range(after + 1, newest + 1)
    ]


def _info(path: str) -> Mapping[str, Any]:
    try:
        actions = [json.loads(line) for line in files.content_of(path).splitlines()]
    except (OSError, ValueError):
        return {}
    found = [action["commitInfo"] for action in actions if "commitInfo" in action]
    return found[0] if found else {}


class Author(NamedTuple):
    """Who commits.

    Attributes
    ----------
    mark
        The run, for Delta's ``userMetadata``, where Spark writes it, too.
    epoch
        Number of the lease's holder; None where a lock of the operating system keeps others away.
    """

    mark: str | None = None
    epoch: int | None = None


NOBODY: Final = Author()
_FENCE: Final = "iotscore-writer"
"""Application whose transactions, in Delta's sense, are the holders of a warehouse's lease."""


def commit_properties(author: Author) -> CommitProperties:
    """Return what makes delta-rs write into a commit who made it.

    Of two commits on one version that carry the same application, Delta refuses the second.
    """
    marked = None if author.mark is None else {"userMetadata": author.mark}
    fence = None if author.epoch is None else [Transaction(_FENCE, author.epoch)]
    return CommitProperties(custom_metadata=marked, app_transactions=fence)


def require_newest(path: str, table: DeltaTable, author: Author) -> None:
    """Raise if a later holder of the lease has committed.

    Raises
    ------
    WarehouseError
        One has.
    """
    if author.epoch is None:
        return
    newest = table.transaction_version(_FENCE)
    if newest is not None and newest > author.epoch:
        message = (
            f"another job has taken over the warehouse and written the table {path}; this one has "
            "stopped and writes nothing more"
        )
        raise WarehouseError(message)
