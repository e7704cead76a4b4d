"""The ledger ``explained_files``: which content of which file a model's flags are explained of."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from iotscore.scoring.ledger import pending, scored_now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.models.context import Context
    from iotscore.scoring.ledger import PendingFiles


def unexplained_files(context: Context) -> PendingFiles:
    """Return the scored files of which a model's flags are not explained.

    Every new file moves the flags of all files of a ``batch_minmax`` model, so all are new again.
    """
    warehouse, stored, present = context.warehouse, context.stored, context.ingested
    # Of scores that have expired there is nothing to explain any more.
    scored = scored_now(warehouse, stored.version, present, with_expired=False)
    entries = warehouse.rows("explained_files", ["file_id", "model_version", "sha256"])
    stale = frozenset(
        entry["file_id"]
        for entry in entries
        if entry["file_id"] in scored and entry["sha256"] != present[entry["file_id"]]["sha256"]
    )
    explained = {row["file_id"] for row in entries if row["model_version"] == stored.version}
    wanted = scored - (explained - stale)
    return pending(context, scored if wanted and stored.is_batch_minmax else wanted, stale)


def record_explained(context: Context, files: PendingFiles, rows: Mapping[str, int]) -> None:
    """Write that files are explained, those without a flagged record too."""
    common = {
        "model_version": files.model_version,
        "run_id": context.run_id,
        "explained_at": datetime.now(UTC),
    }
    entries = [
        {"file_id": file, "rows_explained": rows.get(file, 0), "sha256": checksum, **common}
        for file, checksum in files.checksums.items()
    ]
    context.warehouse.replace("explained_files", entries, files.of_all().sql())
