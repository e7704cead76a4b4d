"""One alert for each incident."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iotscore.alerts.alert import Alert, Device
from iotscore.alerts.kinds import INCIDENT

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from iotscore.alerts.alert import Severity

READ: Final = (
    *("incident_id", "file_id", "source_file", "device_id", "device", "event_day"),
    *("first_row", "last_row", "records", "peak_severity", "sentence"),
)
"""Columns of ``incidents`` that alerts are made of."""


def incident_alerts(incidents: Iterable[Mapping[str, Any]], severity: Severity) -> Iterator[Alert]:
    """Yield an alert of each incident.

    Parameters
    ----------
    incidents
        Rows of ``incidents`` with the columns of :data:`READ`.
    severity
        Severity of the alerts.
    """
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
