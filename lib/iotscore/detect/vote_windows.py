"""How many consecutive records vote on whether there is an incident, for each device.

Single flags are not what to wake somebody for: of benign records one in twenty is flagged. Meidan
et al. 2018 (N-BaIoT) let the records of a window vote, and take for each device the shortest
window whose majority never went against benign calibration records: 20 to 82 records. "Never"
depends on how many records there were to look at. So here the shortest window is sought at which
false incidents are expected to be as rare as was asked for, also where that is rarer than the
calibration records can show.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Self

import numpy as np

from iotscore.bounds import Bounds, Count, Positive, check_bounds
from iotscore.detect.detector import INT64_1D, ArrayState
from iotscore.detect.device_parts import POOLED, devices_fault, part_of_rows, rows_by_part
from iotscore.detect.incidents import find_incidents
from iotscore.errors import ConfigError

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import BoolArray, IntArray

_TAIL_BURSTS: Final = 10
"""The tail of false incidents is fitted from the longest window on that so many outlast: fewer tell
little, and shorter windows are dominated by bursts of another kind, a few odd records."""

_LEAST_BURSTS: Final = 5
"""With fewer false incidents, even at windows of one record, there is no tail to fit."""

_COLD_ROWS: Final = 200
_COLD_SHARE: Final = 0.1
"""First records of a device that are not looked at, whichever are fewer. A capture starts cold: its
slowest window halves in 100 s, so 200 records, which take N-BaIoT's devices about 500 s, bring it
within 4 % of what it will be. Held out, the start is unlike all that a model was fitted on: of the
first 114 records of N-BaIoT's doorbell 107 are flagged. The model in use was fitted on it."""


@dataclass(frozen=True)
class VoteSettings:
    """How rare false incidents shall be, and how long a window may be for that.

    Parameters
    ----------
    false_per_day : float
        False incidents that a device may have a day, in the mean; above 0.
    records_per_day : float
        Records that a device has a day, above 0.
    least_window, most_window : int
        Bounds of the window; 1 or more, in order.
    window : int
        Records that vote where benign records gave nothing to learn from; within the bounds.
    """

    false_per_day: Positive
    records_per_day: Positive
    least_window: Count
    most_window: Annotated[int, Bounds(ge=1, le=100_001)]
    window: Count

    def __post_init__(self) -> None:
        """Refuse what is out of bounds, and windows out of order."""
        check_bounds(self, VoteSettings)
        if not self.least_window <= self.window <= self.most_window:
            message = (
                f"least_window is {self.least_window}, window {self.window}, most_window "
                f"{self.most_window}; they must not fall"
            )
            raise ConfigError(message)


@dataclass(frozen=True, eq=False)
class VoteWindows(ArrayState):
    """How many consecutive records vote, for each device.

    Attributes
    ----------
    devices : int64 array of shape (n_parts,)
        Device number of each part: -1 for the pooled one, then rising.
    windows : int64 array of shape (n_parts,)
        Records that vote, 1 or more.
    rows : int64 array of shape (n_parts,)
        Benign calibration records that were looked at, without those of a cold start.
    false_incidents : int64 array of shape (n_parts,)
        Incidents that the window gives on them.
    """

    title: ClassVar = "stored set of vote windows"

    devices: IntArray = field(metadata=INT64_1D)
    windows: IntArray = field(metadata=INT64_1D)
    rows: IntArray = field(metadata=INT64_1D)
    false_incidents: IntArray = field(metadata=INT64_1D)

    def _fault(self) -> str | None:
        shapes = [array.shape for array in self.to_arrays().values()]
        if len(set(shapes)) > 1:
            return f"devices, windows, rows and false_incidents have the shapes {shapes}"
        if (self.windows < 1).any():
            return f"a window has {self.windows.min()} records"
        if ((self.false_incidents < 0) | (self.false_incidents > self.rows)).any():
            return "there are more false incidents than records, or less than none"
        return devices_fault(self.devices)

    @classmethod
    def same(cls, window: int) -> Self:
        """Return one window for every device, found without looking at any record."""
        none = np.zeros(1, dtype=np.int64)
        return cls(np.array([POOLED]), np.array([window]), none, none)

    def window_of(self, device: int) -> int:
        """Return how many records of a device vote; the pooled window if it is not known."""
        return int(self.windows[part_of_rows(self.devices, np.array([device]), 1)[0]])


