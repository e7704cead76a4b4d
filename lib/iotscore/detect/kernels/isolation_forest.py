"""Path lengths through an isolation forest, as compiled loops over flat arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.kernels.jit import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import Float32Array, FloatArray

NODE: Final = np.dtype([("threshold", np.float32), ("feature", np.int32), ("left", np.int32)])
"""A node: go to ``left`` if ``x[feature] <= threshold``, else to the node right after it."""

_BLOCK_ROWS: Final = 64
"""Rows that take the trees together: 64 x 115 float32 values (29 kB) fit the L1 cache."""

_WALKERS: Final = 8
"""Rows that walk a tree at the same time, written out below."""


@compiled
def next_node(nodes: npt.NDArray[Any], at: int, x: Float32Array) -> int:
    """Return the child of node ``at`` that a row goes to."""
    node = nodes[at]
    child: int = node.left + np.int32(x[node.feature] > node.threshold)
    return child


@compiled
def add_path_lengths(
    nodes: npt.NDArray[Any],
    lengths: FloatArray,
    roots: npt.NDArray[np.int32],
    steps: npt.NDArray[np.int32],
    X: Float32Array,
    totals: FloatArray,
) -> None:
    """Add, for each row, the path lengths of all trees to ``totals``, tree by tree.

    A leaf's ``left`` is itself and its threshold is infinite, so a walk of ``steps[tree]`` steps
    ends in the leaf without asking whether it has arrived. Eight rows walk at a time, written
    out so that their positions stay in registers and their waits for memory overlap.
    """
    n_rows = X.shape[0]
    for start in range(0, n_rows, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, n_rows)
        whole = stop - (stop - start) % _WALKERS
        for tree in range(roots.size):
            root = roots[tree]
            for row in range(start, whole, _WALKERS):
                a = b = c = d = e = f = g = h = root
                for _ in range(steps[tree]):
                    a = next_node(nodes, a, X[row])
                    b = next_node(nodes, b, X[row + 1])
                    c = next_node(nodes, c, X[row + 2])
                    d = next_node(nodes, d, X[row + 3])
                    e = next_node(nodes, e, X[row + 4])
                    f = next_node(nodes, f, X[row + 5])
                    g = next_node(nodes, g, X[row + 6])
                    h = next_node(nodes, h, X[row + 7])
                totals[row] += lengths[a]
                totals[row + 1] += lengths[b]
                totals[row + 2] += lengths[c]
                totals[row + 3] += lengths[d]
                totals[row + 4] += lengths[e]
                totals[row + 5] += lengths[f]
                totals[row + 6] += lengths[g]
                totals[row + 7] += lengths[h]
            for row in range(whole, stop):
                a = root
                for _ in range(steps[tree]):
                    a = next_node(nodes, a, X[row])
                totals[row] += lengths[a]


@compiled
def store_scores(totals: FloatArray, normaliser: float) -> None:
    """Replace summed path lengths by ``2 ** -(total / normaliser)``.

    Row by row: NumPy's vectorised powers may round the last rows of an array differently.
    """
    for row in range(totals.size):
        totals[row] = 2.0 ** (-totals[row] / normaliser)
