"""Scores to benign tail probabilities: how rarely a benign record scores as high as this one.

Up to the largest calibration scores this is their empirical distribution. Beyond, the logarithm of
the score is taken to fall off exponentially, as excesses over a high level of a heavy-tailed
quantity do (Hill, "A simple general approach to inference about the tail of a distribution",
Annals of Statistics 3, 1975), so that scores above all benign ones still differ.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from iotscore.detect.detector import FLOAT64_1D, ArrayState
from iotscore.errors import TrainingError

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import FloatArray

OFFSET: Final = 0.1
"""Added to a score before its logarithm is taken: differences far below it mean nothing in units
of standardised features."""

_TAIL_SHARE: Final = 0.1
_TAIL_ROWS: Final = 1_000
"""The tail is fitted to the largest tenth of the scores, but to no more than this many: the more
rows there are, the further the empirical distribution itself reaches."""
_LEAST_TAIL_ROWS: Final = 5
_LEAST_ROWS: Final = 2
_MOST_KNOTS: Final = 512
_SMALLEST_RATE: Final = 1e-3
"""Least mean excess of the tail, in units of the logarithm: equal scores give none."""
_STEP: Final = 1e-6
"""From a score that many share to the tail above it, in units of the logarithm."""
HALF: Final = 3.0
"""Tail level that has a severity of 50: -ln(0.05)."""


@dataclass(frozen=True, eq=False)
class TailCalibration(ArrayState):
    """Map a score to its level ``-ln p``, where p is the share of benign records at or above it.

    The map rises strictly, so it keeps the order of scores and with it every ROC curve.

    Attributes
    ----------
    knots_ : float64 array of shape (n_knots,)
        Logarithms ``ln(score + 0.1)``, ascending.
    levels_ : float64 array of shape (n_knots,)
        Level at each knot, ascending, above 0; linear between knots.
    rate_ : float64 array of shape (1,)
        Growth of ``ln(score + 0.1)`` per unit of level above the last knot.
    """

    title: ClassVar = "score calibration"

    knots_: FloatArray = field(metadata=FLOAT64_1D)
    levels_: FloatArray = field(metadata=FLOAT64_1D)
    rate_: FloatArray = field(default_factory=lambda: np.ones(1), metadata=FLOAT64_1D)

    def _fault(self) -> str | None:
        is_curve = self.knots_.shape == self.levels_.shape and self.knots_.size > 0
        rises = is_curve and (np.diff(self.knots_) > 0).all() and (np.diff(self.levels_) > 0).all()
        if not (rises and self.levels_[0] > 0.0 and self.rate_.size == 1 and self.rate_[0] > 0.0):
            return "it does not rise from level to level"
        return None

    def normalise(self, scores: FloatArray) -> FloatArray:
        """Return levels ``-ln p`` above 0 of scores of 0 or more, float64 of the same shape."""
        logs = np.log(scores + OFFSET)
        first, last = self.knots_[0], self.knots_[-1]
        counted = np.interp(logs, self.knots_, self.levels_)
        below = self.levels_[0] * np.exp(np.minimum(logs - first, 0.0))
        above = self.levels_[-1] + (logs - last) / self.rate_[0]
        return np.where(logs > last, above, np.where(logs < first, below, counted))

    def score_at(self, level: float) -> float:
        """Return the score that has a level above 0: the inverse of :meth:`normalise`."""
        if level > self.levels_[-1]:
            log = self.knots_[-1] + (level - self.levels_[-1]) * self.rate_[0]
        elif level < self.levels_[0]:
            log = self.knots_[0] + math.log(level / self.levels_[0])
        else:
            log = np.interp(level, self.levels_, self.knots_)
        return float(math.exp(min(log, 700.0)) - OFFSET)


def fit_tail(scores: FloatArray) -> TailCalibration:
    """Calibrate on benign scores, 0 or more, of rows that the detector was not fitted on.

    Raises
    ------
    TrainingError
        There are fewer than two scores.
    """
    n = scores.size
    if n < _LEAST_ROWS:
        message = (
            f"there are {n} benign scores to calibrate on and at least {_LEAST_ROWS} are needed: "
            "give calibration a larger share"
        )
        raise TrainingError(message)
    logs = np.sort(np.log(scores + OFFSET))
    in_tail = min(max(_LEAST_TAIL_ROWS, round(min(n * _TAIL_SHARE, _TAIL_ROWS))), n - 1)
    top = logs[n - in_tail - 1]
    # Of equal scores the first has the share of all that lie at or above them.
    knots, first = np.unique(logs[: n - in_tail], return_index=True)
    share = np.interp(first, [0, max(n - in_tail - 1, 1)], [1.0 - 0.5 / n, in_tail / n])
    if share[-1] > in_tail / n:
        knots, share = np.append(knots, top + _STEP), np.append(share, in_tail / n)
    levels = -np.log(share)
    kept = _thinned(levels)
    rate = max(float((logs[n - in_tail :] - top).mean()), _SMALLEST_RATE)
    return TailCalibration(knots[kept], levels[kept], np.array([rate]))


def _thinned(levels: FloatArray) -> npt.NDArray[np.intp]:
    """Return positions of at most 512 knots, even in level, both ends included."""
    if levels.size <= _MOST_KNOTS:
        return np.arange(levels.size)
    wanted = np.linspace(levels[0], levels[-1], _MOST_KNOTS)
    return np.unique(np.append(np.searchsorted(levels, wanted[:-1]), levels.size - 1))


def severity(levels: FloatArray) -> FloatArray:
    """Return 0 to 100 in the order of the levels: ``100 * s / (s + 3)``.

    About 50 where one benign record in 20 lies, 70 for one in 1,000, 82 for one in a million.
    """
    severities: FloatArray = 100.0 * levels / (levels + HALF)
    return severities
