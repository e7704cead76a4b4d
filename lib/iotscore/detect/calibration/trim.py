"""Training rows that nothing else vouches for: what an attacker may have left among benign rows.

A single record of a flood among thousands of benign ones widens every range that is taken from
them. Trimming leaves out, of each device, the share of rows that lie farthest from the rows of
other times (trimmed estimation: Rousseeuw and Leroy, "Robust Regression and Outlier Detection",
1987, chapter 7). It cannot tell an attack from a rare benign event: one pays for the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.calibration.cross_fit import blocks, held_out_scores
from iotscore.detect.detectors.neighbours import Neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.detect.detector import BoolArray, FloatArray, IntArray
    from iotscore.detect.scaling import Scaler

_VOUCHERS: Final = Neighbours(k=3, rows=300, least_rows=50)
"""Two rows alike do not vouch for each other."""


def kept_rows(
    scaler: Scaler, rows: FloatArray, devices: IntArray, n_blocks: int, share: float
) -> BoolArray:
    """Choose the rows to fit on, bool of shape (n_rows,).

    Of each device ``floor(share * n)`` of its n rows are left out: those with the largest distance
    to the third nearest row of the device's other blocks of time; of equal ones the earlier.

    Parameters
    ----------
    scaler
        Unfitted; distances are those of scaled rows.
    rows : float64 array of shape (n_rows, n_features)
        Unscaled rows, those of a device in the order of time.
    devices : int64 array of shape (n_rows,)
        Device of each; -1, unknown, counts as one device.
    n_blocks : int
        Blocks of time, 2 or more.
    share : float
        0 or more, below 1; 0 keeps every row.

    Raises
    ------
    TrainingError
        There are too few rows to leave some out.
    """
    kept = np.ones(devices.size, dtype=np.bool_)
    if share == 0.0:
        return kept
    apart = held_out_scores(_VOUCHERS, scaler, rows, devices, blocks(devices, n_blocks))
    for device in np.unique(devices):
        positions = np.flatnonzero(devices == device)
        farthest = np.argsort(-apart[positions], kind="stable")
        kept[positions[farthest[: int(share * positions.size)]]] = False
    return kept


def trimmed_blocks(
    scaler: Scaler, rows: FloatArray, devices: IntArray, n_blocks: int, share: float
) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Yield, for each block of time, its rows and those to fit on meanwhile, after trimming.

    Each block's own rows have no say in what is left out meanwhile, and none of them is left out
    itself: what is calibrated on them promises what the trimmed fit does to rows to come. Trimmed
    calibration rows would promise too few false alarms. Parameters are those of :func:`kept_rows`.
    """
    for held, rest in blocks(devices, n_blocks):
        fitted = rest.copy()
        fitted[rest] = kept_rows(scaler, rows[rest], devices[rest], n_blocks, share)
        yield held, fitted
