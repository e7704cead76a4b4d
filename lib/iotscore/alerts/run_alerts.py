"""Alerts of each incident, and of missing deliveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iotscore.alerts.alert import Alert, Device, later
from iotscore.alerts.kinds import INCIDENT, NO_DELIVERY

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from iotscore.alerts.alert import Severity

READ: Final = (
    *("incident_id", "file_id", "source_file", "device_id", "device", "event_day"),
    *("first_row", "last_row", "records", "peak_severity", "sentence"),
)
"""Columns of ``incidents`` that alerts are made of."""


@dataclass(frozen=True)
class Delivery:
    """Numbers of new files, and the only day that the run processes (``--date``); None: any."""

    accepted: int
    refused: int
    day: date | None = None


def delivery_alerts(
    delivery: Delivery, nights: Sequence[date], today: date, most_days: int | None
) -> Iterator[Alert]:
    """Yield at most one alert, if a run found no new file that it could ingest.

    ``nights`` are all days in the warehouse, ascending, the newest of which may be ``most_days``
    before ``today`` (UTC); None: any number.
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


def incident_alerts(incidents: Iterable[Mapping[str, Any]], severity: Severity) -> Iterator[Alert]:
    """Yield an alert of each incident, from rows with the columns of :data:`READ`."""
    for row in incidents:
        peak = row["peak_severity"]
        peak_text = "" if peak is None else f", severity up to {peak:.0f} of 100"
        yield Alert(
            *(INCIDENT, severity, Device(row["device_id"], row["device"]), row["event_day"]),
            value=row["records"],
            limit=1.0,
            message=f"{row['records']:,} flagged records in rows {row['first_row']:,} to "
            f"{row['last_row']:,} of {row['source_file']}{peak_text}: {row['sentence']}",
            incident_id=row["incident_id"],
        )
