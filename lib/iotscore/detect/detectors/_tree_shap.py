"""Exact Shapley values of path lengths through an isolation forest.

Which feature makes a path long, and which short? The game is that of path-dependent TreeSHAP [1]_:
a coalition of features walks by the row where it is asked about one of its own, and else goes both
ways, weighted by the training rows that went each. A leaf then pays its length times a product: for
each feature on its path, in the coalition 1 or 0 (whether the row passes all edges of that
feature), and outside of it ``z``, the share of training rows that pass.

Shapley's weight of a coalition of ``s`` of the other ``m - 1`` features is the integral of
``t ** s (1 - t) ** (m - 1 - s)`` over t from 0 to 1 [2]_. So the sum over all coalitions of a
product is the integral of a product of sums, ``t + (1 - t) z`` for each feature that is inside and
``(1 - t) z`` for each other one. It is a polynomial of degree ``m - 1``: Gauss and Legendre's rule
with half as many points is exact. At each point products are shared by all leaves below an edge and
summed up the tree once, as in [3]_: a row costs about 20 operations per edge and point. No term
cancels but in the differences that are asked for.

References
----------
.. [1] Lundberg, Erion, Lee, "Consistent Individualized Feature Attribution for Tree Ensembles",
   2018, algorithm 2.
.. [2] Owen, "Multilinear Extensions of Games", Management Science 18(5), 1972.
.. [3] Yu, Xu, Liu, Zhang, "Linear TreeShap", NeurIPS 2022.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.detector import require_width
from iotscore.detect.detectors._trees import average_path_length, depths, round_down
from iotscore.detect.kernels import tree_shap
from iotscore.errors import ModelError

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray, IntArray
    from iotscore.detect.detectors._trees import Trees

_CLOSE: Final = 1e-9
"""Lengths are sums of two numbers below 100, exact to 1e-13; c differs by 2 / n from row to row."""


def path_length_attributions(trees: Trees, X: Float32Array) -> tuple[float, FloatArray]:
    """Take each row's mean path length apart into what the features contribute.

    A row's result depends on that row alone, bit for bit. Rows are float32 and scaled as the
    fitted ones; 0 rows are fine.

    Returns
    -------
    float
        Mean path length of the training rows, the mean over the trees.
    float64 array of shape (n_rows, n_features)
        In splits. Above 0: the feature makes the path longer, and the row less anomalous. Exactly
        0 where no tree asks about the feature. With the mean they sum to
        ``trees.path_lengths(X) / trees.n_trees``, up to rounding.

    Raises
    ------
    ModelError
        If ``X`` has another number of columns, or the length of a leaf is that of no leaf.
    """
    require_width(X, trees.n_features, "the isolation forest")
    of_nodes = depths(trees.left, trees.right, trees.offsets)
    covers = _covers(trees, of_nodes)
    edges = np.zeros(trees.feature.size - trees.n_trees, dtype=tree_shap.EDGE)
    tree_shap.list_edges(
        trees.feature,
        round_down(trees.threshold),
        trees.left,
        trees.right,
        trees.length,
        trees.offsets,
        covers,
        edges,
    )
    points, weights = _rule(int(of_nodes.max()))
    rows = np.ascontiguousarray(X, dtype=np.float32)
    values = np.empty(X.shape)
    starts = trees.offsets - np.arange(trees.offsets.size)
    tree_shap.store_values(edges, starts, points, weights / trees.n_trees, rows, values)
    return _mean_length(trees, covers), values


def _covers(trees: Trees, of_nodes: IntArray) -> FloatArray:
    """Return how many training rows each node has, float64 of shape (n_nodes,).

    Trees do not hold them. But a leaf's length is its depth plus c(rows), and c rises strictly.
    """
    counts = range(1, trees.max_samples + 1)
    known = np.array([average_path_length(count) for count in counts])
    is_leaf = trees.left < 0
    wanted = (trees.length - of_nodes)[is_leaf]
    # The first count whose c is as large, up to rounding.
    place = np.minimum(np.searchsorted(known, wanted - _CLOSE), known.size - 1)
    wrong = np.abs(known[place] - wanted) > _CLOSE
    if wrong.any():
        message = (
            f"the stored forest is damaged ({int(wrong.sum())} leaves have a length that no number"
            f" of rows from 1 to {trees.max_samples} gives): train again"
        )
        raise ModelError(message)
    covers = np.zeros(trees.left.size)
    covers[is_leaf] = place + 1.0
    tree_shap.add_up(trees.left, trees.right, trees.offsets, covers)
    return covers


def _rule(deepest: int) -> tuple[FloatArray, FloatArray]:
    """Return points and weights that integrate over 0 to 1 what ``deepest`` features make."""
    points, weights = np.polynomial.legendre.leggauss(max(1, (deepest + 1) // 2))
    return (points + 1.0) / 2.0, weights / 2.0


def _mean_length(trees: Trees, covers: FloatArray) -> float:
    """Return the path length of the training rows of each tree, the mean over the trees."""
    paths = np.where(trees.left < 0, trees.length * covers, 0.0)
    of_tree = np.add.reduceat(paths, trees.offsets[:-1]) / covers[trees.offsets[:-1]]
    return float(of_tree.mean())
