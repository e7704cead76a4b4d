"""Limits of alerts; ``conf/base.yaml`` explains each value under ``monitor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from iotscore.alerts.alert import Severity  # noqa: TC001 - pydantic reads it
from iotscore.bounds import Bounds, Count, Positive, Share
from iotscore.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """Values from which on alerts are raised.

    Attributes
    ----------
    least_records
        Fewer records of a device and a day are not compared.
    psi
        Population stability index from which a feature has drifted; expected noise is added.
    feature_share
        Share of the features that must have drifted for a device to have drifted, 0 to 1.
    excess
        The same for levels of the hybrid score that are higher than expected: the part of the index
        that is due to them. Twice the levels give 0.09.
    nights, of_nights
        It is drift when a device has drifted on so many of its last days.
    warning_rate, critical_rate
        Flagged share in multiples of the target false positive rate.
    volume_factor
        Records per day may be so many times more, or fewer, than usual.
    quarantined_share
        Share of a device's lines that may be refused, 0 to 1.
    incident_severity
        Severity of the alert that each incident raises.
    no_delivery_days
        The newest day may be so many days old when nothing new was delivered; None: any number.
    cool_down_days
        Days for which the same alert of the same device is not raised again.
    """

    least_records: Annotated[int, Bounds(ge=50)]
    psi: Positive
    feature_share: Annotated[float, Bounds(gt=0.0, le=1.0)]
    excess: Positive
    nights: Count
    of_nights: Count
    warning_rate: Annotated[float, Bounds(ge=1.0)]
    critical_rate: Annotated[float, Bounds(ge=1.0)]
    volume_factor: Annotated[float, Bounds(gt=1.0)]
    quarantined_share: Share
    incident_severity: Severity
    no_delivery_days: Count | None
    cool_down_days: Annotated[int, Bounds(ge=0, le=365)]

    def __post_init__(self) -> None:
        """Refuse limits out of order."""
        if self.nights > self.of_nights or self.warning_rate > self.critical_rate:
            message = (
                f"nights is {self.nights} of {self.of_nights}, warning_rate "
                f"{self.warning_rate:g}, critical_rate {self.critical_rate:g}; nights must not "
                "be more than of_nights, nor the first rate more than the second"
            )
            raise ConfigError(message)
