"""Classify the drift of a day: an attack, drift, or new behaviour of a device.

An attack adds records that the model flags; the distribution of the others does not change. Drift
changes the device's own records and lasts. So the records that are not flagged decide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.alerts.alert import Alert, Device

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import date

    from iotscore.alerts.alert import Severity
    from iotscore.alerts.limits import Limits
    from iotscore.monitoring.drift import DriftMeasures

_LEAST_DEVICES: Final = 3
"""With fewer devices, a majority that drifted has no meaning."""


@dataclass(frozen=True, eq=False)
class DeviceNight:
    """The input of the rules: a device on a day.

    Attributes
    ----------
    unflagged, all
        The day's records, without and with those that are flagged.
    is_known
        Whether the model was trained on the device.
    nights_moved
        Days on which the device had drifted, this one and the latest before it.
    """

    unflagged: DriftMeasures
    all: DriftMeasures
    is_known: bool
    nights_moved: int

    @property
    def alert_rate(self) -> float:
        """Share of the records that are flagged."""
        records = self.all.records
        return (records - self.unflagged.records) / records if records else 0.0


def has_drifted(share: float | None, limits: Limits) -> bool:
    """Say whether enough features drifted for a device to have drifted."""
    return share is not None and share >= limits.feature_share


def drift_alerts(
    night: Mapping[Device, DeviceNight],
    day: date,
    features: Sequence[str],
    promised: float | None,
    limits: Limits,
) -> Iterator[Alert]:
    """Yield the alerts of a day's drift.

    ``promised`` is the model's target false positive rate; None: there is none.
    """
    could_step = [one for one in night.values() if one.unflagged.stepped_share is not None]
    stepped = [one for one in could_step if has_drifted(one.unflagged.stepped_share, limits)]
    is_everywhere = len(stepped) >= _LEAST_DEVICES and 2 * len(stepped) > len(could_step)
    if is_everywhere:
        yield Alert(
            *("all_moved", "critical", None, day, len(stepped) / len(could_step), 0.5),
            message=f"{len(stepped)} of {len(could_step)} devices drifted since the day before: "
            "the feature extraction or the network changed rather than the devices",
        )
    for device, one in night.items():
        if promised is not None:
            yield from _rate_alerts(device, one, day, promised, limits)
        if not one.is_known:
            yield Alert(
                *("unknown_device", "info", device, day, one.all.records, 0.0),
                message="the model was not trained on this device; it is scored by all devices' "
                "benign records, and no drift is measured",
            )
            continue
        if has_drifted(one.unflagged.stepped_share, limits) and not is_everywhere:
            yield _drift_alert(one, device, day, features, limits, "new_behaviour")
        if has_drifted(one.unflagged.moved_share, limits) and one.nights_moved >= limits.nights:
            yield _drift_alert(one, device, day, features, limits, "drift")
        if one.unflagged.is_high and one.unflagged.nights_high >= limits.nights:
            yield Alert(
                *("score_drift", "info", device, day, one.unflagged.excess or 0.0),
                limit=one.unflagged.excess_limit or 0.0,
                message="records that are not flagged have higher scores than benign ones should, "
                f"on {one.unflagged.nights_high} of the last {limits.of_nights} days",
            )


def _rate_alerts(
    device: Device, one: DeviceNight, day: date, promised: float, limits: Limits
) -> Iterator[Alert]:
    limit = promised * limits.warning_rate
    rate, records = one.alert_rate, one.all.records
    if records < limits.least_records or rate <= limit:
        return
    severity: Severity = (
        "critical" if rate > min(promised * limits.critical_rate, 1.0 - promised) else "warning"
    )
    kind = "attack"
    if one.unflagged.moved_share is None:
        others = "too few others are left to say whether the device itself changed"
    elif has_drifted(one.unflagged.moved_share, limits):
        kind = "alert_rate"
        others = "the others drifted too: the device changed, or an attack is partly missed"
    else:
        others = "the others have not drifted: an attack, not drift"
    message = f"{rate:.1%} of {records:,} records are flagged, target {promised:.1%}; {others}"
    yield Alert(kind, severity, device, day, rate, limit, message)


def _drift_alert(
    one: DeviceNight,
    device: Device,
    day: date,
    features: Sequence[str],
    limits: Limits,
    kind: str,
) -> Alert:
    """Return the alert of a device whose records that are not flagged drifted."""
    unflagged = one.unflagged
    worst = int(np.argmax(unflagged.psi))
    shift = unflagged.shift[worst]
    shifted = "" if np.isnan(shift) else f", its median by {shift:+.2g} benign spreads"
    if kind == "new_behaviour":
        share, since = unflagged.stepped_share, "since the day before"
    else:
        share = unflagged.moved_share
        since = f"on {one.nights_moved} of the last {limits.of_nights} days"
    message = (
        f"{share:.0%} of the features of records that are not flagged drifted {since}; most "
        f"{features[worst]} (index {unflagged.psi[worst]:.2f}{shifted})"
    )
    limit = limits.feature_share
    return Alert(kind, "warning", device, day, share or 0.0, limit, message, features[worst])
