"""The days of capture that a run processes: all, or a range that is filled in later."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final

from iotscore.errors import InputError
from iotscore.landing.walk import is_csv

if TYPE_CHECKING:
    from collections.abc import Collection

    from iotscore.landing.folder import Landing


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

    def __str__(self) -> str:
        return f"{self.since or ''}..{self.until or ''}"


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


def newest_plausible_day(now: datetime | None = None) -> date:
    """Return the newest day that a capture can be of: tomorrow, UTC.

    Boxes east of Greenwich write tomorrow's date. A later one comes from a clock that is wrong, and
    must not count as the newest day. ``now`` has a time zone; None: the time of this machine.
    """
    return (now or datetime.now(UTC)).astimezone(UTC).date() + timedelta(days=1)
