"""The bins of the histograms: a device's benign quantiles, and levels of the hybrid score.

Counts in fixed bins add up exactly, in any order and from any number of tasks. A t-digest would
not: it is approximate, depends on the order of merging, and gives quantiles, from which shares per
bin would have to be read back. The quantiles that matter are known beforehand.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.reference_quantiles import HIGH_SHARE, LOW_SHARE, SHARES

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.detect.reference_quantiles import BenignReference

N_EDGES: Final = len(SHARES)
N_BINS: Final = N_EDGES + 1
"""Below the smallest benign value, between neighbouring quantiles, above the largest."""

BELOW: Final = SHARES.index(LOW_SHARE) + 1
"""Bins in front of this one lie below the benign range."""
ABOVE: Final = SHARES.index(HIGH_SHARE) + 1
"""This bin and those behind it lie above the benign range."""

_COARSE: Final = tuple(
    edge for edge, share in enumerate(SHARES) if share not in (LOW_SHARE, HIGH_SHARE)
)
"""Edges of the bins that shares are compared in: every 5 %, and the ends."""
N_COARSE: Final = len(_COARSE) + 1

_SAME: Final = 1e-4
_ROUNDING: Final = 1e-9
_LEAST: Final = 1e-12
"""Benign values that differ by less than this share of their range, or by what rounding leaves of
a variance that is 0, are equal: otherwise an index would count noise of the arithmetic."""

LEVEL_SHARES: Final = (0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 1e-3, 1e-4, 1e-5)
"""Shares of benign records that should reach each level of the hybrid score."""
LEVELS: Final = tuple(-math.log(share) for share in LEVEL_SHARES)
"""The levels ``-ln p`` at which its bins are cut."""


@dataclass(frozen=True, eq=False)
class FeatureBins:
    """The bins of a device's features, and the benign quantiles behind them.

    Attributes
    ----------
    edges : float64 array of shape (n_features, n_edges)
        Not falling. A value lies in the bin whose number is how many edges are smaller than it.
    quantiles : float64 array of shape (n_edges, n_features)
        The benign quantiles themselves.
    tolerances : float64 array of shape (n_features,)
        Differences up to which values count as equal.
    rows : int
        Benign rows behind them.
    """

    edges: FloatArray
    quantiles: FloatArray
    tolerances: FloatArray
    rows: int

    @property
    def spreads(self) -> FloatArray:
        """From the 5 % to the 95 % quantile of each feature."""
        low, high = (self.quantiles[SHARES.index(share)] for share in (0.05, 0.95))
        spreads: FloatArray = high - low
        return spreads


def bins_of(reference: BenignReference, device: int) -> FeatureBins | None:
    """Return the bins of a device by its number, None if the reference does not know it.

    Another device's traffic says nothing about whether this one changed, so the quantiles of all
    devices are no substitute.
    """
    if device < 0 or device not in reference.devices:
        return None
    rows = int(reference.counts[reference.devices == device][0])
    return _bins(reference.of_device(device), rows)


def _bins(quantiles: FloatArray, rows: int) -> FeatureBins:
    """Return bins whose edges are quantiles; those that hardly differ become one edge."""
    q = quantiles.T
    same = _tolerances(q)
    bottom, top = q.copy(), q.copy()
    for edge in range(1, N_EDGES):
        is_near = q[:, edge] - q[:, edge - 1] <= same
        bottom[:, edge] = np.where(is_near, bottom[:, edge - 1], q[:, edge])
    for edge in reversed(range(N_EDGES - 1)):
        is_near = q[:, edge + 1] - q[:, edge] <= same
        top[:, edge] = np.where(is_near, top[:, edge + 1], q[:, edge])
    edges = top + same[:, np.newaxis]
    # The benign range holds both of its ends, and what is equal to them.
    edges[:, :BELOW] = bottom[:, :BELOW] - same[:, np.newaxis]
    return FeatureBins(edges, quantiles, same, rows)


def _tolerances(q: FloatArray) -> FloatArray:
    """Return the differences that mean nothing: of a 1 to 99 % range, and of rounding."""
    width = q[:, SHARES.index(HIGH_SHARE)] - q[:, SHARES.index(LOW_SHARE)]
    rounding = np.maximum(_ROUNDING * np.abs(q).max(axis=1), _LEAST)
    tolerances: FloatArray = np.maximum(_SAME * width, rounding)
    return tolerances


def coarse(counts: IntArray) -> FloatArray:
    """Return counts of shape (..., n_bins) in bins of 5 % and beyond both ends, (..., n_coarse)."""
    bounds = [0, *(edge + 1 for edge in _COARSE)]
    return np.add.reduceat(counts.astype(np.float64), bounds, axis=-1)


def expected_shares(bins: FeatureBins, observed: FloatArray) -> FloatArray:
    """Return the benign share of each coarse bin, float64 of shape (n_features, n_coarse).

    Where several quantiles are equal, many benign records share one value, and the reference says
    of them no more than between which two shares their share lies. There, what was observed is
    taken to be expected as far as those shares allow: a difference must not come from the
    reference's resolution. Observed shares have the shape of the result.
    """
    edges = bins.edges[:, _COARSE]
    shares = np.array([SHARES[edge] for edge in _COARSE])
    later = shares[np.newaxis, np.newaxis, :]
    is_tied = edges[:, :, np.newaxis] == edges[:, np.newaxis, :]
    # Of each edge: the largest share among those equal to it, and the next one if it is not alone.
    low = np.where(is_tied, later, 0.0).max(axis=2)
    beyond = np.where(later > low[:, :, np.newaxis], later, 1.0).min(axis=2)
    high = np.where(is_tied.sum(axis=2) > 1, beyond, low)
    at_edges = np.clip(np.cumsum(observed, axis=1)[:, :-1], low, high)
    ends = np.zeros((edges.shape[0], 1))
    return np.diff(np.hstack([ends, at_edges, ends + 1.0]), axis=1)
