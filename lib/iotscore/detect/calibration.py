"""Normalisation of scores: put detectors on one scale before they are fused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.errors import ConfigError, ModelError, TrainingError

if TYPE_CHECKING:
    from iotscore.detect.protocol import FloatArray

_SMALLEST_RANGE: Final = float(np.finfo(np.float64).tiny)
"""Below the smallest normal float64 a division may overflow, so the range counts as 1."""


@dataclass(frozen=True)
class ScoreCalibration:
    """Map ``low`` to 0 and ``high`` to 1: ``(score - low) / (high - low)``, not limited.

    The map rises strictly (up to rounding), so it keeps the order of scores and with it every
    ROC curve. If ``high - low`` is 0, or below the smallest normal float64, the range counts as
    1 and the result is ``score - low``.

    Raises
    ------
    ModelError
        If a bound is not finite or ``high < low``.
    """

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse bounds that cannot be a range."""
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= self.high):
            message = (
                f"the score calibration runs from {self.low} to {self.high}: both must be finite"
                " and in this order; train again"
            )
            raise ModelError(message)

    def normalise(self, scores: FloatArray) -> FloatArray:
        """Return normalised float64 scores of the same shape."""
        width = self.high - self.low
        return (scores - self.low) / (width if width >= _SMALLEST_RANGE else 1.0)


def fit_calibration(
    scores: FloatArray, lower_quantile: float, upper_quantile: float
) -> ScoreCalibration:
    """Calibrate on two quantiles of held-back benign scores (``normalisation: frozen``).

    Parameters
    ----------
    scores : float64 array of shape (n_rows,)
        Raw scores of benign rows that the detector was not fitted on.
    lower_quantile, upper_quantile : float
        ``0 <= lower_quantile < upper_quantile <= 1``; linear interpolation between scores.

    Raises
    ------
    TrainingError
        If there is no score.
    ConfigError
        If the quantiles are out of bounds or out of order.
    """
    if not 0.0 <= lower_quantile < upper_quantile <= 1.0:
        message = (
            f"calibration quantiles are {lower_quantile} and {upper_quantile}:"
            " they need 0 <= lower < upper <= 1"
        )
        raise ConfigError(message)
    if scores.size == 0:
        message = "no benign rows are left to calibrate on: give calibration a larger share"
        raise TrainingError(message)
    low, high = np.quantile(scores, [lower_quantile, upper_quantile])
    return ScoreCalibration(float(low), float(high))


def minmax_calibration(minimum: float, maximum: float) -> ScoreCalibration:
    """Calibrate on the extremes of everything scored (``normalisation: batch_minmax``)."""
    return ScoreCalibration(float(minimum), float(maximum))
