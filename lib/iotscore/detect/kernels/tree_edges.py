"""The edges of an isolation forest's trees in the order of a walk, as compiled loops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.kernels.jit import compiled

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import Float32Array, FloatArray, IntArray

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
