"""What is told about whole files: rows of the ledger and of quarantine, and warnings."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from iotscore.errors import ReconciliationError, one_line
from iotscore.landing.file_changes import some
from iotscore.landing.reason_codes import (
    BAD_COUNT,
    CONTENT_CHANGED,
    FILE_ADVICE,
    FILE_REASONS,
    LABEL_CONFLICT,
)
from iotscore.warehouse.file_status import INGESTED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.ingest.plan import Plan
    from iotscore.landing.folder import Landing, LandingFile
    from iotscore.landing.scan import Survey
    from iotscore.warehouse.record_sums import RecordSum

_LOG = logging.getLogger(__name__)
_DETAILED: Final = frozenset({BAD_COUNT, LABEL_CONFLICT})
"""Reasons that say nothing without the details of each file."""


def ledger_row(
    file: LandingFile,
    survey: Survey,
    accepted: RecordSum | None,
    quarantined: int,
    reason: str | None = None,
) -> dict[str, Any]:
    """Return what the ledger says about a file; of a refused one nothing is accepted."""
    return {
        **({} if file.label is None else vars(file.label)),
        "file_id": file.file_id,
        "source_file": file.source_file,
        "bytes": survey.size,
        "sha256": survey.sha256,
        "modified_at": file.modified_at,
        "rows_read": survey.rows,
        "rows_accepted": 0 if accepted is None else accepted.rows,
        "rows_quarantined": quarantined,
        "rows_expected": file.rows_expected,
        "status": REFUSED if accepted is None else INGESTED,
        "reason": reason,
        "records_hash": None if accepted is None else accepted.records_hash,
    }


def reconcile(ledger: Sequence[dict[str, Any]]) -> None:
    """Raise unless every line read is either accepted or quarantined.

    Raises
    ------
    ReconciliationError
        Some are not; the files are named.
    """
    wrong = [
        f"{one_line(row['source_file'])}: read {row['rows_read']}, "
        f"accepted {row['rows_accepted']}, quarantined {row['rows_quarantined']}"
        for row in ledger
        if row["rows_read"] != row["rows_accepted"] + row["rows_quarantined"]
    ]
    if wrong:
        message = (
            f"lines read must be rows accepted plus rows quarantined; {len(wrong)} file(s) "
            f"disagree: {'; '.join(wrong[:5])}. Did the file change while it was read? Nothing "
            "was written; run ingest again"
        )
        raise ReconciliationError(message)


def describe_refusals(plan: Plan) -> str:
    """Return which files were refused, why, and what to do, in one line."""
    sentences = []
    for reason in sorted({reason for *_, reason, _ in plan.refuse}):
        files = [
            (file.source_file, detail) for file, _, why, detail in plan.refuse if why == reason
        ]
        what = f"were refused as {reason} ({FILE_REASONS[reason]})"
        if reason == CONTENT_CHANGED:
            what = "changed after their ingest and were refused"
        if reason == BAD_COUNT:
            what = "do not have the rows that data_summary.csv states and were refused"
        is_detailed = reason in _DETAILED
        names = [f"{name}: {detail}" if is_detailed else name for name, detail in sorted(files)]
        advice = f"To do: {FILE_ADVICE[reason]}"
        sentences.append(f"{len(files)} file(s) {what}: {some(names)}. {advice}")
    return f"{'. '.join(sentences)}. The other files are ingested"


def warn(
    landing: Landing,
    ledger: Sequence[dict[str, Any]],
    shared: Sequence[str],
    still_refused: Sequence[str],
) -> None:
    """Log, in a line per reason, which files were refused, and what is odd about others.

    Parameters
    ----------
    landing, ledger
        What was listed; rows of this run.
    shared
        Paths of files that have the content of another device's file.
    still_refused
        Paths of files that were refused before and lie there as they did then.
    """
    refused: dict[str, list[str]] = {}
    for row in ledger:
        if row["status"] == REFUSED:
            refused.setdefault(row["reason"], []).append(row["source_file"])
    for reason, paths in sorted(refused.items()):
        _warn(f"refused %d file(s), {reason}: %s; see the table quarantine", paths)
    _warn("%d file(s) still refused and unchanged: %s; correct or remove them", still_refused)
    if landing.ignored:
        _LOG.info(
            "%d other file(s) are not looked at: %s; those whose names end in .csv are",
            len(landing.ignored),
            some(landing.ignored),
        )
    again = "%d file(s) have the content of another device's file: %s; their records are ingested"
    _warn(again, shared)
    if known := landing.metadata.devices:
        ingested = (row for row in ledger if row["status"] != REFUSED)
        unknown = sorted({row["device"] for row in ingested if row["device_id"] not in known})
        strange = "device_info.csv does not know %d device(s): %s; their records are ingested"
        _warn(strange, unknown)


def _warn(message: str, names: Sequence[str]) -> None:
    """Log a warning with how many there are of something, and the first names; none if none."""
    if names:
        _LOG.warning(message, len(names), some(names))
