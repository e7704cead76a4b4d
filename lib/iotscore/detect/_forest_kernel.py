"""Path lengths through an isolation forest, as compiled loops over flat arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect._compile import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.protocol import Float32Array, FloatArray

NODE: Final = np.dtype([("threshold", np.float32), ("feature", np.int32), ("left", np.int32)])
"""A node: go to ``left`` if ``x[feature] <= threshold``, else to the node right after it."""

_BLOCK_ROWS: Final = 512
"""Rows whose path lengths are built together: their 512 x 115 float32 values fit the L2 cache."""


@compiled
def add_path_lengths(
    nodes: npt.NDArray[Any],
    lengths: FloatArray,
    roots: npt.NDArray[np.int32],
    steps: npt.NDArray[np.int32],
    X: Float32Array,
    totals: FloatArray,
) -> None:
    """Add, for each row, the path lengths of all trees to ``totals``.

    A leaf's ``left`` is itself and its threshold is infinite, so a walk of ``steps[tree]`` steps
    ends in the leaf without asking whether it has arrived. Four rows walk at a time: their
    memory accesses overlap.
    """
    n_rows = X.shape[0]
    for start in range(0, n_rows, _BLOCK_ROWS):
        stop = min(start + _BLOCK_ROWS, n_rows)
        for tree in range(roots.size):
            root = roots[tree]
            depth = steps[tree]
            row = start
            while row + 4 <= stop:
                a = root
                b = root
                c = root
                d = root
                for _ in range(depth):
                    a = nodes[a].left + np.int32(X[row, nodes[a].feature] > nodes[a].threshold)
                    b = nodes[b].left + np.int32(X[row + 1, nodes[b].feature] > nodes[b].threshold)
                    c = nodes[c].left + np.int32(X[row + 2, nodes[c].feature] > nodes[c].threshold)
                    d = nodes[d].left + np.int32(X[row + 3, nodes[d].feature] > nodes[d].threshold)
                totals[row] += lengths[a]
                totals[row + 1] += lengths[b]
                totals[row + 2] += lengths[c]
                totals[row + 3] += lengths[d]
                row += 4
            while row < stop:
                a = root
                for _ in range(depth):
                    a = nodes[a].left + np.int32(X[row, nodes[a].feature] > nodes[a].threshold)
                totals[row] += lengths[a]
                row += 1
