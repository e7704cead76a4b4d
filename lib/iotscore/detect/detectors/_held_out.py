"""Which of the rows to fit on are held out, to tell when to stop fitting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from iotscore.errors import TrainingError

if TYPE_CHECKING:
    from iotscore.detect.detector import BoolArray, IntArray


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
