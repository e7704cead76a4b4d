"""ROC curve and what follows from it, of rows that count differently much; exact, ties half."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

if TYPE_CHECKING:
    from iotscore.detect.protocol import BoolArray, FloatArray

_ROUNDING: Final = 1e-12
"""Shares that differ by no more are the same share, summed in another order."""


@dataclass(frozen=True, eq=False)
class Curve:
    """Weight of both classes at each distinct score.

    Attributes
    ----------
    scores : float64 array of shape (n_scores,)
        Distinct, ascending.
    benign, attack : float64 array of shape (n_scores,)
        Sum of the weights of the benign rows, and of the attacks, that have the score.
    """

    scores: FloatArray
    benign: FloatArray
    attack: FloatArray

    @classmethod
    def of_sorted(cls, scores: FloatArray, weights: FloatArray, attacks: BoolArray) -> Self:
        """Return the curve of rows whose scores ascend, all arrays of shape (n_rows,)."""
        if scores.size == 0:
            return cls(np.empty(0), np.empty(0), np.empty(0))
        first = np.flatnonzero(np.r_[True, scores[1:] > scores[:-1]])
        benign = np.add.reduceat(np.where(attacks, 0.0, weights), first)
        return cls(scores[first], benign, np.add.reduceat(np.where(attacks, weights, 0.0), first))

    @property
    def has_both(self) -> bool:
        """Whether there are benign rows and attacks."""
        return bool(self.benign.any() and self.attack.any())

    def roc_auc(self) -> float | None:
        """Return the chance that an attack scores higher than a benign row, ties half.

        This is the area under the ROC curve (Hanley and McNeil 1982); None if a class is absent.
        """
        if not self.has_both:
            return None
        below = np.cumsum(self.benign) - self.benign / 2
        area = self.attack @ below / (self.attack.sum() * self.benign.sum())
        return min(float(area), 1.0)

    def fpr_at_tpr(self, tpr: float) -> float | None:
        """Return the lowest FPR of any threshold whose TPR is at least ``tpr``.

        Between two points of the curve nothing is interpolated: no threshold reaches it.
        """
        if not self.has_both:
            return None
        fpr, reached = self._rates()
        return float(fpr[np.argmax(reached >= tpr - _ROUNDING)])

    def average_precision(self, prevalence: float) -> float | None:
        """Return the sum of precision times gain in recall over descending scores.

        The definition is that of ``sklearn.metrics.average_precision_score``, with the precision
        that a threshold would have if a share ``prevalence`` of the records, above 0 and below 1,
        were attacks. None if a class is absent.
        """
        if not self.has_both:
            return None
        fpr, tpr = self._rates()
        gained = np.diff(tpr)
        hits, false_alarms = prevalence * tpr[1:], (1.0 - prevalence) * fpr[1:]
        precision = hits / np.maximum(hits + false_alarms, np.finfo(np.float64).tiny)
        return min(float(gained @ precision), 1.0)

    def youden_threshold(self) -> float | None:
        """Return the threshold of the largest TPR - FPR; uses labels; None if a class is absent.

        Of equally good ones it is the one with the lowest FPR: the largest score that is not
        flagged (Youden, "Index for rating diagnostic tests", Cancer 3, 1950).
        """
        if not self.has_both:
            return None
        fpr, tpr = self._rates()
        gain = tpr - fpr
        best = int(np.argmax(gain >= gain.max() - _ROUNDING))
        below_all = np.nextafter(self.scores[0], -np.inf)
        return float(np.r_[self.scores[::-1], below_all][best])

    def _rates(self) -> tuple[FloatArray, FloatArray]:
        """Return FPR and TPR as the threshold falls from the top score to below all."""
        fp, tp = (np.r_[0.0, np.cumsum(part[::-1])] for part in (self.benign, self.attack))
        return fp / fp[-1], tp / tp[-1]
