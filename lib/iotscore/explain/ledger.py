"""The ledger ``explained_files``: which content of which file a model's flags are explained of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from iotscore.detect.model import BATCH_MINMAX
from iotscore.ingest.plan import INGESTED
from iotscore.scoring.ledger import Todo, scored_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.models.registry import StoredModel
    from iotscore.warehouse.tables import Warehouse


def unexplained_files(warehouse: Warehouse, stored: StoredModel) -> Todo:
    """Return the scored files of which a model's flags are not explained.

    Every new file moves the flags of all files of a ``batch_minmax`` model, so all are new again.
    """
    described = ["file_id", "rows_accepted", "sha256", "run_id"]
    ledger = warehouse.rows("ingest_files", described, status=INGESTED)
    present = {row["file_id"]: row for row in ledger}
    # Of scores that have expired there is nothing to explain any more.
    scored = scored_now(warehouse, stored.version, present, with_expired=False)
    entries = warehouse.rows("explained_files", ["file_id", "model_version", "sha256"])
    stale = frozenset(
        entry["file_id"]
        for entry in entries
        if entry["file_id"] in scored and entry["sha256"] != present[entry["file_id"]]["sha256"]
    )
    explained = {row["file_id"] for row in entries if row["model_version"] == stored.version}
    wanted = sorted(scored - (explained - stale))
    if wanted and stored.manifest["normalisation"] == BATCH_MINMAX:
        wanted = sorted(scored)
    return Todo(
        stored.version,
        rows={file: present[file]["rows_accepted"] for file in wanted},
        checksums={file: present[file]["sha256"] for file in wanted},
        stale=stale,
        ingest_runs=sorted({present[file]["run_id"] for file in wanted}),
    )


def enter_explained(warehouse: Warehouse, todo: Todo, rows: Mapping[str, int], run_id: str) -> None:
    """Write that files are explained, those without a flagged record too."""
    common = {
        "model_version": todo.model_version,
        "run_id": run_id,
        "explained_at": datetime.now(UTC),
    }
    entries = [
        {"file_id": file, "rows_explained": rows.get(file, 0), "sha256": checksum, **common}
        for file, checksum in todo.checksums.items()
    ]
    warehouse.replace_rows("explained_files", entries, todo.replaced())
