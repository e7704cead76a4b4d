"""Limits of alerts; ``conf/base.yaml`` explains each value under ``monitor``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from iotscore.alerts.alert import Severity  # noqa: TC001 - pydantic reads it
from iotscore.bounds import Bounds, Count, Positive, Share
from iotscore.errors import ConfigError


@dataclass(frozen=True)
class Limits:
    """Values from which on alerts are raised."""

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
