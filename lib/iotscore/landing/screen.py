"""Refuse files by their listing alone, before they are opened."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from iotscore.landing.reason_codes import FUTURE_DAY, TOO_LARGE

if TYPE_CHECKING:
    from datetime import date

    from iotscore.landing.folder import Landing, LandingFile


def screened(landing: Landing, newest: date, most_bytes: int) -> Landing:
    """Return a landing folder whose misdated and oversized files are among the unusable.

    Parameters
    ----------
    landing
        The listed landing folder.
    newest
        The latest day that a capture may be of.
    most_bytes
        The most that a file may have.
    """
    found = [(file, _fault(file, newest, most_bytes)) for file in landing.files]
    refused = [(file, *fault) for file, fault in found if fault is not None]
    return replace(
        landing,
        files=[file for file, fault in found if fault is None],
        unusable=[*landing.unusable, *refused],
    )


def _fault(file: LandingFile, newest: date, most_bytes: int) -> tuple[str, str] | None:
    day = None if file.label is None else file.label.event_day
    if day is not None and day > newest:
        return FUTURE_DAY, f"the name says {day}, and {newest} is the latest that can be"
    if file.size > most_bytes:
        return TOO_LARGE, f"{file.size:,} bytes; ingest.most_file_bytes is {most_bytes:,}"
    return None
