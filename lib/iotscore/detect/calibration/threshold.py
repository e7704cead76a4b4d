"""Thresholds without labels, and the one definition of a flag: ``score > threshold``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iotscore.errors import ConfigError, TrainingError

if TYPE_CHECKING:
    from iotscore.detect.detector import BoolArray, FloatArray


def flag(scores: FloatArray, threshold: float) -> BoolArray:
    """Return True where a score is above the threshold; a score equal to it is not flagged."""
    return scores > threshold


def share_above(scores: FloatArray, threshold: float) -> float:
    """Return the share of scores that are flagged, 0 to 1; no score is a TrainingError."""
    _require_scores(scores)
    return float(np.count_nonzero(flag(scores, threshold)) / scores.size)


def benign_quantile(scores: FloatArray, quantile: float) -> float:
    """Return the smallest score that at least a share ``quantile`` of the scores do not exceed.

    This is the inverse of the empirical distribution function (definition 1 of Hyndman and Fan,
    1996), so ``share_above(scores, benign_quantile(scores, q)) <= 1 - q`` always holds on the
    same scores; an interpolated quantile would not promise that. A quantile of 0.99 accepts about
    1 % false alarms if the detector was not fitted on the rows.
    """
    if not 0.0 <= quantile <= 1.0:
        message = f"the threshold quantile is {quantile}: it must lie between 0 and 1"
        raise ConfigError(message)
    _require_scores(scores)
    return float(np.quantile(scores, quantile, method="inverted_cdf"))


def _require_scores(scores: FloatArray) -> None:
    if scores.size == 0:
        message = "there is no benign score to take a threshold from: calibrate on more rows"
        raise TrainingError(message)
