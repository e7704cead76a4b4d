"""Shapley values of path lengths: brute force over coalitions, shap, additivity, independence."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations
from math import comb
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from iotscore.detect.detectors._tree_shap import path_length_attributions
from iotscore.detect.detectors._trees import Trees, average_path_length, flatten
from iotscore.detect.scaling import MinMaxScaler
from iotscore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iotscore.detect.detector import Float32Array, FloatArray


def made_rows(rows: int, columns: int, seed: int, scale: float = 1.0) -> Float32Array:
    """Return rounded normal rows: values tie, and some are on a threshold's very edge."""
    rng = np.random.default_rng(seed)
    return np.round(scale * rng.normal(size=(rows, columns)), 1).astype(np.float32)


def forest_of(train: Float32Array, trees: int, max_samples: int, seed: int = 0) -> IsolationForest:
    """Return a fitted forest of scikit-learn's."""
    drawn = min(max_samples, len(train))
    return IsolationForest(n_estimators=trees, max_samples=drawn, random_state=seed).fit(train)


def expected_length(tree: Any, row: Float32Array, known: set[int], node: int, depth: int) -> float:  # noqa: ANN401 scikit-learn has no types
    """Return what a coalition of features is paid, straight from its definition."""
    left, right = tree.children_left[node], tree.children_right[node]
    if left < 0:
        return depth + average_path_length(int(tree.n_node_samples[node]))
    feature = tree.feature[node]
    if feature in known:
        child = left if row[feature] <= tree.threshold[node] else right
        return expected_length(tree, row, known, child, depth + 1)
    both = sum(
        tree.n_node_samples[child] * expected_length(tree, row, known, child, depth + 1)
        for child in (left, right)
    )
    return float(both / tree.n_node_samples[node])


def coalitions(players: Iterable[int]) -> list[tuple[int, ...]]:
    """Return all subsets."""
    all_of = tuple(players)
    return [each for size in range(len(all_of) + 1) for each in combinations(all_of, size)]


def shapley(tree: Any, row: Float32Array) -> FloatArray:  # noqa: ANN401 scikit-learn has no types
    """Return Shapley values as he defined them: the mean gain over all orders of the features."""
    players = range(row.size)
    paid = {each: expected_length(tree, row, set(each), 0, 0) for each in coalitions(players)}
    values = np.zeros(row.size)
    for player in players:
        for others in coalitions(set(players) - {player}):
            weight = 1.0 / (row.size * comb(row.size - 1, len(others)))
            values[player] += weight * (paid[tuple(sorted((*others, player)))] - paid[others])
    return values


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    columns=st.integers(1, 5),
    max_samples=st.integers(2, 60),
)
def test_brute_force_over_all_coalitions(seed: int, columns: int, max_samples: int) -> None:
    """With few features, paths ask about the same one again and again; every value is exact."""
    train = made_rows(80, columns, seed)
    forest = forest_of(train, 2, max_samples, seed)
    rows = made_rows(4, columns, seed + 1, scale=2.0)
    base, values = path_length_attributions(flatten(forest), rows)
    trees = [estimator.tree_ for estimator in forest.estimators_]
    for row, found in zip(rows, values, strict=True):
        expected = np.mean([shapley(tree, row) for tree in trees], axis=0)
        assert np.abs(found - expected).max() < 1e-11
    nobody = [expected_length(tree, rows[0], set(), 0, 0) for tree in trees]
    assert base == pytest.approx(np.mean(nobody), abs=1e-11)


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**32 - 1),
    columns=st.integers(1, 30),
    max_samples=st.integers(2, 400),
    n_rows=st.integers(0, 150),
)
def test_values_add_up_and_unused_features_have_none(
    seed: int, columns: int, max_samples: int, n_rows: int
) -> None:
    """Base and values sum to the mean path length; what no tree asks about has exactly 0."""
    trees = flatten(forest_of(made_rows(400, columns, seed), 3, max_samples, seed))
    rows = made_rows(n_rows, columns, seed + 1, scale=3.0)
    base, values = path_length_attributions(trees, rows)
    assert values.shape == (n_rows, columns)
    total = base + values.sum(axis=1)
    assert np.abs(total - trees.path_lengths(rows) / trees.n_trees).max(initial=0.0) < 1e-11
    unused = sorted(set(range(columns)) - set(trees.feature.tolist()))
    assert (values[:, unused] == 0.0).all()


@pytest.mark.parametrize(("max_samples", "n_rows"), [(256, 40), (1500, 10)])
def test_values_are_those_of_shap(max_samples: int, n_rows: int) -> None:
    """The established implementation says the same of every feature, for deep trees too."""
    import shap

    forest = forest_of(made_rows(1500, 115, 1), 30, max_samples)
    rows = made_rows(n_rows, 115, 2, scale=2.0)
    explainer = shap.TreeExplainer(forest)
    base, values = path_length_attributions(flatten(forest), rows)
    assert base == pytest.approx(float(explainer.expected_value[0]), abs=1e-9)
    assert np.abs(values - explainer.shap_values(rows)).max() < 1e-9


