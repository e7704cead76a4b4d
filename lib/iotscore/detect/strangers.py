"""Rows of a benign file that are unlike the benign rows of all other devices.

Benign traffic of different devices differs, but most of it lies near that of some other device; the
traffic of a bot lies near none. So a file's rows are compared with those of other devices: how far
is it to the third nearest (scaled signed logarithms)? How far is far, the other devices say: the
distance that one in a hundred of their own rows exceeds, compared in the same way. A row that is
far from other devices, and from those rows of its own file that are not, is a stranger. No label
but "benign" is used, and no order of rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from iotscore.detect.detector import FloatArray

    _Rows = npt.NDArray[np.float32]

LEAST_DEVICES: Final = 8
"""With fewer, what is usual among the others cannot be told."""
MOST_ROWS: Final = 400
"""Rows of a device that others are compared with, and all that are needed of a file."""
_MOST_DEVICES: Final = 50
"""The time grows by the square of the devices; this many take seconds."""
_NEAREST: Final = 3
_OUTER: Final = 1.0
"""Per cent of a device's values on either side that its range leaves out."""
_FARTHEST: Final = 5.0
"""Ranges: how far from its lower end a value may count. One wild feature must not decide alone."""
_TAIL: Final = 0.99
_USUAL: Final = 0.5
"""Of the other devices' tails the median: some of them may have strangers themselves."""
_USED: Final = [
    place
    for place, name in enumerate(FEATURES)
    if not (name.startswith("HH_jit") and name.endswith("_mean"))
]
"""All features but those that hold the time of day wherever a channel is new."""


def stranger_shares(files: Sequence[FloatArray], devices: Sequence[int]) -> list[float] | None:
    """Return, for each benign file, the share of its rows that are unlike all other devices'.

    Files are float64 rows of shape (n_rows, 115), drawn evenly, at least one. Shares are 0 to 1;
    None if there are fewer than :data:`LEAST_DEVICES` devices.
    """
    logged = [_signed_log(rows[:, _USED]) for rows in files]
    by_device = _by_device(logged, devices)
    if len(by_device) < LEAST_DEVICES:
        return None
    low, width = _scale(by_device)

    def scaled(rows: FloatArray) -> _Rows:
        return np.clip((rows - low) / width, -_FARTHEST, _FARTHEST).astype(np.float32)

    known = {device: scaled(rows) for device, rows in by_device.items()}
    near = {
        (one, other): _nearest(known[one], known[other])
        for one in known
        for other in known
        if one != other
    }
    limits = {device: _limit(near, device) for device in set(devices)}
    return [
        _share(scaled(rows), [known[one] for one in known if one != device], limits[device])
        for rows, device in zip(logged, devices, strict=True)
    ]


def _share(rows: _Rows, others: Sequence[_Rows], limit: float) -> float:
    """Return the share of rows that are far from others, and from the rows that are not."""
    far = _third([_nearest(rows, each) for each in others]) > limit
    if far.any() and not far.all():
        far[far] = _third([_nearest(rows[far], rows[~far])]) > limit
    return float(far.mean())


def _signed_log(rows: FloatArray) -> FloatArray:
    return np.copysign(np.log1p(np.abs(rows)), rows)


def _by_device(files: Sequence[FloatArray], devices: Sequence[int]) -> dict[int, FloatArray]:
    """Return rows of each device that others are compared with, the same number of each file."""
    present = sorted(set(devices))
    chosen = present[:: -(-len(present) // _MOST_DEVICES)]
    drawn = {}
    for device in chosen:
        captures = [rows for rows, of in zip(files, devices, strict=True) if of == device]
        rows = np.vstack(captures)
        places = np.linspace(0, len(rows) - 1, min(len(rows), MOST_ROWS)).astype(np.int64)
        drawn[device] = rows[places]
    return drawn


def _scale(by_device: Mapping[int, FloatArray]) -> tuple[FloatArray, FloatArray]:
    """Return lower end and width of each feature's range: the median of the devices' ranges."""
    ends = [np.percentile(rows, [_OUTER, 100 - _OUTER], axis=0) for rows in by_device.values()]
    low, high = np.median(ends, axis=0)
    return low, np.where(high > low, high - low, 1.0)


def _nearest(rows: _Rows, others: _Rows) -> _Rows:
    """Return the squared distances of each row to the nearest of others, a few, unordered."""
    products = rows @ others.T
    squares: _Rows = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1) - 2 * products
    if squares.shape[1] <= _NEAREST:
        return squares
    nearest: _Rows = np.partition(squares, _NEAREST - 1, axis=1)[:, :_NEAREST]
    return nearest


def _third(apart: Sequence[_Rows]) -> _Rows:
    """Return the distance of each row to the third nearest of several devices' rows."""
    squares = np.hstack(apart)
    place = min(_NEAREST, squares.shape[1]) - 1
    third: _Rows = np.partition(squares, place, axis=1)[:, place]
    return np.sqrt(np.maximum(third, 0.0))


def _limit(near: Mapping[tuple[int, int], _Rows], device: int) -> float:
    """Return what is far for a device: how far the rows of others are apart in their tails."""
    others = sorted({one for one, _ in near} - {device})
    tails = [
        np.quantile(_third([near[one, other] for other in others if other != one]), _TAIL)
        for one in others
    ]
    return float(np.quantile(tails, _USUAL))
