"""The ledger ``scored_files``: which content of which file a model has scored."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iotscore.landing.event_days import EVERY_DAY, Days
from iotscore.models.context import Content
from iotscore.warehouse.record_sums import RecordSum
from iotscore.warehouse.selection import Condition, rows_where

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from typing import TypeVar

    from iotscore.models.context import Context
    from iotscore.warehouse.warehouse import Warehouse

    Value = TypeVar("Value")


@dataclass(frozen=True)
class PendingFiles:
    """The files that a stage has to work on under a model.

    Attributes
    ----------
    rows, checksums
        Accepted rows and SHA-256 of each file, by id.
    stale
        Those of whose earlier content some model has rows: these are void.
    ingest_runs
        Run that ingested each file, by id. A run's rows lie together, so data files of other nights
        are skipped by it; file ids are hashes and skip hardly any.
    """

    model_version: str
    rows: dict[str, int]
    checksums: dict[str, str]
    stale: frozenset[str]
    ingest_runs: dict[str, str]

    @property
    def where(self) -> dict[str, list[str]]:
        """What selects the files' records in ``traffic``."""
        return {"file_id": sorted(self.rows), "ingest_run": sorted({*self.ingest_runs.values()})}

    @property
    def contents(self) -> frozenset[Content]:
        """What is in the files."""
        return frozenset(
            Content(file_id, checksum, self.ingest_runs[file_id])
            for file_id, checksum in self.checksums.items()
        )

    def without(self, file_ids: Collection[str]) -> PendingFiles:
        """Return the other files; what is stale stays so."""
        return replace(
            self,
            rows=_without(self.rows, file_ids),
            checksums=_without(self.checksums, file_ids),
            ingest_runs=_without(self.ingest_runs, file_ids),
        )

    def of_stale(self) -> Condition | None:
        """Return the condition on rows of earlier contents, of any model; None: there are none."""
        return rows_where(file_id=self.stale) if self.stale else None

    def of_all(self) -> Condition:
        """Return the condition on rows of earlier contents, and on the model's of the files."""
        of_model = rows_where(model_version=self.model_version, file_id=self.rows.keys())
        return rows_where(file_id=self.stale) | of_model if self.stale else of_model


def _without(entries: Mapping[str, Value], file_ids: Collection[str]) -> dict[str, Value]:
    return {key: value for key, value in entries.items() if key not in file_ids}


def unscored_files(context: Context, days: Days = EVERY_DAY) -> PendingFiles:
    """Return the ingested files of some days whose present content a model has not scored."""
    warehouse, model_version = context.warehouse, context.stored.version
    present = {key: row for key, row in context.ingested.items() if row["event_day"] in days}
    entries = warehouse.rows("scored_files", ["file_id", "model_version", "sha256"])
    # An entry without a checksum is of a version that never replaced a file's content.
    stale = frozenset(
        entry["file_id"]
        for entry in entries
        if entry["file_id"] in present
        and entry["sha256"] not in (None, present[entry["file_id"]]["sha256"])
    )
    scored = {entry["file_id"] for entry in entries if entry["model_version"] == model_version}
    return pending(context, present.keys() - (scored - stale), stale)


def pending(context: Context, file_ids: Collection[str], stale: frozenset[str]) -> PendingFiles:
    """Return some ingested files as work under the context's model."""
    files = {file_id: context.ingested[file_id] for file_id in sorted(file_ids)}
    return PendingFiles(
        context.stored.version,
        rows={file_id: row["rows_accepted"] for file_id, row in files.items()},
        checksums={file_id: row["sha256"] for file_id, row in files.items()},
        stale=stale,
        ingest_runs={file_id: row["run_id"] for file_id, row in files.items()},
    )


def scored_now(
    warehouse: Warehouse,
    model_version: str,
    present: Mapping[str, Mapping[str, Any]],
    *,
    with_expired: bool,
) -> set[str]:
    """Return the ids of files whose present content a model has scored.

    Parameters
    ----------
    present
        Rows of ``ingest_files`` by id: the files as they are now, with ``sha256``.
    with_expired
        Whether files count whose scores are not kept any more.
    """
    return {
        row["file_id"]
        for row in warehouse.rows("scored_files", model_version=model_version)
        if row["file_id"] in present
        and row["sha256"] in (None, present[row["file_id"]]["sha256"])
        and (with_expired or row["expired_at"] is None)
    }


def record_scored(
    context: Context, files: PendingFiles, written: Mapping[str, RecordSum], *, is_hashed: bool
) -> None:
    """Write the ledger: rows in ``scores`` by file, zero included, and the sum of their hashes.

    Entries of earlier contents go in the same commit, counts of their scores just before. Rows that
    each later file changes, those of ``batch_minmax``, have no hash.
    """
    warehouse = context.warehouse
    common = {
        "model_version": files.model_version,
        "run_id": context.run_id,
        "scored_at": datetime.now(UTC),
    }
    nothing = RecordSum()
    entries = [
        {
            "file_id": file,
            "rows_scored": written.get(file, nothing).rows,
            "records_hash": written.get(file, nothing).records_hash if is_hashed else None,
            "sha256": checksum,
            **common,
        }
        for file, checksum in files.checksums.items()
    ]
    if (of_stale := files.of_stale()) is None:
        warehouse.append("scored_files", entries)
        return
    warehouse.delete("score_histogram", of_stale.sql())
    warehouse.replace("scored_files", entries, files.of_all())
