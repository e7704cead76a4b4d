"""ROC curve, its area, average precision and thresholds, from counts per score or per bin.

Everything is exact and equal to scikit-learn when each bin holds one distinct score. Wider bins
hide the order of the records inside; each figure then comes with a bound on its error that holds
whatever that order is. Bounds are derived in ``docs/models.md``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from iotscore.detect.metrics.confusion import Confusion

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.detect.metrics.score_counts import ScoreCounts

    _Numbers = IntArray | FloatArray


class Estimate(NamedTuple):
    """A figure and a bound on its absolute error; both None when the figure is undefined."""

    value: float | None
    error_bound: float | None


class RocPoints(NamedTuple):
    """Corresponding float64 arrays, from (0, 0) to (1, 1); a record is flagged above threshold."""

    fpr: FloatArray
    tpr: FloatArray
    threshold: FloatArray


_UNDEFINED: Final = Estimate(None, None)
_ROUNDING: Final = 1e-12
"""Shares that differ by no more are the same share of weights, summed in another order."""


def roc_auc(counts: ScoreCounts) -> Estimate:
    """Return the area under the ROC curve, ties counted half (Hanley and McNeil 1982).

    The error bound is half the sum of ``positives * negatives / (P * N)`` over the bins that
    hold several scores. Undefined if a class is absent.
    """
    if not counts.has_both:
        return _UNDEFINED
    negatives, total = counts.negatives.astype(np.float64), counts.negatives.sum()
    positives = counts.positives / counts.positives.sum()
    below = (np.cumsum(negatives) - negatives) / total
    inside = negatives / total
    area = float(np.sum(positives * (below + inside / 2)))
    unsure = counts.low < counts.high
    bound = float(np.sum(positives[unsure] * inside[unsure]) / 2)
    # Rounding must not move a perfect ranking past 1.
    return Estimate(min(area, 1.0), bound)


def average_precision(counts: ScoreCounts) -> Estimate:
    """Return the sum of precision times gain in recall over descending scores, without curves.

    The definition is that of ``sklearn.metrics.average_precision_score``. A bin that holds
    several scores contributes between ``p - c ln((t + p + c) / (t + c))`` and
    ``p (t + p) / (t + p + f)`` over P, where t and f attacks and benign records lie above it, p
    and n inside, and ``c = f + n``; the estimate takes the middle, the bound is half the width.
    Undefined if there is no attack.
    """
    if not counts.positives.any():
        return _UNDEFINED
    inside = counts.positives[::-1].astype(np.float64)
    benign = counts.negatives[::-1].astype(np.float64)
    above = np.cumsum(inside) - inside
    benign_above = np.cumsum(benign) - benign
    met = inside > 0
    p, n, t, f = inside[met], benign[met], above[met], benign_above[met]
    tied = p * (t + p) / (t + p + f + n)
    upper = p * (t + p) / (t + p + f)
    c = f + n
    # c is 0 only where nothing benign has been met: every order then has precision 1.
    lower = p - c * np.log1p(p / np.where(c > 0, t + c, 1.0))
    unsure = (counts.low < counts.high)[::-1][met]
    value = np.where(unsure, (lower + upper) / 2, tied)
    half = np.where(unsure, (upper - lower) / 2, 0.0)
    total = counts.positives.sum()
    return Estimate(min(float(value.sum() / total), 1.0), float(max(half.sum(), 0.0) / total))


def roc_points(counts: ScoreCounts, max_points: int) -> RocPoints | None:
    """Return the ROC curve, thinned to at most ``max_points``, or None if a class is absent.

    Points descend in threshold. Both corners and the point of :func:`youden_threshold` are
    always kept, so fewer than 3 points are a ValueError; the others are spread evenly along the
    curve. All thresholds are finite.
    """
    if max_points < 3:  # noqa: PLR2004 two corners and the Youden point
        message = f"max_points is {max_points}: at least 3 are needed"
        raise ValueError(message)
    if not counts.has_both:
        return None
    fp, tp, threshold = _curve(counts)
    fpr, tpr = fp / fp[-1], tp / tp[-1]
    if fp.size > max_points:
        along = fpr + tpr
        keep = np.searchsorted(along, np.linspace(0.0, 2.0, max_points - 1))
        keep = np.union1d(np.minimum(keep, fp.size - 1), [0, _youden(fp, tp), fp.size - 1])
        fpr, tpr, threshold = fpr[keep], tpr[keep], threshold[keep]
    return RocPoints(fpr, tpr, threshold)


def youden_threshold(counts: ScoreCounts) -> float | None:
    """Return the threshold of the largest TPR - FPR, or None if a class is absent.

    Uses labels. Of equally good thresholds it takes the one with the lowest FPR. It is one of
    the scores: the largest that is not flagged (Youden, "Index for rating diagnostic tests",
    Cancer 3, 1950).
    """
    if not counts.has_both:
        return None
    fp, tp, threshold = _curve(counts)
    return float(threshold[_youden(fp, tp)])


def fpr_at_tpr(counts: ScoreCounts, tpr: float) -> float | None:
    """Return the lowest FPR of any threshold whose TPR is at least ``tpr``, 0 to 1.

    Between two points of the curve nothing is interpolated: no threshold reaches it. None if a
    class is absent.
    """
    if not counts.has_both:
        return None
    fp, tp, _ = _curve(counts)
    return float(fp[np.argmax(tp / tp[-1] >= tpr - _ROUNDING)] / fp[-1])


def confusion_at(counts: ScoreCounts, threshold: float) -> Confusion:
    """Return the confusion counts of ``score > threshold``; of records, not of weights.

    Exact unless the threshold cuts a bin of several scores: that bin then counts as not flagged.
    """
    flagged = counts.low > threshold
    tp, fp = int(counts.positives[flagged].sum()), int(counts.negatives[flagged].sum())
    total_negatives, total_positives = int(counts.negatives.sum()), int(counts.positives.sum())
    return Confusion(tp=tp, fp=fp, tn=total_negatives - fp, fn=total_positives - tp)


def _curve(counts: ScoreCounts) -> tuple[_Numbers, _Numbers, FloatArray]:
    """Return false and true positives as the threshold falls from the top score to below all."""
    fp = np.concatenate([[0], np.cumsum(counts.negatives[::-1])])
    tp = np.concatenate([[0], np.cumsum(counts.positives[::-1])])
    below_all = np.nextafter(counts.low[0], -np.inf)
    return fp, tp, np.concatenate([counts.high[::-1], [below_all]])


def _youden(fp: _Numbers, tp: _Numbers) -> int:
    # Whole numbers up to 2**53 are exact in float64, so that ties are found as ties.
    gain = tp * float(fp[-1]) - fp * float(tp[-1])
    is_weighted = fp.dtype.kind == "f"
    slack = _ROUNDING * float(fp[-1]) * float(tp[-1]) if is_weighted else 0.0
    return int(np.argmax(gain >= gain.max() - slack))
