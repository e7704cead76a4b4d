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
from iotscore.warehouse.file_status import REFUSED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.ingest.plan import Plan
    from iotscore.landing.folder import Landing, LandingFile
    from iotscore.landing.scan import Survey

_LOG = logging.getLogger(__name__)
_DETAILED: Final = frozenset({BAD_COUNT, LABEL_CONFLICT})
"""Reasons that say nothing without the details of each file."""


def ledger_row(
    file: LandingFile,
    survey: Survey,
    accepted: int,
    quarantined: int,
    outcome: tuple[str, str | None],
) -> dict[str, Any]:
    """Return what the ledger says about a file.

    Parameters
    ----------
    file, survey
        What was listed, and what was found in it.
    accepted, quarantined
        Rows.
    outcome
        Status and reason code.
    """
    status, reason = outcome
    label = {} if file.label is None else vars(file.label)
    return {
        **label,
        "file_id": file.file_id,
        "source_file": file.source_file,
        "bytes": survey.size,
        "sha256": survey.sha256,
        "modified_at": file.modified_at,
        "rows_read": survey.rows,
        "rows_accepted": accepted,
        "rows_quarantined": quarantined,
        "rows_expected": file.rows_expected,
        "status": status,
        "reason": reason,
    }


def file_refusal(file: LandingFile, reason: str, detail: str) -> dict[str, Any]:
    """Return the row of quarantine for a file that is refused as a whole."""
    return {
        "file_id": file.file_id,
        "source_file": file.source_file,
        "reason": reason,
        "detail": detail,
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
    told = []
    for reason in sorted({reason for *_, reason, _ in plan.refuse}):
        files = plan.refused_for(reason)
        what = f"were refused as {reason} ({FILE_REASONS[reason]})"
        if reason == CONTENT_CHANGED:
            what = "changed after their ingest and were refused"
        if reason == BAD_COUNT:
            what = "do not have the rows that data_summary.csv states and were refused"
        names = [
            f"{file.source_file}: {detail}" if reason in _DETAILED else file.source_file
            for file, detail in sorted(files, key=lambda pair: pair[0].source_file)
        ]
        told.append(f"{len(files)} file(s) {what}: {some(names)}. To do: {FILE_ADVICE[reason]}")
    return f"{'. '.join(told)}. The other files are ingested"


def warn(
    landing: Landing,
    ledger: Sequence[dict[str, Any]],
    shared: Sequence[str],
    still_refused: Sequence[str],
) -> None:
    """Tell, in a line per reason, which files were refused, and what is odd about others.

    Parameters
    ----------
    landing
        What was listed.
    ledger
        Rows of this run.
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
        _LOG.warning(
            "refused %d file(s), %s: %s; see the table quarantine", len(paths), reason, some(paths)
        )
    if still_refused:
        _LOG.warning(
            "%d file(s) still refused and unchanged: %s; correct or remove them",
            len(still_refused),
            some(still_refused),
        )
    if landing.ignored:
        _LOG.info(
            "%d other file(s) are not looked at: %s; those whose names end in .csv are",
            len(landing.ignored),
            some(landing.ignored),
        )
    if shared:
        _LOG.warning(
            "%d file(s) have the content of another device's file: %s; their records are ingested",
            len(shared),
            some(shared),
        )
    _warn_of_unknown_devices(landing, ledger)


def _warn_of_unknown_devices(landing: Landing, ledger: Sequence[dict[str, Any]]) -> None:
    known = landing.metadata.devices
    unknown = {
        row["device"]
        for row in ledger
        if row["status"] != REFUSED and row["device_id"] not in known
    }
    if known and unknown:
        _LOG.warning(
            "device_info.csv does not know %d device(s): %s; their records are ingested",
            len(unknown),
            some(sorted(unknown)),
        )
