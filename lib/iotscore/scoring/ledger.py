"""The ledger ``scored_files``: which content of which file a model has scored."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iotscore.ingest.ledger import file_condition
from iotscore.ingest.plan import INGESTED
from iotscore.landing.event_days import EVERY_DAY, Days

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.warehouse.tables import Warehouse


@dataclass(frozen=True)
class Todo:
    """The files that a model has to score.

    Attributes
    ----------
    model_version
        The model.
    rows
        Accepted rows of each file, by id.
    checksums
        SHA-256 of each file.
    stale
        Those whose earlier content some model has scored: their rows in ``scores`` are void.
    ingest_runs
        Runs that ingested the files. A run's rows lie together, so data files of other nights are
        skipped by it; file ids are hashes and skip hardly any.
    """

    model_version: str
    rows: dict[str, int]
    checksums: dict[str, str]
    stale: frozenset[str]
    ingest_runs: list[str]

    @property
    def fresh(self) -> list[str]:
        """The files without void rows."""
        return [file for file in self.rows if file not in self.stale]

    @property
    def total(self) -> int:
        """Accepted rows of all files."""
        return sum(self.rows.values())

    def is_void(self) -> str:
        """Return the condition on rows of earlier contents, of any model."""
        return file_condition(self.stale)

    def replaced(self) -> str:
        """Return the condition on rows that make room: void ones, and the model's of the files."""
        mine = f"model_version = '{self.model_version}' AND {file_condition(self.rows)}"
        return f"{self.is_void()} OR ({mine})" if self.stale else mine


def unscored_files(warehouse: Warehouse, model_version: str, days: Days = EVERY_DAY) -> Todo:
    """Return the ingested files of some days whose present content a model has not scored."""
    described = ["file_id", "rows_accepted", "sha256", "run_id", "event_day"]
    ledger = warehouse.rows("ingest_files", described, status=INGESTED)
    present = {row["file_id"]: row for row in ledger if row["event_day"] in days}
    entries = warehouse.rows("scored_files", ["file_id", "model_version", "sha256"])
    # An entry without a checksum is of a version that never replaced a file's content.
    stale = frozenset(
        entry["file_id"]
        for entry in entries
        if entry["file_id"] in present
        and entry["sha256"] not in (None, present[entry["file_id"]]["sha256"])
    )
    scored = {entry["file_id"] for entry in entries if entry["model_version"] == model_version}
    wanted = sorted(present.keys() - (scored - stale))
    return Todo(
        model_version,
        rows={file: present[file]["rows_accepted"] for file in wanted},
        checksums={file: present[file]["sha256"] for file in wanted},
        stale=stale,
        ingest_runs=sorted({present[file]["run_id"] for file in wanted}),
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
    warehouse
        Where.
    model_version
        The model.
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


def enter(
    warehouse: Warehouse,
    todo: Todo,
    rows: Mapping[str, int],
    hashes: Mapping[str, int] | None,
    run_id: str,
) -> None:
    """Write the ledger: rows in ``scores`` by file, zero included, and the sum of their hashes.

    Entries of earlier contents go in the same commit, counts of their scores just before. Rows that
    each later file changes, those of ``batch_minmax``, have no hash.
    """
    common = {
        "model_version": todo.model_version,
        "run_id": run_id,
        "scored_at": datetime.now(UTC),
    }
    entries = [
        {
            "file_id": file,
            "rows_scored": rows.get(file, 0),
            "records_hash": None if hashes is None else hashes.get(file, 0),
            "sha256": checksum,
            **common,
        }
        for file, checksum in todo.checksums.items()
    ]
    if not todo.stale:
        warehouse.append_rows("scored_files", entries)
        return
    warehouse.delete("score_histogram", todo.is_void())
    warehouse.replace_rows("scored_files", entries, todo.replaced())
