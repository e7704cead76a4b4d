"""Which listed files a run works on: by the days of capture, by names, and by what can be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from iotscore.errors import InputError
from iotscore.landing.reason_codes import FUTURE_DAY, TOO_LARGE
from iotscore.landing.walk import is_csv

if TYPE_CHECKING:
    from collections.abc import Collection

    from iotscore.landing.folder import Landing, LandingFile


@dataclass(frozen=True)
class Days:
    """A range of days, both ends included; None on a side means that it has no end there."""

    since: date | None = None
    until: date | None = None

    def __post_init__(self) -> None:
        """Raise InputError if the first day is after the last one."""
        if self.since is not None and self.until is not None and self.since > self.until:
            message = (
                f"--since {self.since} is after --until {self.until}, so no day is left; give the "
                "earlier day first"
            )
            raise InputError(message)

    def __contains__(self, day: date) -> bool:
        return (self.since is None or self.since <= day) and (
            self.until is None or day <= self.until
        )


EVERY_DAY: Final = Days()


def captured_in(landing: Landing, days: Days, today: date) -> Landing:
    """Return a landing folder with only the files of some days.

    Files that have no day in their names are of ``today``, the day of the ingest.
    """
    if days == EVERY_DAY:
        return landing
    return landing.keeping(lambda file: (file.event_day or today) in days)


def named_among(landing: Landing, names: Collection[str]) -> Landing:
    """Return a landing folder with only the files of some paths below it.

    What is not named like a CSV file, such as an archive, is kept: nobody else names it.
    """
    return landing.keeping(lambda file: file.source_file in names or not is_csv(file.source_file))


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


def newest_plausible_day(now: datetime | None = None) -> date:
    """Return the newest day that a capture can be of: tomorrow, UTC.

    Boxes east of Greenwich write tomorrow's date. A later one comes from a clock that is wrong, and
    must not count as the newest day. ``now`` has a time zone; None: the time of this machine.
    """
    return (now or datetime.now(UTC)).astimezone(UTC).date() + timedelta(days=1)