def fit_vote_windows(
    flags: BoolArray, devices: IntArray, settings: VoteSettings, least_rows: int
) -> VoteWindows:
    """Choose the shortest window that keeps false incidents as rare as asked for.

    Incidents are counted for all windows of an odd number of records. The count falls with the
    window. It is taken to fall by the same factor per step beyond the longest window at which at
    least 10 are left (a geometric tail, the discrete form of exponential excesses over a high
    level: Pickands, "Statistical inference using extreme order statistics", Annals of Statistics
    3, 1975). The factor is the maximum likelihood estimate from the bursts of flags that outlast
    that window; bursts that outlast ``most_window`` count as censored. The window is the shortest
    one at which this count and the one seen are at most
    ``rows * false_per_day / records_per_day``, or ``most_window`` if there is none: then false
    incidents are **more frequent** than asked for, and ``false_incidents`` says what was seen.

    Flags of benign records come in bursts, since neighbouring records share packets; nothing here
    takes records for independent. Bursts are taken for independent, and their lengths to have an
    exponential tail: a habit of the device that no calibration record shows can last longer than
    any window.

    Parameters
    ----------
    flags : bool array of shape (n_rows,)
        Whether each benign calibration row is flagged by a model that was not fitted on it. The
        first 200 of a device, or its first tenth, are left out: a capture starts cold.
    devices : int64 array of shape (n_rows,)
        Device number of each row, -1 for unknown; those of a device in the order of time.
    settings : VoteSettings
        How rare false incidents shall be, and the bounds of a window.
    least_rows : int
        Devices with fewer rows, or with fewer than 5 bursts of flags, have the window of all.
    """
    warm = _warm(devices)
    flags, devices = flags[warm], devices[warm]
    limit = settings.false_per_day / settings.records_per_day
    candidates = np.arange(1, settings.most_window + 1, 2)
    chosen: dict[int, tuple[int, int, int]] = {}
    for number, rows in rows_by_part(devices, flags.size, least_rows).items():
        flagged = _flagged_rows(flags[rows], devices[rows], settings.most_window)
        counts = np.array(
            [find_incidents(flagged, each).first.size for each in candidates.tolist()]
        )
        if counts[0] >= _LEAST_BURSTS:
            expected = np.maximum(_expected(counts), counts)
            good = (candidates >= settings.least_window) & (expected <= limit * rows.size)
            place = int(np.argmax(good)) if good.any() else candidates.size - 1
            window = int(candidates[place])
        elif number == POOLED:
            window = settings.window
        else:
            continue
        chosen[number] = (window, rows.size, find_incidents(flagged, window).first.size)
    windows, n_rows, false = np.array(list(chosen.values()), dtype=np.int64).T
    return VoteWindows(np.array(list(chosen), dtype=np.int64), windows, n_rows, false)


def _warm(devices: IntArray) -> IntArray:
    """Return the positions of all rows but the first of each device."""
    order = np.argsort(devices, kind="stable")
    _, starts, counts = np.unique(devices[order], return_index=True, return_counts=True)
    cold = np.minimum(_COLD_ROWS, (counts * _COLD_SHARE).astype(np.int64))
    place = np.arange(devices.size) - np.repeat(starts, counts)
    return np.sort(order[place >= np.repeat(cold, counts)])


def _flagged_rows(flags: BoolArray, devices: IntArray, gap: int) -> IntArray:
    """Return row numbers of flags, device by device, so far apart that no window spans two."""
    order = np.argsort(devices, kind="stable")
    _, device = np.unique(devices[order], return_inverse=True)
    return (np.arange(flags.size) + gap * device)[flags[order]]


def _expected(counts: IntArray) -> npt.NDArray[np.float64]:
    """Return the geometric tail of the counts, float64 of the same shape, infinite before it."""
    start = int(np.flatnonzero(counts >= min(_TAIL_BURSTS, counts[0]))[-1])
    ended = max(int(counts[start] - counts[-1]), 0)
    steps = np.arange(counts.size - start)
    left = counts[start] * (1.0 - ended / max(counts[start:-1].sum(), 1)) ** steps
    return np.concatenate([np.full(start, np.inf), left])
