"""Normalisation by two scores, under ``batch_minmax`` the extremes of everything scored."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.errors import ModelError

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray

_SMALLEST_RANGE: Final = float(np.finfo(np.float64).tiny)
"""Below the smallest normal float64 a division may overflow, so the range counts as 1."""


@dataclass(frozen=True)
class ScoreCalibration:
    """Map ``low`` to 0 and ``high`` to 1: ``(score - low) / (high - low)``, not limited.

    The map rises strictly (up to rounding), so it keeps the order of scores and with it every
    ROC curve. If ``high - low`` is 0, or below the smallest normal float64, the range counts as
    1 and the result is ``score - low``. Bounds that are not finite, or fall, are a ModelError.
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
