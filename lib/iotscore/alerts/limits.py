"""What counts as worth telling; ``conf/base.yaml`` explains each value under ``monitor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from iotscore.alerts.alert import Severity


@dataclass(frozen=True)
class Limits:
    """Where alerts begin.

    Attributes
    ----------
    least_records
        Fewer records of a device and a night are not compared.
    psi
        Population stability index from which a feature has moved; expected noise is added.
    feature_share
        Share of the features that must have moved for a device to have moved, 0 to 1.
    excess
        The same for levels of the fused score that are higher than promised: the part of the index
        that is due to them. Twice the levels give 0.09.
    nights, of_nights
        A move is drift when it is seen in so many of the device's last nights.
    warning_rate, critical_rate
        Alert rate in multiples of the promised false positive rate.
    volume_factor
        Records per night may be so many times more, or fewer, than usual.
    quarantined_share
        Share of a device's lines that may be refused, 0 to 1.
    incident_severity
        Severity of the alert that each incident raises.
    no_delivery_days
        The newest night may be so many days old when nothing new was delivered; None: any number.
    cool_down_days
        Nights for which the same alert of the same device is not raised again.
    """

    least_records: int = 500
    psi: float = 0.25
    feature_share: float = 0.33
    excess: float = 0.06
    nights: int = 3
    of_nights: int = 5
    warning_rate: float = 2.0
    critical_rate: float = 10.0
    volume_factor: float = 3.0
    quarantined_share: float = 0.01
    incident_severity: Severity = "critical"
    no_delivery_days: int | None = 1
    cool_down_days: int = 7
