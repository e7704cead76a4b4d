"""Distances to the nearest of some reference rows, as compiled loops.

Differences are taken directly: ``|x|**2 + |r|**2 - 2 x r``, a matrix product, is no faster here and
loses what is small beside the rows' own length, which is just what a near neighbour is. Loops run
along the references, where the compiler can vectorise them without changing the order in which a
row's sums are made: a distance has the same bits in any batch and on any processor.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.kernels.jit import compiled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.detector import Float32Array, FloatArray, IntArray

LARGEST: Final = np.float32(1e17)
"""Limit of values: sums of squared differences of up to 8,000 columns stay within float32."""

_TILE_ROWS: Final = 16
"""Rows that take the references together: their 16 x 304 float32 sums (19 kB) fit the L1 cache."""

_COLUMNS: Final = 4
_WIDTH: Final = 16


@compiled
def fill(X: Float32Array, rows: IntArray, tile: Float32Array) -> None:
    """Copy some rows of ``X`` into the tile, limited to +-1e17; what is beyond them stays."""
    for row in range(rows.size):
        source = X[rows[row]]
        target = tile[row]
        for j in range(source.size):
            value = source[j]
            value = min(value, LARGEST)
            target[j] = max(value, -LARGEST)


@compiled
def store_squares(x: Float32Array, references: Float32Array, out: Float32Array) -> None:
    """Store squared distances; rows even in number, columns a multiple of 4.

    ``x`` has the shape (rows, columns), ``references`` (columns, references) and ``out``
    (rows, references). Two rows and four columns at a time keep all factors in vector registers;
    each sum takes the columns in order.
    """
    width = out.shape[1]
    for row in range(out.shape[0]):
        sums = out[row]
        for j in range(width):
            sums[j] = np.float32(0.0)
    for k in range(0, references.shape[0], _COLUMNS):
        r0 = references[k]
        r1 = references[k + 1]
        r2 = references[k + 2]
        r3 = references[k + 3]
        for row in range(0, out.shape[0], 2):
            out_a = out[row]
            out_b = out[row + 1]
            a0, a1, a2, a3 = x[row, k], x[row, k + 1], x[row, k + 2], x[row, k + 3]
            b0, b1, b2, b3 = x[row + 1, k], x[row + 1, k + 1], x[row + 1, k + 2], x[row + 1, k + 3]
            for j in range(width):
                d0, d1, d2, d3 = r0[j] - a0, r1[j] - a1, r2[j] - a2, r3[j] - a3
                e0, e1, e2, e3 = r0[j] - b0, r1[j] - b1, r2[j] - b2, r3[j] - b3
                out_a[j] = out_a[j] + d0 * d0 + d1 * d1 + d2 * d2 + d3 * d3
                out_b[j] = out_b[j] + e0 * e0 + e1 * e1 + e2 * e2 + e3 * e3


@compiled
def kth_smallest(values: Float32Array, count: int, nearest: Float32Array) -> np.float32:
    """Return the ``nearest.size``-th smallest of the first ``count`` values, at least so many."""
    last = nearest.size - 1
    for j in range(nearest.size):
        nearest[j] = np.float32(np.inf)
    limit: np.float32 = nearest[last]
    for j in range(count):
        value = values[j]
        if value < limit:
            place = last
            while place > 0 and nearest[place - 1] > value:
                nearest[place] = nearest[place - 1]
                place -= 1
            nearest[place] = value
            limit = nearest[last]
    return limit


@compiled
def store_distances(
    X: Float32Array,
    groups: tuple[IntArray, IntArray],
    references: Float32Array,
    counts: IntArray,
    k: int,
    scores: FloatArray,
    nearest: IntArray,
) -> None:
    """Store each row's distance to the k-th nearest reference of its part, and which that is.

    ``groups`` are rows part by part, see :func:`iotscore.detect.device_parts.grouped`;
    ``references`` of shape (n_parts, columns, width) are laid as :func:`pack` does, and each part
    has ``counts`` of them, at least ``k``. ``nearest`` gets positions within the part, of equally
    near references that of the first, unless it is empty.
    """
    order, bounds = groups
    _, columns, width = references.shape
    tile = np.zeros((_TILE_ROWS, columns), dtype=np.float32)
    squares = np.empty((_TILE_ROWS, width), dtype=np.float32)
    smallest = np.empty(k, dtype=np.float32)
    for part in range(counts.size):
        for start in range(bounds[part], bounds[part + 1], _TILE_ROWS):
            rows = order[start : min(start + _TILE_ROWS, bounds[part + 1])]
            even = rows.size + rows.size % 2
            fill(X, rows, tile)
            store_squares(tile[:even], references[part], squares[:even])
            for row in range(rows.size):
                square = kth_smallest(squares[row], counts[part], smallest)
                scores[rows[row]] = np.sqrt(np.float64(square))
                if nearest.size > 0:
                    place = 0
                    while squares[row, place] != square:
                        place += 1
                    nearest[rows[row]] = place


def pack(parts: Sequence[Float32Array]) -> Float32Array:
    """Return the references of all parts, limited to +-1e17, as (n_parts, columns, width).

    Columns are padded with zeros to a multiple of 4, references to the longest part and then to a
    multiple of 16, one AVX-512 register of float32.
    """
    n_features = parts[0].shape[1]
    columns = n_features + -n_features % _COLUMNS
    longest = max(part.shape[0] for part in parts)
    packed = np.zeros((len(parts), columns, longest + -longest % _WIDTH), dtype=np.float32)
    for place, part in zip(packed, parts, strict=True):
        place[:n_features, : part.shape[0]] = np.clip(part, -LARGEST, LARGEST).T
    return packed
