"""Confusion counts, what follows from them, and intervals for shares."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _f1(hits: int, misses: int, false_alarms: int) -> float | None:
    return _ratio(2 * hits, 2 * hits + misses + false_alarms)


@dataclass(frozen=True)
class Confusion:
    """Counts of flagged and unflagged records; attack is the positive class.

    A ratio whose denominator is 0 is undefined and is None, never 0 or NaN.

    Attributes
    ----------
    tp, fp, tn, fn : int
        Attacks flagged, benign records flagged, benign records not flagged, attacks missed.
    """

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def total(self) -> int:
        """Records counted."""
        return self.tp + self.fp + self.tn + self.fn

    @property
    def accuracy(self) -> float | None:
        """Share of records flagged rightly or left alone rightly."""
        return _ratio(self.tp + self.tn, self.total)

    @property
    def balanced_accuracy(self) -> float | None:
        """Mean of the recalls of both classes; None if a class is absent."""
        attack, benign = self.recall_attack, self.recall_benign
        return None if attack is None or benign is None else (attack + benign) / 2

    @property
    def precision_attack(self) -> float | None:
        """Share of flagged records that are attacks."""
        return _ratio(self.tp, self.tp + self.fp)

    @property
    def recall_attack(self) -> float | None:
        """Share of attacks that are flagged (true positive rate)."""
        return _ratio(self.tp, self.tp + self.fn)

    @property
    def f1_attack(self) -> float | None:
        """``2 tp / (2 tp + fn + fp)``."""
        return _f1(self.tp, self.fn, self.fp)

    @property
    def precision_benign(self) -> float | None:
        """Share of unflagged records that are benign."""
        return _ratio(self.tn, self.tn + self.fn)

    @property
    def recall_benign(self) -> float | None:
        """Share of benign records that are not flagged (true negative rate)."""
        return _ratio(self.tn, self.tn + self.fp)

    @property
    def f1_benign(self) -> float | None:
        """``2 tn / (2 tn + fp + fn)``."""
        return _f1(self.tn, self.fp, self.fn)

    @property
    def fpr(self) -> float | None:
        """Share of benign records that are flagged (false positive rate)."""
        return _ratio(self.fp, self.fp + self.tn)


def wilson_interval(
    successes: float, trials: float, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Return the score interval of a share, or None without trials; neither need be whole.

    With share p of n trials and normal quantile z, the bounds are
    ``(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)`` (Wilson, "Probable inference,
    the law of succession, and statistical inference", JASA 22, 1927). They stay within [0, 1] and
    hold for shares near 0 or 1, where the usual +- interval fails. Rows of one capture are not
    independent, so read the interval as a lower bound of the uncertainty. Other than
    ``0 <= successes <= trials`` and ``0 < confidence < 1`` is a ValueError.
    """
    if not 0 <= successes <= trials or not 0.0 < confidence < 1.0:
        message = (
            f"got {successes} successes of {trials} trials at confidence {confidence}:"
            " needed 0 <= successes <= trials and 0 < confidence < 1"
        )
        raise ValueError(message)
    if trials == 0:
        return None
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share = successes / trials
    shrink = 1.0 + z * z / trials
    centre = (share + z * z / (2 * trials)) / shrink
    half = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials)) / shrink
    # The bounds are exact at the ends; rounding must not move them past the share itself.
    low = 0.0 if successes == 0 else max(0.0, min(share, centre - half))
    high = 1.0 if successes == trials else min(1.0, max(share, centre + half))
    return low, high
