"""Taking back what a stage left half done: its own commits, and nobody else's.

A stage notes the versions of its tables when it starts, and writes its run into each of its
commits. What it wrote is undone by making the tables what they were; where somebody else has
committed since, that would take theirs away too, and is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from iotscore.errors import WarehouseError
from iotscore.warehouse.results import RESTORE, Commit
from iotscore.warehouse.schemas import run_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.warehouse.warehouse import Warehouse

LEDGERS: Final = {
    # stage: its ledger, and the tables whose rows count only once the ledger names their run
    "ingest": ("ingest_files", ("traffic", "quarantine")),
    "train": ("model_aliases", ("models",)),
    "score": ("scored_files", ("scores", "score_histogram")),
    "evaluate": ("metrics", ("score_histogram", "roc_points")),
    "explain": ("explained_files", ("explanations", "incidents")),
    "monitor": ("monitored_files", ("drift", "alerts")),
}

_BEFORE: Final = "versions_before"
"""Key of a start's details: the versions of the tables that the stage is going to write."""

_IS_MARKED: Final = "commits_are_marked"
"""Key of a start's details: whether the stage's commits name its run."""

_UNDO: Final = "undo of "
"""What the mark of a commit begins with that took something back."""

_CHANGES_NOTHING: Final = frozenset(
    {"CREATE TABLE", "OPTIMIZE", "SET TBLPROPERTIES", "VACUUM START", "VACUUM END"}
)
"""Operations that change no row, whosoever they are."""


def noted(warehouse: Warehouse, stage: str) -> dict[str, Any]:
    """Return what a stage that starts now notes for whoever undoes it."""
    _, tables = LEDGERS.get(stage, ("", ()))
    versions = {table: warehouse.version(table) for table in tables}
    return {_BEFORE: versions, _IS_MARKED: True}


def versions_before(warehouse: Warehouse, start: dict[str, Any]) -> dict[str, int | None]:
    """Return the versions that the tables of an unfinished stage must go back to.

    There are none if its ledger names the run: then it had done its work. A table that holds
    nothing of the run is left out.

    Raises
    ------
    WarehouseError
        Somebody else has committed since, or the stage ran under a version of the project that
        noted nothing.
    """
    stage, run_id = start["stage"], start["run_id"]
    ledger, _ = LEDGERS.get(stage, ("", ()))
    if not ledger or run_id in warehouse.values(ledger, "run_id", run_id=run_id):
        return {}
    if start["details"] is None:
        message = (
            f"the run {run_id} was killed in the stage {stage} under an older version of iotscore, "
            "which did not note what the tables were before: let that version run once more on the "
            "warehouse, then this one"
        )
        raise WarehouseError(message)
    details = json.loads(start["details"])
    before: dict[str, int | None] = details[_BEFORE]
    if not details.get(_IS_MARKED):
        return before  # an older version of the project, whose commits name no run
    return {
        table: version
        for table, version in before.items()
        if _is_to_undo(warehouse, start, table, version or 0)
    }


def undo(warehouse: Warehouse, start: dict[str, Any]) -> None:
    """Take back what a stage wrote, unless its ledger names the run."""
    versions = versions_before(warehouse, start)
    with warehouse.marked(f"{_UNDO}{start['run_id']}"):
        for table, version in versions.items():
            warehouse.restore(table, version)


def _is_to_undo(warehouse: Warehouse, start: dict[str, Any], table: str, before: int) -> bool:
    """Say whether a table holds anything of a run that goes when the table is restored."""
    if not warehouse.exists(table):
        return False
    standing = _standing(warehouse.commits_after(table, before), before)
    run_id = start["run_id"]
    if all(commit.mark != run_id for commit in standing):
        return False
    others = [
        commit
        for commit in standing
        if commit.mark != run_id and commit.operation not in _CHANGES_NOTHING
    ]
    if not others:
        return True
    column = run_column(table)
    if run_id not in warehouse.values(table, column, **{column: run_id}):
        return False  # somebody has corrected it
    raise _refused(warehouse, start, table, before, others[0])


def _standing(commits: Sequence[Commit], before: int) -> list[Commit]:
    """Return the commits after a version that no undoing has taken back, the newest first."""
    by_version = {commit.version: commit for commit in commits}
    at, standing = max(by_version, default=before), []
    while at > before:
        commit = by_version[at]
        if commit.operation == RESTORE and (commit.mark or "").startswith(_UNDO):
            at = before if commit.restored is None else commit.restored
            continue
        standing.append(commit)
        at -= 1
    return standing


def _refused(
    warehouse: Warehouse, start: dict[str, Any], table: str, before: int, other: Commit
) -> WarehouseError:
    run_id = start["run_id"]
    whose = f"the run {other.mark}" if other.mark else "a writer without a name"
    return WarehouseError(
        f"the stage {start['stage']} of the run {run_id} did not end and cannot be undone: in the "
        f"table {table} of {warehouse.root} the version {other.version} ({other.operation}) is of "
        f"{whose}, and going back to version {before} would take that away too. Let no two jobs "
        "write at a time. Look at the warehouse with the job verify, delete the rows WHERE "
        f"{run_column(table)} = '{run_id}' from that table with Delta Lake's DELETE, or restore "
        "the warehouse from a backup, then run again"
    )
