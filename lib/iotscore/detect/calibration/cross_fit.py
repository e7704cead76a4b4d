"""Scores of benign rows by detectors that did not see them: what calibration is made of.

Detectors that fit in a moment are fitted again without each block of time in turn, so every benign
row calibrates and the final fit may use them all. Slow ones are fitted once, on the training rows,
and only the calibration rows have scores of theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.errors import TrainingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import numpy.typing as npt

    from iotscore.detect.detector import BoolArray, Detector, FloatArray, IntArray
    from iotscore.detect.scaling import Scaler

GAP: Final = 2
"""Rows on both sides of a block that nothing is fitted on: neighbouring records overlap, because
their statistics are damped sums over the same packets."""


def blocks(devices: IntArray, n_blocks: int) -> Iterator[tuple[BoolArray, BoolArray]]:
    """Yield, for each block of time, its rows and those to fit on meanwhile, bool of (n_rows,).

    Each device's rows, int64 numbers in the order of time, are cut into as many equal blocks.
    """
    place = np.empty(devices.size, dtype=np.int64)
    block = np.empty(devices.size, dtype=np.int64)
    for device in np.unique(devices):
        positions = np.flatnonzero(devices == device)
        place[positions] = np.arange(positions.size)
        block[positions] = place[positions] * n_blocks // positions.size
    for number in range(n_blocks):
        held = block == number
        near = np.zeros(devices.size, dtype=bool)
        for device in np.unique(devices[held]):
            of_device = devices == device
            places = place[held & of_device]
            within = (place >= places.min() - GAP) & (place <= places.max() + GAP)
            near |= of_device & within
        yield held, ~near


def held_out_scores(
    detector: Detector,
    scaler: Scaler,
    rows: FloatArray,
    devices: IntArray,
    parts: Iterable[tuple[BoolArray, BoolArray]],
) -> npt.NDArray[np.float64]:
    """Return each held-out row's score by a fit of scaler and detector on the rest of its part.

    Parameters
    ----------
    detector, scaler
        Unfitted.
    rows : float64 array of shape (n_rows, n_features)
        Unscaled benign rows.
    devices : int64 array of shape (n_rows,)
        Device of each.
    parts : iterable of tuple of bool array of shape (n_rows,)
        As :func:`blocks` yields; the scores of rows that none holds out are NaN.

    Raises
    ------
    TrainingError
        A part leaves no rows to fit on.
    """
    scores = np.full(devices.size, np.nan)
    for held, rest in parts:
        if not held.any():
            continue
        if not rest.any():
            message = (
                f"{devices.size} benign rows are too few to leave out a block of time: ingest "
                "longer benign captures, or set a smaller normalisation.blocks"
            )
            raise TrainingError(message)
        scaled = scaler.fit(rows[rest])
        fitted = detector.fit(scaled.transform(rows[rest]), devices[rest])
        scores[held] = fitted.score(scaled.transform(rows[held]), devices[held])
    return scores
