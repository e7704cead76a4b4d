"""Effect sizes of the difference between counted and expected records; no p-values.

A test of significance asks whether two samples can come from one distribution. Of a million
records a night the answer is always no, however small the difference; what matters is its size,
and whether it stays.

Counts of features are int64 arrays of shape (n_features, n_bins), of one record at least.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.reference_quantiles import SHARES
from iotscore.monitoring.bins import ABOVE, BELOW, LEVEL_SHARES, LEVELS, coarse, expected_shares

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.monitoring.bins import FeatureBins

FLOOR: Final = 0.005
"""Least share that a bin counts with, a tenth of a bin of 5 %. The index has the logarithm of a
share, which an empty bin does not have. The usual 0.0001 makes one vanished bin of 5 % a change of
0.31, more than the usual limit; and flags cut off just such a bin. With 0.005 it is 0.10."""

MOST_SHIFT: Final = 100.0
"""Largest shift of a median, in benign spreads; a larger one has no further meaning."""


def psi(observed: FloatArray, expected: FloatArray) -> FloatArray:
    """Return the population stability index of shares of shape (..., n_bins), of shape (...).

    ``sum((o - e) * ln(o / e))`` over bins, shares below :data:`FLOOR` counted as it (Siddiqi,
    "Credit Risk Scorecards", 2006, ch. 6: below 0.1 no change, above 0.25 a large one). It is
    symmetric, 0 or more, and 0 for equal shares.
    """
    o, e = np.maximum(observed, FLOOR), np.maximum(expected, FLOOR)
    found: FloatArray = ((o - e) * np.log(o / e)).sum(axis=-1)
    return found


def noise(n_bins: int, *rows: int) -> float:
    """Return the index to expect of samples of one distribution: ``(n_bins - 1) * sum(1 / rows)``.

    From Yurdakul and Naranjo, "Statistical properties of the population stability index", Journal
    of Risk Model Validation, 2020: the index is about a chi-squared variable times that sum.
    """
    return (n_bins - 1) * sum(1.0 / each for each in rows)


def feature_psi(counts: IntArray, bins: FeatureBins) -> FloatArray:
    """Return each feature's index against the benign reference, float64 of shape (n_features,)."""
    observed = _shares(coarse(counts))
    return psi(observed, expected_shares(bins, observed))


def step_psi(counts: IntArray, earlier: IntArray) -> FloatArray:
    """Return each feature's index against earlier counts in the same bins, shape (n_features,)."""
    return psi(_shares(coarse(counts)), _shares(coarse(earlier)))


def median_shift(counts: IntArray, bins: FeatureBins) -> FloatArray:
    """Return the shift of each median, in units of the benign 5 % to 95 % spread.

    The median is read from the counts, linear within a bin. It is never further out than the
    smallest and largest benign value, so the shift of a feature that left its benign range is a
    lower bound. NaN where benign values hardly differ; limited to :data:`MOST_SHIFT` either way.
    """
    reached = np.cumsum(counts, axis=1)
    half = reached[:, -1:] / 2.0
    bin_ = (reached >= half).argmax(axis=1)
    rows = np.arange(counts.shape[0])
    padded = np.pad(bins.quantiles.T, ((0, 0), (1, 1)), mode="edge")
    low, high = padded[rows, bin_], padded[rows, bin_ + 1]
    inside = counts[rows, bin_]
    medians = low + (high - low) * (half[:, 0] - reached[rows, bin_] + inside) / inside
    benign = bins.quantiles[SHARES.index(0.5)]
    spread = np.where(bins.spreads > bins.tolerances, bins.spreads, np.nan)
    shift: FloatArray = np.clip((medians - benign) / spread, -MOST_SHIFT, MOST_SHIFT)
    return shift


def share_outside(counts: IntArray) -> FloatArray:
    """Return the share of records outside the benign 1 % to 99 % range, by feature."""
    outside = counts[..., :BELOW].sum(axis=-1) + counts[..., ABOVE:].sum(axis=-1)
    share: FloatArray = outside / counts.sum(axis=-1)
    return share


def level_excess(counts: IntArray, threshold: float) -> float:
    """Return how many more records than expected have high levels, as a part of an index.

    The share of benign records at each level is known without any reference. A device that has a
    tail of its own lies lower than that, which is no fault, so only bins that hold more than they
    should are counted, as in :func:`psi`, and the lower half of the levels is not.

    Parameters
    ----------
    counts : int64 array of shape (n_level_bins,)
        Records per bin, one record at least.
    threshold : float
        Level above which records are not among them; infinite if all are.
    """
    at_edges = np.array([1.0, *LEVEL_SHARES, 0.0])
    starts = np.array([0.0, *LEVELS])
    cut = np.exp(-threshold)
    expected = np.diff(-np.maximum(at_edges, cut)) / (1.0 - cut)
    o, e = np.maximum(_shares(counts), FLOOR), np.maximum(expected, FLOOR)
    parts = np.where((o > e) & (starts > 0.0), (o - e) * np.log(o / e), 0.0)
    return float(parts.sum())


def _shares(counts: FloatArray | IntArray) -> FloatArray:
    shares: FloatArray = counts / counts.sum(axis=-1, keepdims=True)
    return shares
