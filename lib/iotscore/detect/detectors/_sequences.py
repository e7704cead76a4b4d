"""What the autoencoder is fitted on: columns as a sequence of decay windows, and which rows."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.errors import ConfigError, TrainingError
from iotscore.features import DECAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.detector import BoolArray, IntArray

_DECAYS: Final = tuple(decay.replace(".", "_") for decay in DECAYS)
_NAME: Final = re.compile(rf"(?P<stream>.+)_(?P<decay>{'|'.join(_DECAYS)})_(?P<statistic>.+)")


def window_order(features: Sequence[str]) -> IntArray:
    """Return the column of each statistic in each decay window, of (n_windows, n_statistics).

    Names are ``<stream>_<decay>_<statistic>`` as in :data:`iotscore.features.FEATURES`, in any
    order. Row by row come the windows that occur, that with the shortest memory (L5) first, and
    the statistics of each in the order in which the first window has them.
    """
    windows: dict[str, dict[tuple[str, str], int]] = {decay: {} for decay in _DECAYS}
    for column, name in enumerate(features):
        parts = _NAME.fullmatch(name)
        if parts is None or (parts["stream"], parts["statistic"]) in windows[parts["decay"]]:
            fault = f"{name!r} {'names no decay window' if parts is None else 'is there twice'}"
            raise _unfit(fault)
        windows[parts["decay"]][parts["stream"], parts["statistic"]] = column
    present = {decay: columns for decay, columns in windows.items() if columns}
    if not present:
        raise _unfit("there are no features")
    every = {statistic: None for columns in present.values() for statistic in columns}
    for decay, columns in present.items():
        missing = ["_".join(statistic) for statistic in every if statistic not in columns]
        if missing:
            raise _unfit(f"window {decay} has no {', '.join(missing)} and another window has")
    first = next(iter(present.values()))
    return np.array([[columns[statistic] for statistic in first] for columns in present.values()])


def last_rows(n_rows: int, devices: IntArray | None, share: float) -> BoolArray:
    """Return which rows, in the order of time, are among a share of the last of their device.

    The last ones and not random ones: neighbouring records overlap in their decay windows, and a
    row whose neighbours were fitted says little about the traffic to come. The share, above 0 and
    below 1, is rounded down to whole rows; rows of unknown device (-1), and all under None, are of
    one device. A :class:`TrainingError` is raised if no device has ``1 / share`` rows.
    """
    held_out = np.zeros(n_rows, dtype=np.bool_)
    numbers = np.zeros(n_rows, dtype=np.int64) if devices is None else devices
    for number in np.unique(numbers):
        rows = np.flatnonzero(numbers == number)
        held_out[rows[rows.size - math.floor(share * rows.size) :]] = True
    if not held_out.any():
        message = (
            f"the autoencoder got {n_rows} rows and cannot hold out {share:g} of any device's:"
            f" at least {math.ceil(1.0 / share)} rows of one device are needed; train on more"
            " benign traffic, or with patience 0"
        )
        raise TrainingError(message)
    return held_out


def _unfit(fault: str) -> ConfigError:
    return ConfigError(
        f"the features do not make a sequence of decay windows ({fault}): use the same statistics"
        " of every window, or the sequence 'record'"
    )
