"""What ``monitor`` noticed of a night and the nights before it, as plain records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date


@dataclass(frozen=True)
class OpenAlert:
    """An alert about a device and a night that no suppression hides; columns as in ``alerts``.

    Attributes
    ----------
    rank
        Of the severity: 0 for ``info``, and more for what is worse.
    device
        None: all devices.
    """

    event_day: date
    severity: str
    rank: int
    kind: str
    device: str | None
    message: str
    first_seen: date


@dataclass(frozen=True)
class MovedFeature:
    """A feature that moved.

    Attributes
    ----------
    psi
        Population stability index against the benign records that the model learned.
    shift
        Of the median, in units of the benign 5 to 95 % spread; None if benign values hardly differ.
    """

    name: str
    psi: float
    shift: float | None


@dataclass(frozen=True)
class Movement:
    """Some records of a device and a night, compared with the benign ones.

    Attributes
    ----------
    records
        How many they are.
    features
        Features that were compared; 0: too few records, or nothing to compare them with.
    moved
        How many of these moved; None if none was compared.
    most
        Those that moved most, the largest index first.
    """

    records: int
    features: int
    moved: int | None
    most: tuple[MovedFeature, ...]


@dataclass(frozen=True)
class DeviceDrift:
    """A device on the night: its records that are not flagged, and all of them.

    Only the first tell drift from an attack, see docs/monitoring.md.
    """

    device: str
    unflagged: Movement
    all: Movement

    @property
    def has_moved(self) -> bool:
        """Whether any feature moved, of the records that are not flagged or of all."""
        return bool(self.unflagged.moved or self.all.moved)

    @property
    def is_compared(self) -> bool:
        """Whether features of the records that are not flagged could be compared."""
        return self.unflagged.moved is not None


@dataclass(frozen=True)
class Drift:
    """What ``monitor`` says.

    Attributes
    ----------
    days
        Days before the night whose alerts are told too.
    alerts
        Open ones, the newest night first, in it the most severe.
    more_alerts
        Open ones that are left out.
    hidden
        Alerts of the same days that are suppressed.
    unmonitored
        Files of the night that ``monitor`` has not counted, or not as they are now.
    devices
        Those of the night, the most moved first; empty if the model's features are not compared.
    """

    days: int
    alerts: tuple[OpenAlert, ...]
    more_alerts: int
    hidden: int
    unmonitored: int
    devices: tuple[DeviceDrift, ...]
