"""Alerts about a device and a day, and when they are raised again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from iotscore.features import UNKNOWN_DEVICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

Severity: TypeAlias = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
"""Rising."""


class Device(NamedTuple):
    """A device as the tables name it."""

    device_id: int | None
    device: str

    @property
    def number(self) -> int:
        """Its number, -1 if it has none."""
        return UNKNOWN_DEVICE if self.device_id is None else self.device_id

    @property
    def order(self) -> tuple[int, str]:
        """What devices are sorted by."""
        return self.number, self.device


@dataclass(frozen=True)
class Alert:
    """An alert about a device and a day.

    Attributes
    ----------
    kind
        One of :data:`iotscore.alerts.kinds.ALERT_KINDS`.
    device
        None: all devices.
    value, limit
        The measured value, and the value from which on the alert is raised.
    feature
        The feature with the largest drift.
    incident_id
        The incident that it is about; each incident raises an alert, whatever was raised before.
    """

    kind: str
    severity: Severity
    device: Device | None
    day: date
    value: float
    limit: float
    message: str
    feature: str | None = None
    incident_id: str | None = None

    @property
    def subject(self) -> tuple[str, int | None, str | None]:
        """Kind and device, by which alerts are compared."""
        return (self.kind, *(self.device or (None, None)))


def rank(severity: str) -> int:
    """Return 0 for info, and more for higher severities."""
    return SEVERITIES.index(severity)


def raise_alerts(
    found: Iterable[Alert], earlier: Sequence[dict[str, Any]], version: str, cool_down_days: int
) -> list[dict[str, Any]]:
    """Return rows of ``alerts`` for alerts that are new or more severe than before.

    The same kind of alert of the same device is raised once until its cool-down ends, unless it
    gets more severe. Incidents have no cool-down: each is another one. ``found`` are alerts of one
    day, ``earlier`` rows of ``alerts`` of earlier days.
    """
    raised = []
    for alert in found:
        device_id, device = alert.device or (None, None)
        days = 0 if alert.incident_id else cool_down_days
        same = [] if alert.incident_id else [row for row in earlier if _is_same(row, alert)]
        last = max(same, key=lambda row: row["event_day"], default=None)
        first_seen = alert.day
        if last is not None:
            is_cooling = last["cool_down_until"] >= alert.day
            if is_cooling and rank(alert.severity) <= rank(last["severity"]):
                continue
            if later(last["cool_down_until"], 1) >= alert.day:
                first_seen = last["first_seen"]
        raised.append(
            {
                "alert_id": alert_id(alert, version),
                "severity": alert.severity,
                "kind": alert.kind,
                "device_id": device_id,
                "device": device,
                "event_day": alert.day,
                "feature": alert.feature,
                "value": alert.value,
                "limit": alert.limit,
                "message": alert.message,
                "first_seen": first_seen,
                "cool_down_until": later(alert.day, days),
                "model_version": version,
            }
        )
    return raised


def _is_same(row: Mapping[str, Any], alert: Alert) -> bool:
    """Say whether an earlier alert is of the same kind and device; its number counts if it has one.

    A device that was given another name is still the same.
    """
    kind, number, name = alert.subject
    is_device = row["device"] == name if number is None else row["device_id"] == number
    return bool(row["kind"] == kind and is_device and row["event_day"] < alert.day)


def later(day: date, days: int) -> date:
    """Return the day so many days later, or earlier; the calendar's first or last if it ends."""
    ordinal = min(max(day.toordinal() + days, date.min.toordinal()), date.max.toordinal())
    return date.fromordinal(ordinal)


def alert_id(alert: Alert, version: str) -> str:
    """Return 16 hexadecimal digits that are the same for the same alert in each run."""
    about = alert.incident_id or alert.severity
    key = "\n".join(map(str, (version, alert.day, *alert.subject, about)))
    return hashlib.sha256(key.encode()).hexdigest()[:16]
