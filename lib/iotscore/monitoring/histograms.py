"""Histograms of the records of a device and a day, which add up exactly."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Self

import numpy as np

from iotscore.detect.kernels.jit import compiled
from iotscore.monitoring.bins import LEVELS, N_BINS

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.monitoring.bins import FeatureBins

_PADDED: Final = 31
"""Edges that the search by halves needs: the next power of two, less one."""
N_LEVEL_BINS: Final = len(LEVELS) + 1


@dataclass(frozen=True, eq=False)
class Histograms:
    """Histograms of some records, apart for those that are not flagged and those that are.

    Attributes
    ----------
    features : int64 array of shape (2, n_features, n_bins)
        Records per bin; first the records that are not flagged. No features for a device that the
        reference does not know.
    levels : int64 array of shape (2, n_level_bins)
        Records per bin of the hybrid score's level.
    """

    features: IntArray
    levels: IntArray

    def __add__(self, other: Histograms) -> Histograms:
        """Return the histograms of both."""
        return Histograms(self.features + other.features, self.levels + other.levels)

    def part(self, *, is_flagged_excluded: bool) -> tuple[IntArray, IntArray]:
        """Return features and levels of the records that are not flagged, or of all."""
        if is_flagged_excluded:
            return self.features[0], self.levels[0]
        return self.features.sum(axis=0), self.levels.sum(axis=0)

    def to_bytes(self) -> bytes:
        """Return the counts as bytes, little-endian."""
        return b"".join(one.astype("<i8").tobytes() for one in (self.levels, self.features))

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Rebuild what :meth:`to_bytes` returned."""
        numbers = np.frombuffer(data, dtype="<i8").astype(np.int64)
        n_levels = 2 * N_LEVEL_BINS
        features = numbers[n_levels:].reshape(2, -1, N_BINS)
        return cls(features, numbers[:n_levels].reshape(2, N_LEVEL_BINS))


def count_records(
    X: FloatArray,
    levels: FloatArray,
    is_flagged: npt.NDArray[np.bool_],
    bins: FeatureBins | None,
) -> Histograms:
    """Count records of one device.

    Parameters
    ----------
    X : float64 array of shape (n_rows, n_features)
        Finite, unscaled features.
    levels : float64 array of shape (n_rows,)
        Hybrid scores.
    is_flagged : bool array of shape (n_rows,)
        Which records the model flags.
    bins : FeatureBins or None
        The device's; None: only levels are counted.
    """
    group = is_flagged.astype(np.int64)
    of_levels = np.zeros((2, N_LEVEL_BINS), dtype=np.int64)
    np.add.at(of_levels, (group, np.searchsorted(LEVELS, levels, side="left")), 1)
    of_features = np.zeros((2, 0 if bins is None else X.shape[1], N_BINS), dtype=np.int64)
    if bins is not None:
        _add_counts(X, group, _padded(bins), of_features)
    return Histograms(of_features, of_levels)


@lru_cache(maxsize=256)
def _padded(bins: FeatureBins) -> FloatArray:
    """Return the edges, infinite behind the last one, so that the search needs no other bound."""
    padded = np.full((bins.edges.shape[0], _PADDED), np.inf)
    padded[:, : bins.edges.shape[1]] = bins.edges
    return padded


@compiled
def _add_counts(X: FloatArray, group: IntArray, edges: FloatArray, counts: IntArray) -> None:
    """Add records to the counts of their group and bins; faster if columns are contiguous."""
    n_rows, n_features = X.shape
    half = (edges.shape[1] + 1) // 2
    for j in range(n_features):
        edge = edges[j]
        for row in range(n_rows):
            value = X[row, j]
            found = 0
            step = half
            while step > 0:
                # How many edges are smaller, by halves, without a branch.
                found += step if edge[found + step - 1] < value else 0
                step //= 2
            counts[group[row], j, found] += 1
