"""Distances outside benign ranges, as a compiled loop whose results depend on the row alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iotscore.detect.kernels.jit import compiled

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray, IntArray


@compiled
def store_excesses(
    X: Float32Array,
    part: IntArray,
    low: FloatArray,
    high: FloatArray,
    weight: FloatArray,
    scores: FloatArray,
) -> None:
    """Store each row's weighted sum of what lies outside ``[low, high]``, in float64.

    ``part`` holds the index of the part that scores each row; ``low``, ``high`` and ``weight``,
    of shape (n_parts, n_features), the ranges, and what a unit outside them counts.
    """
    n_rows, n_features = X.shape
    excess = np.empty(n_features)
    for row in range(n_rows):
        x = X[row]
        least = low[part[row]]
        most = high[part[row]]
        unit = weight[part[row]]
        # Two loops: the compiler vectorises the first, and must not reorder the second.
        for j in range(n_features):
            value = np.float64(x[j])
            outside = max(least[j] - value, value - most[j])
            excess[j] = max(outside, 0.0) * unit[j]
        total = 0.0
        for j in range(n_features):
            total += excess[j]
        scores[row] = total
