"""Expiry by policy: rows of old runs go, and the ledgers go on saying that they were there.

A ledger marks its entries first, in one commit; then the rows of the marked runs are deleted, table
by table. Whatever was killed in between, the next run deletes what is marked. An entry that is
marked still counts as done: nothing is scored or explained again.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from iotscore.bounds import Count
from iotscore.detect.model import BATCH_MINMAX
from iotscore.models.registry import champions
from iotscore.runs.order import SEQUENCE, in_order
from iotscore.warehouse.selection import rows_where

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import datetime

    from iotscore.warehouse.selection import Condition
    from iotscore.warehouse.warehouse import Warehouse

_Entries: TypeAlias = "list[dict[str, Any]]"


@dataclass(frozen=True)
class _Ledger:
    """A ledger, its columns for time and rows, and the tables that it speaks of."""

    name: str
    time: str
    count: str
    tables: tuple[str, ...]


_SCORED: Final = _Ledger("scored_files", "scored_at", "rows_scored", ("scores",))
_EXPLAINED: Final = _Ledger(
    "explained_files", "explained_at", "rows_explained", ("explanations", "incidents")
)


@dataclass(frozen=True)
class Retention:
    """What is kept; None keeps everything.

    Attributes
    ----------
    keep_scores_days
        Days after which scores, explanations and incidents go, counted from their run.
    keep_models
        How many of the newest models keep their bundle, beside those that are still needed.
    """

    keep_scores_days: Count | None
    keep_models: Count | None

    @property
    def keeps_all(self) -> bool:
        """Whether nothing expires."""
        return self.keep_scores_days is None and self.keep_models is None


@dataclass
class Expired:
    """What went in a run: rows by ledger, and versions whose bundle is not kept any more.

    Files that are old enough stay, ``uncounted``, if no evaluation has counted their scores.
    """

    rows: dict[str, int] = field(default_factory=dict)
    models: list[str] = field(default_factory=list)
    uncounted: int = 0


def expire(warehouse: Warehouse, retention: Retention, now: datetime) -> Expired:
    """Delete what the policy does not keep, by an age in days up to ``now``.

    Records in ``traffic``, counts of scores, metrics and all ledgers stay. So do the scores of
    ``batch_minmax`` models, whose every evaluation reads all of them.
    """
    expired = Expired()
    if retention.keep_scores_days is not None:
        before = now - timedelta(days=retention.keep_scores_days)
        frozen = _frozen_models(warehouse)
        scored = _old_runs(warehouse, _SCORED, before, frozen)
        counted = {
            version: warehouse.values("score_histogram", "file_id", model_version=version)
            for version in frozen
        }
        due = [run for run in scored if _are_counted(run, counted)]
        expired.uncounted = sum(len(run) for run in scored if run not in due)
        explained = _old_runs(warehouse, _EXPLAINED, before, frozen)
        for ledger, runs in ((_SCORED, due), (_EXPLAINED, explained)):
            entries = [row for run in runs for row in run]
            expired.rows[ledger.name] = sum(row[ledger.count] for row in entries)
            _mark(warehouse, ledger, entries, now)
            _delete_marked(warehouse, ledger)
    if retention.keep_models is not None:
        expired.models = _expire_models(warehouse, retention.keep_models, now)
    return expired


def _old_runs(
    warehouse: Warehouse, ledger: _Ledger, before: datetime, versions: Collection[str]
) -> list[_Entries]:
    """Return the entries of each run that are old enough, of these models, and not marked."""
    runs: dict[str, _Entries] = defaultdict(list)
    for row in warehouse.rows(ledger.name):
        if row["expired_at"] is None and row["model_version"] in versions:
            runs[row["run_id"]].append(row)
    return [run for run in runs.values() if max(row[ledger.time] for row in run) < before]


def _frozen_models(warehouse: Warehouse) -> set[str]:
    """Return the models whose scores mean the same whatever is scored later."""
    return {
        row["model_version"]
        for row in warehouse.rows("models", ["model_version", "manifest"])
        if json.loads(row["manifest"])["normalisation"] != BATCH_MINMAX
    }


def _are_counted(run: _Entries, counted: Mapping[str, set[str]]) -> bool:
    return all(
        not row["rows_scored"] or row["file_id"] in counted[row["model_version"]] for row in run
    )


def _mark(warehouse: Warehouse, ledger: _Ledger, entries: _Entries, now: datetime) -> None:
    if entries:
        marked = [row | {"expired_at": now} for row in entries]
        warehouse.replace(ledger.name, marked, _of_runs(entries))


def _delete_marked(warehouse: Warehouse, ledger: _Ledger) -> None:
    """Delete the rows of all marked runs, those of a run that was killed included."""
    marked = [row for row in warehouse.rows(ledger.name) if row["expired_at"] is not None]
    for table in ledger.tables if marked else ():
        warehouse.delete(table, _of_runs(marked).sql())


def _of_runs(entries: _Entries) -> Condition:
    return rows_where(run_id={row["run_id"] for row in entries})


def _expire_models(warehouse: Warehouse, keep: int, now: datetime) -> list[str]:
    """Take the bundles of old models out of the registry; their manifests stay."""
    known = warehouse.rows("models", ["model_version", "created_at", "expired_at", SEQUENCE])
    newest = {row["model_version"] for row in in_order(known, "created_at")[-keep:]}
    with_scores = {
        row["model_version"]
        for row in warehouse.rows("scored_files", ["model_version", "expired_at"])
        if row["expired_at"] is None
    }
    needed = newest | with_scores | {*champions(warehouse)}
    old = [row for row in known if row["expired_at"] is None and row["model_version"] not in needed]
    versions = sorted(row["model_version"] for row in old)
    if old:
        without = [
            row | {"bundle": None, "expired_at": now}
            for row in warehouse.rows("models", model_version=versions)
        ]
        warehouse.replace("models", without, rows_where(model_version=versions))
    return versions
