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

    ``newest`` is the latest day that a capture may be of, ``most_bytes`` what a file may have.
    """
    files, unusable = [], [*landing.unusable]
    for file in landing.files:
        if fault := _fault(file, newest, most_bytes):
            unusable.append((file, *fault))
        else:
            files.append(file)
    return replace(landing, files=files, unusable=unusable)


def _fault(file: LandingFile, newest: date, most_bytes: int) -> tuple[str, str] | None:
    if file.event_day is not None and file.event_day > newest:
        return FUTURE_DAY, f"the name says {file.event_day}, and {newest} is the latest that can be"
    if file.size > most_bytes:
        return TOO_LARGE, f"{file.size:,} bytes; ingest.most_file_bytes is {most_bytes:,}"
    return None