def test_values_on_real_rows_are_those_of_shap(real_rows: tuple[np.ndarray, np.ndarray]) -> None:
    """So it is on benign records and attacks of the sample, with the default forest."""
    import shap

    train, rows = real_rows
    scaler = MinMaxScaler("keep", 0.0).fit(train)
    forest = forest_of(scaler.transform(train), 100, 256, seed=42)
    scaled = scaler.transform(rows[::40])
    _, values = path_length_attributions(flatten(forest), scaled)
    assert np.abs(values - shap.TreeExplainer(forest).shap_values(scaled)).max() < 1e-9


@pytest.fixture(scope="module")
def some_trees() -> Trees:
    """Return trees that ask about the same features often."""
    return flatten(forest_of(made_rows(500, 9, 3), 10, 256))


@settings(max_examples=20)
@given(data=st.data(), n_rows=st.integers(1, 200))
def test_a_row_does_not_depend_on_others(
    some_trees: Trees, data: st.DataObject, n_rows: int
) -> None:
    """Alone or among others, first or last in a block: the same bits."""
    rows = made_rows(n_rows, 9, n_rows, scale=2.0)
    _, together = path_length_attributions(some_trees, rows)
    at = data.draw(st.integers(0, n_rows - 1))
    order = np.array(data.draw(st.permutations(range(n_rows))))
    _, alone = path_length_attributions(some_trees, rows[at : at + 1])
    _, mixed = path_length_attributions(some_trees, np.asfortranarray(rows[order]))
    assert alone.tobytes() == together[at : at + 1].tobytes()
    assert mixed.tobytes() == together[order].tobytes()


def test_rows_beyond_the_first_blocks(some_trees: Trees) -> None:
    """So it is with more rows than take the trees together."""
    rows = made_rows(1200, 9, 4, scale=2.0)
    _, together = path_length_attributions(some_trees, rows)
    _, last = path_length_attributions(some_trees, rows[1000:])
    assert together[1000:].tobytes() == last.tobytes()


def test_a_tree_drawn_by_hand() -> None:
    """Five training rows: one at x0 <= 0.5, else three at x1 <= 2 and one beyond."""
    two_deep_three_rows = 2.0 + average_path_length(3)
    trees = Trees(
        feature=np.array([0, -1, 1, -1, -1], dtype=np.int32),
        threshold=np.array([0.5, 0.0, 2.0, 0.0, 0.0]),
        left=np.array([1, -1, 3, -1, -1], dtype=np.int32),
        right=np.array([2, -1, 4, -1, -1], dtype=np.int32),
        length=np.array([0.0, 1.0, 0.0, two_deep_three_rows, 2.0]),
        offsets=np.array([0, 5]),
        max_samples=5,
        n_features=2,
    )
    rows = np.array([[0.6, 2.1], [0.5, 2.0]], dtype=np.float32)  # the second on both thresholds
    base, values = path_length_attributions(trees, rows)
    crowd = two_deep_three_rows
    nobody = (1.0 + 3.0 * crowd + 2.0) / 5.0
    assert base == pytest.approx(nobody)
    paid = [  # x0 alone, x1 alone, both
        ((3.0 * crowd + 2.0) / 4.0, (1.0 + 4.0 * 2.0) / 5.0, 2.0),
        (1.0, (1.0 + 4.0 * crowd) / 5.0, 1.0),
    ]
    for found, (first, second, both) in zip(values, paid, strict=True):
        expected = [(first - nobody + both - second) / 2.0, (second - nobody + both - first) / 2.0]
        assert found == pytest.approx(expected, abs=1e-12)


def test_trees_without_a_split() -> None:
    """Equal training rows are never split: every path is c(rows), and no feature is to blame."""
    trees = flatten(forest_of(np.ones((20, 3), dtype=np.float32), 4, 20))
    base, values = path_length_attributions(trees, made_rows(5, 3, 0))
    assert base == pytest.approx(average_path_length(20))
    assert (values == 0.0).all()


def test_what_does_not_fit_is_refused(some_trees: Trees) -> None:
    """Other columns, and a leaf whose length says no number of rows, are told."""
    with pytest.raises(ModelError, match="needs 9 columns"):
        path_length_attributions(some_trees, made_rows(2, 8, 0))
    length = some_trees.length.copy()
    length[np.flatnonzero(some_trees.left < 0)[3]] += 0.01
    with pytest.raises(ModelError, match="damaged \\(1 leaves have a length"):
        path_length_attributions(replace(some_trees, length=length), made_rows(2, 9, 0))
