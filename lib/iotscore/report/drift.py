"""The results of ``monitor`` for a day and the days before it, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class OpenAlert:
    """An alert that no suppression hides, columns as in ``alerts``, and its severity's rank."""

    event_day: date
    severity: str
    rank: int
    kind: str
    device: str | None
    message: str
    first_seen: date


@dataclass(frozen=True)
class DriftedFeature:
    """A feature that has drifted; columns as in ``drift``."""

    name: str
    psi: float
    shift: float | None


@dataclass(frozen=True)
class FeatureDrift:
    """Comparison of some records of a device and a day with the model's benign records.

    Attributes
    ----------
    features
        Features that were compared; 0: too few records, or nothing to compare them with.
    moved
        Number of features that have drifted; None if none was compared.
    most
        Those with the largest drift, the largest index first.
    """

    records: int
    features: int
    moved: int | None
    most: tuple[DriftedFeature, ...]


@dataclass(frozen=True)
class DeviceDrift:
    """Drift of a device on the day: of its records that are not flagged, and of all.

    Only the first distinguish drift from an attack, see docs/monitoring.md.
    """

    device: str
    unflagged: FeatureDrift
    all: FeatureDrift

    @property
    def has_drifted(self) -> bool:
        """Whether any feature has drifted, of the records that are not flagged or of all."""
        return bool(self.unflagged.moved or self.all.moved)

    @property
    def is_compared(self) -> bool:
        """Whether features of the records that are not flagged could be compared."""
        return self.unflagged.moved is not None


@dataclass(frozen=True)
class Drift:
    """The drift section of a report.

    Attributes
    ----------
    days
        Number of days before the report's day whose alerts are shown, too.
    alerts
        Open alerts, the newest day first, and the most severe first within a day.
    more_alerts
        Number of open alerts that are left out.
    hidden
        Number of suppressed alerts of the same days.
    unmonitored
        Number of files of the day that ``monitor`` has not counted, or that were replaced since.
    devices
        Devices of the day, the largest drift first; empty if the model's features are not compared.
    """

    days: int
    alerts: tuple[OpenAlert, ...]
    more_alerts: int
    hidden: int
    unmonitored: int
    devices: tuple[DeviceDrift, ...]
