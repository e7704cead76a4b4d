"""Squared lengths of rows times a triangular matrix, as compiled loops.

A BLAS library rounds differently at another place in a batch; these loops make a row's sums in
float64 in one written order, so that a distance has the same bits in any batch and on any
processor. Loops run along the columns, where the compiler can vectorise them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect._compile import compiled

if TYPE_CHECKING:
    from iotscore.detect.protocol import Float32Array, FloatArray, IntArray

_TILE_ROWS: Final = 16
"""Rows that take a matrix together: their 16 x 120 float64 products (15 kB) fit the L1 cache."""

_BLOCK: Final = 4
_WIDTH: Final = 8


@compiled
def fill(X: Float32Array, rows: IntArray, mean: FloatArray, tile: FloatArray) -> None:
    """Store some rows of ``X`` minus the mean in the tile; what is beyond them stays."""
    for row in range(rows.size):
        source = X[rows[row]]
        target = tile[row]
        for j in range(source.size):
            target[j] = np.float64(source[j]) - mean[j]


@compiled
def store_products(x: FloatArray, root: FloatArray, out: FloatArray) -> None:
    """Store ``x @ root`` for an upper triangular root of a size that is a multiple of 4.

    ``x`` and ``out`` have an even number of rows and as many columns as ``root``. Two rows and
    four rows of the root at a time keep all factors in vector registers; each sum takes the
    products in the order of the root's rows.
    """
    width = root.shape[1]
    for row in range(out.shape[0]):
        sums = out[row]
        for j in range(width):
            sums[j] = 0.0
    for k in range(0, root.shape[0], _BLOCK):
        r0 = root[k, k:]
        r1 = root[k + 1, k:]
        r2 = root[k + 2, k:]
        r3 = root[k + 3, k:]
        for row in range(0, out.shape[0], 2):
            out_a = out[row, k:]
            out_b = out[row + 1, k:]
            a0, a1, a2, a3 = x[row, k], x[row, k + 1], x[row, k + 2], x[row, k + 3]
            b0, b1, b2, b3 = x[row + 1, k], x[row + 1, k + 1], x[row + 1, k + 2], x[row + 1, k + 3]
            for j in range(width - k):
                out_a[j] = out_a[j] + a0 * r0[j] + a1 * r1[j] + a2 * r2[j] + a3 * r3[j]
                out_b[j] = out_b[j] + b0 * r0[j] + b1 * r1[j] + b2 * r2[j] + b3 * r3[j]


@compiled
def store_distances(
    X: Float32Array,
    groups: tuple[IntArray, IntArray],
    means: FloatArray,
    roots: FloatArray,
    scores: FloatArray,
) -> None:
    """Store each row's ``|(x - mean) @ root| ** 2`` with the mean and root of its part.

    Parameters
    ----------
    X : float32 array of shape (n_rows, n_features)
    groups : two int64 arrays
        Rows part by part, see :func:`iotscore.detect._devices.grouped`.
    means : float64 array of shape (n_parts, n_features)
    roots : float64 array of shape (n_parts, size, size)
        As :func:`pack` lays them.
    scores : float64 array of shape (n_rows,)
    """
    order, bounds = groups
    size = roots.shape[1]
    tile = np.zeros((_TILE_ROWS, size))
    products = np.empty((_TILE_ROWS, size))
    for part in range(means.shape[0]):
        for start in range(bounds[part], bounds[part + 1], _TILE_ROWS):
            rows = order[start : min(start + _TILE_ROWS, bounds[part + 1])]
            even = rows.size + rows.size % 2
            fill(X, rows, means[part], tile)
            store_products(tile[:even], roots[part], products[:even])
            for row in range(rows.size):
                total = 0.0
                for j in range(size):
                    total += products[row, j] * products[row, j]
                scores[rows[row]] = total


def pack(roots: FloatArray, n_features: int) -> FloatArray:
    """Return roots of shape (n_parts * n_features, n_features) as (n_parts, size, size).

    ``size`` is the next multiple of 8, one AVX-512 register of float64; the margin is 0.
    """
    margin = (0, -n_features % _WIDTH)
    stacked = roots.reshape(-1, n_features, n_features)
    return np.ascontiguousarray(np.pad(stacked, [(0, 0), margin, margin]))
