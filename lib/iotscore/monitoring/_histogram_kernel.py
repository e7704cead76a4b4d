"""Counting values in bins, as a compiled loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.detect.kernels.jit import compiled

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray


@compiled
def add_counts(
    X: FloatArray,
    group: IntArray,
    edges: FloatArray,
    counts: IntArray,
) -> None:
    """Add records to the counts of their bins.

    Parameters
    ----------
    X : float64 array of shape (n_rows, n_features)
        Best with contiguous columns.
    group : int64 array of shape (n_rows,)
        Which counts each row belongs to.
    edges : float64 array of shape (n_features, 2 ** n_steps - 1)
        Rising; infinite behind the last edge, so that the search needs no other bound.
    counts : int64 array of shape (n_groups, n_features, at least as many bins as edges)
    """
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
