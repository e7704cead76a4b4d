"""``ingest_files``, ``quarantine`` and ``runs`` to the quality of data and the pace of stages."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from iotscore.report.operations import Quality, Refused, RefusedFile, StageRun
from iotscore.runs.run_log import DONE, RUNNING
from iotscore.runs.slowdown import kind_of
from iotscore.warehouse.file_status import INGESTED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.warehouse.warehouse import Warehouse

_MOST_FILES: Final = 20
_STAGES: Final = ("ingest", "train", "score", "evaluate", "explain", "monitor", "report")
_RUN: Final = tuple(field.name for field in fields(StageRun) if field.name != "usual")


def read_stages(warehouse: Warehouse) -> tuple[StageRun, ...]:
    """Return the last end of each stage, in the order of a night."""
    ends: dict[str, list[dict[str, Any]]] = {}
    rows = warehouse.rows("runs", [*_RUN, "run_id", "details"])
    for row in sorted(rows, key=lambda row: (row["started_at"], row["run_id"])):
        if row["status"] != RUNNING:
            ends.setdefault(row["stage"], []).append(row)
    order = {name: place for place, name in enumerate(_STAGES)}
    stages = sorted(ends, key=lambda name: (order.get(name, len(order)), name))
    return tuple(
        StageRun(**{name: ends[stage][-1][name] for name in _RUN}, usual=_usual(*ends[stage]))
        for stage in stages
    )


def _usual(*ends: Mapping[str, Any]) -> float | None:
    """Return the median speed of all but the last end, as far as they are of its kind."""
    *earlier, kind = (kind_of(json.loads(one["details"] or "{}")) for one in ends)
    speeds = [
        one["rows_per_second"]
        for one, its in zip(ends[:-1], earlier, strict=True)
        if its == kind and one["status"] == DONE and one["rows"]
    ]
    return statistics.median(speeds) if speeds else None


def read_quality(warehouse: Warehouse) -> Quality:
    """Return what became of the delivered lines; refused lines are counted, not read."""
    names = [
        *("file_id", "source_file", "status", "reason", "run_id", "rows_read", "rows_accepted"),
        *("rows_quarantined", "rows_expected"),
    ]
    ledger = warehouse.rows("ingest_files", names)
    starts = warehouse.rows("runs", ["started_at", "run_id"], stage="ingest")
    last = max(((row["started_at"], row["run_id"]) for row in starts), default=(None, ""))[1]
    kept = [row for row in ledger if row["status"] == INGESTED]
    refused = [row for row in ledger if row["status"] == REFUSED]
    lately = sorted(
        (row for row in refused if row["run_id"] == last), key=lambda row: str(row["source_file"])
    )
    details = _details(warehouse, last)
    return Quality(
        files=len(kept),
        rows_read=sum(row["rows_read"] for row in kept),
        rows_accepted=sum(row["rows_accepted"] for row in kept),
        rows_quarantined=sum(row["rows_quarantined"] for row in kept),
        reconciled=sum(row["rows_expected"] is not None for row in kept),
        refused=(
            *_refused("file", Counter((row["reason"], row["run_id"]) for row in refused), last),
            *_lines_refused(warehouse, last),
        ),
        files_refused=tuple(
            RefusedFile(row["source_file"], row["reason"], details.get(row["file_id"], ""))
            for row in lately[:_MOST_FILES]
        ),
        more_files_refused=max(len(lately) - _MOST_FILES, 0),
    )


def _lines_refused(warehouse: Warehouse, last: str) -> list[Refused]:
    found: Counter[tuple[str, str]] = Counter()
    for batch in warehouse.batches("quarantine", ("reason", "run_id", "row_no")):
        lines = batch.filter(batch.column("row_no").is_valid())
        pairs = (lines.column(name).to_pylist() for name in ("reason", "run_id"))
        found.update(zip(*pairs, strict=True))
    return _refused("line", found, last)


def _refused(what: str, counts: Mapping[tuple[str, str], int], last: str) -> list[Refused]:
    """Add up counts by reason and run."""
    ever: Counter[str] = Counter()
    lately: Counter[str] = Counter()
    for (reason, run_id), count in counts.items():
        ever[reason] += count
        lately[reason] += count * (run_id == last)
    return [Refused(what, reason, lately[reason], ever[reason]) for reason in sorted(ever)]


def _details(warehouse: Warehouse, run_id: str) -> dict[str, str]:
    """Return what the last ingest found wrong with whole files, by file."""
    found: dict[str, str] = {}
    for batch in warehouse.batches("quarantine", ("file_id", "row_no", "detail"), run_id=run_id):
        files = batch.filter(batch.column("row_no").is_null())
        pairs = (files.column(name).to_pylist() for name in ("file_id", "detail"))
        found.update(zip(*pairs, strict=True))
    return found
