"""The trees of an isolation forest as flat arrays, checked before they are walked."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from iotscore.detect.detector import FLOAT64_1D, INT32_1D, INT64_1D, ArrayState, require_array
from iotscore.detect.kernels import isolation_forest as kernel
from iotscore.detect.kernels import tree_shap

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray, IntArray


def average_path_length(n: int) -> float:
    """Return c(n), the mean path length of an unsuccessful search among ``n`` rows.

    ``2 * (ln(n - 1) + euler_gamma) - 2 * (n - 1) / n``; 1 for two rows, 0 for one or none, as
    scikit-learn has it (Liu et al. 2008, equation 1, gives 0.15 for two rows).
    """
    if n <= 1:
        return 0.0
    if n == 2:  # noqa: PLR2004 the one case where scikit-learn replaces the formula
        return 1.0
    return 2.0 * (float(np.log(n - 1.0)) + np.euler_gamma) - 2.0 * (n - 1.0) / n


@dataclass(frozen=True, eq=False)
class Trees(ArrayState):
    """Nodes of all trees, one after the other.

    Attributes
    ----------
    feature : int32 array of shape (n_nodes,)
        Column to compare, -1 in leaves.
    threshold : float64 array of shape (n_nodes,)
        A row goes left if its float32 value is at most this.
    left, right : int32 array of shape (n_nodes,)
        Children, counted from the tree's first node; -1 in leaves.
    length : float64 array of shape (n_nodes,)
        In leaves: depth plus c(training rows in the leaf). 0 elsewhere.
    offsets : int64 array of shape (n_trees + 1,)
        Where each tree starts, and the end.
    max_samples : int
        Rows drawn for each tree; its c is the normaliser.
    n_features : int
        Columns of the rows that were fitted.
    """

    title: ClassVar = "stored forest"

    feature: npt.NDArray[np.int32] = field(metadata=INT32_1D)
    threshold: FloatArray = field(metadata=FLOAT64_1D)
    left: npt.NDArray[np.int32] = field(metadata=INT32_1D)
    right: npt.NDArray[np.int32] = field(metadata=INT32_1D)
    length: FloatArray = field(metadata=FLOAT64_1D)
    offsets: npt.NDArray[np.int64] = field(metadata=INT64_1D)
    max_samples: int
    n_features: int

    def _fault(self) -> str | None:
        """Return why the kernel could not walk the trees safely."""
        return self._layout_fault() or self._link_fault()

    def _layout_fault(self) -> str | None:
        n_nodes = self.feature.size
        columns = (self.threshold, self.left, self.right, self.length)
        if any(column.size != n_nodes for column in columns):
            return "its arrays differ in length"
        if self.n_trees < 1 or self.offsets[0] != 0 or self.offsets[-1] != n_nodes:
            return "its trees do not cover its nodes"
        # Compared, not subtracted: a difference of damaged offsets could overflow and look right.
        is_rising = (self.offsets[1:] > self.offsets[:-1]).all()
        if not is_rising or self.max_samples < 2:  # noqa: PLR2004 for a split
            return "a tree is empty"
        return None

    def _link_fault(self) -> str | None:
        sizes = np.diff(self.offsets)
        start = np.repeat(self.offsets[:-1], sizes)
        position = np.arange(self.feature.size) - start
        size = np.repeat(sizes, sizes)
        inner = self.left >= 0
        for child in (self.left, self.right):
            # Children after their parent: a walk cannot go round in circles.
            if not ((child > position) & (child < size))[inner].all():
                return "a child lies outside its tree"
        children = np.concatenate([(start + child)[inner] for child in (self.left, self.right)])
        if not np.array_equal(np.sort(children), np.flatnonzero(position > 0)):
            return "a node has no parent, or two"
        if ((self.feature < 0) | (self.feature >= self.n_features))[inner].any():
            return "a split names a feature that does not exist"
        if not np.isfinite(self.threshold[inner]).all() or not np.isfinite(self.length).all():
            return "a number is not finite"
        return None

    @property
    def n_trees(self) -> int:
        """Number of trees."""
        return self.offsets.size - 1

    def path_lengths(self, X: Float32Array) -> FloatArray:
        """Return each row's path lengths summed over the trees, float64 of shape (n_rows,)."""
        totals = np.zeros(X.shape[0])
        rows = np.ascontiguousarray(X, dtype=np.float32)
        kernel.add_path_lengths(*self._packed, rows, totals)
        return totals

    def scores(self, X: Float32Array) -> FloatArray:
        """Return ``2 ** -(mean path length / c(max_samples))`` of each row."""
        scores = self.path_lengths(X)
        kernel.store_scores(scores, self.n_trees * average_path_length(self.max_samples))
        return scores

    @cached_property
    def _packed(self) -> tuple[npt.NDArray[Any], FloatArray, Any, Any]:
        """Return nodes, lengths, roots and steps in the order that the kernel walks fastest.

        Nodes are numbered breadth first, so that siblings are neighbours and the busy upper levels
        of a tree share cache lines. Thresholds become float32 by rounding towards minus infinity:
        for a float32 ``x``, ``x <= t`` then holds for the rounded threshold exactly when it holds
        for ``t``.
        """
        nodes = np.zeros(self.feature.size, dtype=kernel.NODE)
        lengths = np.zeros(self.feature.size)
        steps = np.zeros(self.n_trees, dtype=np.int32)
        rounded = round_down(self.threshold)
        roots = self.offsets[:-1]
        free = roots + 1
        # One level of all trees at a time: where its nodes stand, where they go, and in which tree.
        source, slot, tree = roots, roots, np.arange(self.n_trees)
        while source.size:
            inner = self.left[source] >= 0
            lengths[slot] = self.length[source]
            nodes["threshold"][slot] = np.where(inner, rounded[source], np.inf)
            nodes["feature"][slot] = np.where(inner, self.feature[source], 0)
            nodes["left"][slot] = slot
            source, slot, tree = source[inner], slot[inner], tree[inner]
            child = free[tree] + 2 * (np.arange(tree.size) - np.searchsorted(tree, tree))
            nodes["left"][slot] = child
            free = free + 2 * np.bincount(tree, minlength=self.n_trees)
            steps[np.unique(tree)] += 1
            pair = np.stack([self.left[source], self.right[source]], axis=1)
            source = (roots[tree][:, np.newaxis] + pair).ravel()
            slot = np.stack([child, child + 1], axis=1).ravel()
            tree = np.repeat(tree, 2)
        return nodes, lengths, roots.astype(np.int32), steps

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the attributes as arrays, the two numbers as ``shape``."""
        shape = np.array([self.max_samples, self.n_features], dtype=np.int64)
        return {**super().to_arrays(), "shape": shape}

    @classmethod
    def from_arrays(
        cls,
        arrays: Arrays,
        parameters: Mapping[str, Any] | None = None,  # noqa: ARG003 numbers are stored as an array
    ) -> Self:
        """Rebuild and check the trees."""
        max_samples, n_features = require_array(arrays, "shape", "int64", 1).tolist()
        numbers = {"max_samples": max_samples, "n_features": n_features}
        return super().from_arrays(arrays, numbers)


def flatten(forest: Any) -> Trees:  # noqa: ANN401 scikit-learn has no types
    """Return the trees of a fitted ``sklearn.ensemble.IsolationForest``."""
    trees = [estimator.tree_ for estimator in forest.estimators_]
    left = np.concatenate([tree.children_left for tree in trees]).astype(np.int32)
    right = np.concatenate([tree.children_right for tree in trees]).astype(np.int32)
    offsets = np.cumsum([0, *(tree.node_count for tree in trees)], dtype=np.int64)
    inner = left >= 0
    rows = np.concatenate([tree.n_node_samples for tree in trees])
    in_leaf = np.array([average_path_length(int(n)) for n in rows])
    feature = np.concatenate([tree.feature for tree in trees])
    return Trees(
        feature=np.where(inner, feature, -1).astype(np.int32),
        threshold=np.concatenate([tree.threshold for tree in trees]).astype(np.float64),
        left=left,
        right=right,
        length=np.where(inner, 0.0, depths(left, right, offsets) + in_leaf),
        offsets=offsets,
        max_samples=int(forest.max_samples_),
        n_features=int(forest.n_features_in_),
    )


def depths(
    left: npt.NDArray[np.int32], right: npt.NDArray[np.int32], offsets: IntArray
) -> IntArray:
    """Return the depth of each node of trees, whose roots have 0."""
    found = np.empty(left.size, dtype=np.int64)
    tree_shap.fill_depths(left, right, offsets, found)
    return found


def round_down(values: FloatArray) -> Float32Array:
    """Return the largest float32 that is at most each value."""
    with np.errstate(over="ignore"):
        near = values.astype(np.float32)
    below = np.nextafter(near, np.float32(-np.inf))
    rounded: Float32Array = np.where(near.astype(np.float64) > values, below, near)
    return rounded
