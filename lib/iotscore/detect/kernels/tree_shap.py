"""Shapley values of path lengths: blocks of rows walk through whole trees, as compiled loops.

An edge of a tree asks a row a question. What follows from the answer is the same for every row: it
stands in tables of the tree, and the walk multiplies down the tree and adds up again. What is
computed, and why: :mod:`iotscore.detect.detectors._tree_shap`. The innermost loops run along the
rows of a block, so a row's sums are made in one order, whatever the other rows are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.kernels.jit import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import BoolArray, Float32Array, FloatArray, IntArray

EDGE: Final = np.dtype(
    [
        ("feature", np.int32),
        ("depth", np.int32),
        ("earlier", np.int32),
        ("is_right", np.bool_),
        ("threshold", np.float32),
        ("length", np.float64),
        ("share", np.float64),
        ("earlier_share", np.float64),
    ]
)
"""The edge into a node: a row passes if ``(x[feature] > threshold) == is_right``.

``earlier`` is the depth of the next edge above with the same feature, 0 if there is none. A row is
inside an edge if it passes it and all edges above with the same feature; ``share`` is the share of
training rows that come through these edges, and ``earlier_share`` that of the earlier one, else 1.
``length`` is that of the leaf that the edge leads to, 0 if it leads to none.
"""

ROWS: Final = 64
"""Rows of a block. With 32 the compiler's code is less than half as fast; what 64 rows need of a
tree with 8 levels (two times 8 x 4 x 64 float64 numbers, 33 kB) about fills the L1 cache."""

_BLOCKS: Final = 16
"""Blocks that take the trees together: a tree's tables serve 1,024 rows before the next tree's."""


@compiled
def fill_depths(
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    offsets: IntArray,
    depths: IntArray,
) -> None:
    """Store the depth of every node; children stand after their parent."""
    for tree in range(offsets.size - 1):
        root = offsets[tree]
        depths[root] = 0
        for node in range(root, offsets[tree + 1]):
            if left[node] >= 0:
                depths[root + left[node]] = depths[node] + 1
                depths[root + right[node]] = depths[node] + 1


@compiled
def add_up(
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    offsets: IntArray,
    covers: FloatArray,
) -> None:
    """Store, in every node that is no leaf, the sum of its leaves."""
    for tree in range(offsets.size - 1):
        root = offsets[tree]
        for node in range(offsets[tree + 1] - 1, root - 1, -1):
            if left[node] >= 0:
                covers[node] = covers[root + left[node]] + covers[root + right[node]]


@compiled
def list_edges(
    feature: npt.NDArray[np.int32],
    threshold: Float32Array,
    left: npt.NDArray[np.int32],
    right: npt.NDArray[np.int32],
    length: FloatArray,
    offsets: IntArray,
    covers: FloatArray,
    edges: npt.NDArray[Any],
) -> None:
    """Fill ``edges`` tree by tree, each edge before those below it, left before right.

    Arrays are those of :class:`iotscore.detect.detectors._trees.Trees`, the threshold rounded
    down; ``covers`` holds the training rows in each node. The edges of tree ``i``, of shape
    (n_nodes - n_trees,) in all, begin at ``offsets[i] - i``.
    """
    waiting = np.zeros((edges.size + 1, 3), dtype=np.int64)  # node, parent, depth
    path = np.zeros(edges.size + 1, dtype=np.int64)
    at = 0
    for tree in range(offsets.size - 1):
        root = offsets[tree]
        waiting[0, 0], waiting[0, 2] = root, 0
        top = 1
        while top > 0:
            top -= 1
            node, parent, depth = waiting[top, 0], waiting[top, 1], waiting[top, 2]
            if left[node] >= 0:
                for child in (right[node], left[node]):
                    waiting[top, 0], waiting[top, 1] = root + child, node
                    waiting[top, 2] = depth + 1
                    top += 1
            if depth == 0:
                continue
            edge = edges[at]
            edge.feature = feature[parent]
            edge.depth = depth
            edge.threshold = threshold[parent]
            edge.is_right = root + right[parent] == node
            edge.length = length[node]
            earlier = depth - 1
            while earlier > 0 and edges[path[earlier]].feature != edge.feature:
                earlier -= 1
            edge.earlier = earlier
            edge.earlier_share = edges[path[earlier]].share if earlier > 0 else 1.0
            edge.share = edge.earlier_share * covers[node] / covers[parent]
            path[depth] = at
            at += 1


@compiled
def fill_tables(
    edges: npt.NDArray[Any], points: FloatArray, factors: FloatArray, effects: FloatArray
) -> None:
    """Fill the tables of a tree's edges, for each edge by answer and point of the integral.

    The answers are: inside; inside the earlier edge only; not even that. ``factors`` holds what an
    edge multiplies the product of the edges above with, in which the earlier edge has its part.
    ``effects`` holds what the product counts for the feature, less what the earlier edge has
    counted already; by the third answer nothing is left to count.
    """
    for e in range(edges.size):
        share = edges[e].share
        earlier_share = edges[e].earlier_share
        for q in range(points.size):
            t = points[q]
            inside = t + (1.0 - t) * share
            earlier = t + (1.0 - t) * earlier_share  # 1 without an earlier edge
            counted = (1.0 - earlier_share) / earlier
            factors[e, 0, q] = inside / earlier
            factors[e, 1, q] = (1.0 - t) * share / earlier
            factors[e, 2, q] = share / earlier_share
            effects[e, 0, q] = (1.0 - share) / inside - counted
            effects[e, 1, q] = -1.0 / (1.0 - t) - counted


@compiled
def close_edge(
    edges: npt.NDArray[Any],
    effects: FloatArray,
    e: int,
    inside: BoolArray,
    sums: FloatArray,
    out: FloatArray,
) -> None:
    """Count what lies below an edge for its feature, and hand it on to the edge above."""
    feature = edges[e].feature
    depth = edges[e].depth
    earlier = edges[e].earlier
    for q in range(sums.shape[1]):
        a, b = effects[e, 0, q], effects[e, 1, q]
        if earlier == 0:
            for r in range(ROWS):
                out[feature, r] += sums[depth, q, r] * (a if inside[depth, r] else b)
        else:
            for r in range(ROWS):
                otherwise = b if inside[earlier, r] else 0.0
                out[feature, r] += sums[depth, q, r] * (a if inside[depth, r] else otherwise)
        for r in range(ROWS):
            sums[depth - 1, q, r] += sums[depth, q, r]


@compiled
def add_tree(
    edges: npt.NDArray[Any],
    factors: FloatArray,
    effects: FloatArray,
    x: Float32Array,
    inside: BoolArray,
    products: FloatArray,
    sums: FloatArray,
    out: FloatArray,
) -> None:
    """Add the values of one tree for a block of rows, ``x`` and ``out`` (n_features, ROWS).

    ``inside`` has the shape (levels, ROWS), ``products`` and ``sums`` (levels, points, ROWS); level
    0 stands for the root: every row is inside, and the products are the weights of the points.
    """
    path = np.zeros(products.shape[0], dtype=np.int64)
    level = 0
    for e in range(edges.size):
        depth = edges[e].depth
        while level >= depth:
            close_edge(edges, effects, path[level], inside, sums, out)
            level -= 1
        feature, earlier = edges[e].feature, edges[e].earlier
        threshold, is_right = edges[e].threshold, edges[e].is_right
        length = edges[e].length
        for r in range(ROWS):
            passes = (x[feature, r] > threshold) == is_right
            inside[depth, r] = passes & inside[earlier, r]
        for q in range(products.shape[1]):
            a, b, c = factors[e, 0, q], factors[e, 1, q], factors[e, 2, q]
            if earlier == 0:
                for r in range(ROWS):
                    factor = a if inside[depth, r] else b
                    products[depth, q, r] = products[depth - 1, q, r] * factor
            else:
                for r in range(ROWS):
                    otherwise = b if inside[earlier, r] else c
                    factor = a if inside[depth, r] else otherwise
                    products[depth, q, r] = products[depth - 1, q, r] * factor
            for r in range(ROWS):
                sums[depth, q, r] = products[depth, q, r] * length
        path[depth] = e
        level = depth
    while level >= 1:
        close_edge(edges, effects, path[level], inside, sums, out)
        level -= 1


@compiled
def store_values(
    edges: npt.NDArray[Any],
    starts: IntArray,
    points: FloatArray,
    weights: FloatArray,
    X: Float32Array,
    out: FloatArray,
) -> None:
    """Store the values of all trees, summed, for rows ``X`` of shape (n_rows, n_features)."""
    n_rows, n_features = X.shape
    most = np.max(starts[1:] - starts[:-1])
    levels = 1 + (np.max(edges["depth"]) if edges.size else 0)
    factors = np.zeros((most, 3, points.size))
    effects = np.zeros((most, 2, points.size))
    x = np.zeros((_BLOCKS, n_features, ROWS), dtype=np.float32)
    values = np.zeros((_BLOCKS, n_features, ROWS))
    inside = np.ones((levels, ROWS), dtype=np.bool_)
    products = np.zeros((levels, points.size, ROWS))
    sums = np.zeros((levels, points.size, ROWS))
    for q in range(points.size):
        products[0, q] = weights[q]
    for start in range(0, n_rows, _BLOCKS * ROWS):
        stop = min(start + _BLOCKS * ROWS, n_rows)
        for row in range(start, stop):
            block, r = divmod(row - start, ROWS)
            for f in range(n_features):
                x[block, f, r] = X[row, f]
        values[:] = 0.0
        for tree in range(starts.size - 1):
            of_tree = edges[starts[tree] : starts[tree + 1]]
            fill_tables(of_tree, points, factors, effects)
            for block in range(1 + (stop - start - 1) // ROWS):
                add_tree(of_tree, factors, effects, x[block], inside, products, sums, values[block])
        for row in range(start, stop):
            block, r = divmod(row - start, ROWS)
            for f in range(n_features):
                out[row, f] = values[block, f, r]
