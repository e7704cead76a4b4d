"""The isolation forest: scikit-learn's scores from flat arrays and a compiled kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest

from iotscore.detect.detectors._trees import Trees, average_path_length, round_down
from iotscore.detect.scaling import MinMaxScaler
from iotscore.errors import ConfigError, ModelError
from product import forest

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.detector import Float32Array

EULER_GAMMA = 0.5772156649015329


def test_average_path_length_at_hand_computed_points() -> None:
    """c(n) is 0, 0, 1 for n of 0, 1, 2, as in scikit-learn, and equation 1 of Liu et al. after."""
    assert [average_path_length(n) for n in (0, 1, 2)] == [0.0, 0.0, 1.0]
    assert average_path_length(3) == pytest.approx(2 * (math.log(2) + EULER_GAMMA) - 4 / 3)
    assert average_path_length(256) == pytest.approx(10.244770920116851)


@given(st.integers(0, 10**9))
def test_average_path_length_never_falls(n: int) -> None:
    """More rows are never shorter to search."""
    assert average_path_length(n) <= average_path_length(n + 1)


def stump() -> Trees:
    """Return one tree: x0 <= 0.5 ends in a leaf of 1 row, the rest splits on x1 at 2."""
    return Trees(
        feature=np.array([0, -1, 1, -1, -1], dtype=np.int32),
        threshold=np.array([0.5, 0.0, 2.0, 0.0, 0.0]),
        left=np.array([1, -1, 3, -1, -1], dtype=np.int32),
        right=np.array([2, -1, 4, -1, -1], dtype=np.int32),
        length=np.array([0.0, 1.0, 0.0, 2.0 + average_path_length(3), 2.0]),
        offsets=np.array([0, 5]),
        max_samples=5,
        n_features=2,
    )


def test_path_lengths_of_a_tree_drawn_by_hand() -> None:
    """Equal to the threshold goes left; a path is the leaf's depth plus c of its rows."""
    rows = np.array([[0.5, 9], [0.6, 2], [0.6, 2.1], [-1, -1]], dtype=np.float32)
    crowded = 2.0 + average_path_length(3)
    assert stump().path_lengths(rows).tolist() == [1.0, crowded, 2.0, 1.0]
    expected = 2.0 ** (-np.array([1.0, crowded, 2.0, 1.0]) / average_path_length(5))
    assert stump().scores(rows) == pytest.approx(expected, abs=1e-15)


@settings(max_examples=200)
@given(
    threshold=st.floats(-1e38, 1e38),
    steps=st.integers(-2, 2),
)
def test_rounded_thresholds_keep_every_comparison(threshold: float, steps: int) -> None:
    """For the float32 values next to a float64 threshold, rounding down decides as before."""
    x = np.float32(threshold)
    for _ in range(abs(steps)):
        x = np.nextafter(x, np.float32(math.copysign(np.inf, steps)))
    (rounded,) = round_down(np.array([threshold]))
    assert (x <= rounded) == (float(x) <= threshold)


@pytest.mark.parametrize("max_samples", ["auto", 2, 37, 5000])
def test_scores_are_minus_those_of_scikit_learn(max_samples: int | str) -> None:
    """Scores equal scikit-learn's to 1e-9 for shallow and deep trees, ties and outliers."""
    rng = np.random.default_rng(0)
    train = np.round(rng.normal(size=(1500, 6)), 1).astype(np.float32)
    rows = np.round(3 * rng.normal(size=(1003, 6)), 1).astype(np.float32)
    detector = forest(n_estimators=23, max_samples=max_samples, random_state=5)
    drawn = max_samples if max_samples == "auto" else min(max_samples, 1500)
    reference = IsolationForest(n_estimators=23, max_samples=drawn, random_state=5).fit(train)
    assert np.abs(detector.fit(train).score(rows) + reference.score_samples(rows)).max() < 1e-9


def test_scores_on_real_rows_are_minus_those_of_scikit_learn(
    real_rows: tuple[np.ndarray, np.ndarray],
) -> None:
    """On benign rows and attacks of the sample, scores equal scikit-learn's to 1e-9."""
    train, rows = real_rows
    scaler = MinMaxScaler("keep", 0.0).fit(train)
    scaled, scaled_rows = scaler.transform(train), scaler.transform(rows)
    reference = IsolationForest(contamination="auto", random_state=42).fit(scaled)
    scores = forest().fit(scaled).score(scaled_rows)
    assert np.abs(scores + reference.score_samples(scaled_rows)).max() < 1e-9


def damage(name: str, index: int, value: float) -> Callable[[], Trees]:
    """Return a function that rebuilds the stump with one value changed."""
    arrays = {key: array.copy() for key, array in stump().to_arrays().items()}
    arrays[name][index] = value
    return lambda: Trees.from_arrays(arrays)


@pytest.mark.parametrize(
    ("name", "index", "value"),
    [
        ("left", 2, 5),  # past the end
        ("right", 2, 2),  # itself: an endless walk
        ("right", 2, 3),  # the same child twice
        ("right", 0, -1),  # an inner node with one child
        ("feature", 0, 2),  # a column that is not there
        ("feature", 2, -1),
        ("offsets", 1, 4),  # nodes outside any tree
        ("offsets", 0, 1),
        ("shape", 0, 1),  # c(1) is 0: division by zero
        ("threshold", 0, np.nan),
        ("length", 1, np.inf),
    ],
)
def test_trees_that_could_not_be_walked_are_refused(name: str, index: int, value: float) -> None:
    """A damaged tree is an error before the kernel can read outside its memory."""
    assert Trees.from_arrays(stump().to_arrays()).n_trees == 1
    with pytest.raises(ModelError, match="damaged"):
        damage(name, index, value)()


@pytest.mark.parametrize("settings_", [{"n_estimators": 0}, {"max_samples": 1}])
def test_forest_settings_out_of_bounds_are_refused(settings_: dict[str, int]) -> None:
    """No trees, or trees of one row, name themselves."""
    with pytest.raises(ConfigError, match=next(iter(settings_))):
        forest(**settings_)


def test_max_samples_is_limited_to_the_rows(recwarn: pytest.WarningsRecorder) -> None:
    """Fewer rows than ``max_samples`` are no reason for a warning: every tree sees them all."""
    train: Float32Array = np.random.default_rng(0).random((40, 3)).astype(np.float32)
    fitted = forest(n_estimators=2, max_samples=100).fit(train)
    assert int(fitted.to_arrays()["shape"][0]) == 40
    assert not recwarn.list
