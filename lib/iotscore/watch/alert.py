"""Alerts: what was noticed of a device and a night, and when it is told again."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias

from iotscore.columns import UNKNOWN_DEVICE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Severity: TypeAlias = Literal["info", "warning", "critical"]
SEVERITIES: Final[tuple[Severity, ...]] = ("info", "warning", "critical")
"""Rising."""

KINDS: Final = {
    "attack": "alert rate up, other records as usual",
    "alert_rate": "alert rate up, other records changed too",
    "drift": "records that are not flagged moved, for several nights",
    "new_behaviour": "records that are not flagged moved from one night to the next",
    "all_moved": "most devices moved in the same night",
    "score_drift": "records that are not flagged score higher than promised, for several nights",
    "unknown_device": "the model has not learned the device",
    "missing_device": "a device that was there has no records",
    "volume": "many more or fewer records than usual",
    "quarantine": "many lines refused",
}
"""Every kind of alert, in a few words; docs/monitoring.md says what to do."""


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
    """Something noticed.

    Attributes
    ----------
    kind
        One of :data:`KINDS`.
    severity
        One of :data:`SEVERITIES`.
    device
        None: all devices.
    day
        The night.
    value, limit
        What was measured, and where the alert begins.
    message
        In words.
    feature
        The feature that moved most.
    """

    kind: str
    severity: Severity
    device: Device | None
    day: date
    value: float
    limit: float
    message: str
    feature: str | None = None

    @property
    def subject(self) -> tuple[str, int | None, str | None]:
        """What it is about: kind and device."""
        return (self.kind, *(self.device or (None, None)))


def rank(severity: str) -> int:
    """Return 0 for info, and more for what is worse."""
    return SEVERITIES.index(severity)


def raise_alerts(
    found: Iterable[Alert], earlier: Sequence[dict[str, Any]], version: str, cool_down_days: int
) -> list[dict[str, Any]]:
    """Return rows of ``alerts`` for what is new or worse.

    The same kind of alert of the same device is told once until its cool-down ends, unless it gets
    more severe.

    Parameters
    ----------
    found
        Of one night.
    earlier
        Rows of ``alerts`` of earlier nights.
    version
        Of the model.
    cool_down_days
        Nights after the alert's own.
    """
    raised = []
    for alert in found:
        device_id, device = alert.device or (None, None)
        same = [
            row
            for row in earlier
            if (row["kind"], row["device_id"], row["device"]) == alert.subject
            and row["event_day"] < alert.day
        ]
        last = max(same, key=lambda row: row["event_day"], default=None)
        first_seen = alert.day
        if last is not None:
            is_cooling = last["cool_down_until"] >= alert.day
            if is_cooling and rank(alert.severity) <= rank(last["severity"]):
                continue
            if last["cool_down_until"] + timedelta(days=1) >= alert.day:
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
                "cool_down_until": alert.day + timedelta(days=cool_down_days),
                "model_version": version,
            }
        )
    return raised


def alert_id(alert: Alert, version: str) -> str:
    """Return 16 hexadecimal digits that are the same whenever the same is found again."""
    told = "\n".join(map(str, (version, alert.day, *alert.subject, alert.severity)))
    return hashlib.sha256(told.encode()).hexdigest()[:16]
