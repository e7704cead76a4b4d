"""Alerts for missing deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotscore.alerts.alert import Alert, later
from iotscore.alerts.kinds import NO_DELIVERY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date


@dataclass(frozen=True)
class Delivery:
    """The new files that a run found in the landing folder.

    Attributes
    ----------
    accepted, refused
        Number of new files.
    day
        The only day that the run processes (``--date``); None: any.
    """

    accepted: int
    refused: int
    day: date | None = None


def delivery_alerts(
    delivery: Delivery, nights: Sequence[date], today: date, most_days: int | None
) -> Iterator[Alert]:
    """Yield at most one alert, if a run found no new file that it could ingest.

    Parameters
    ----------
    delivery
        The files of the run.
    nights
        All days in the warehouse, ascending.
    today
        The day of the run, UTC.
    most_days
        The newest day may be so many days before today; None: any number.
    """
    if delivery.accepted:
        return
    day = delivery.day or today
    if delivery.refused:
        cause = f"all {delivery.refused:,} new file(s) were refused: see the table quarantine"
    elif delivery.day is not None:
        if delivery.day in nights:
            return
        cause = "no file of this day was delivered"
    elif most_days is not None and nights and nights[-1] < later(today, -most_days):
        cause = f"nothing was delivered, and the newest day is {nights[-1]}"
    else:
        return
    yield Alert(
        *(NO_DELIVERY, "warning", None, day, 0.0, 1.0),
        message=f"{cause}; is the capture running, and is it copied to the landing folder?",
    )
