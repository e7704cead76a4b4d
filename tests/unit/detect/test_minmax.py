"""Min-max scaling: scikit-learn's numbers, and a finite answer to any finite input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn import preprocessing

from iotscore.detect.scaling import LARGEST, MinMaxScaler
from iotscore.errors import ConfigError, ModelError, TrainingError

TABLE = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 8), st.just(3)),
    elements=st.floats(-1e6, 1e6, allow_subnormal=True),
)
ANY_FINITE = hnp.arrays(
    np.float64, (4, 3), elements=st.floats(allow_nan=False, allow_infinity=False)
)


@given(train=TABLE, other=TABLE)
def test_numbers_are_those_of_scikit_learn(train: np.ndarray, other: np.ndarray) -> None:
    """Inside and outside the fitted range, the float32 results are equal bit for bit."""
    reference = preprocessing.MinMaxScaler().fit(train)
    expected = np.clip(reference.transform(other), -LARGEST, LARGEST).astype(np.float32)
    assert np.array_equal(MinMaxScaler("keep", 0.0).fit(train).transform(other), expected)


def test_hand_computed_values() -> None:
    """A range of 4 divides by 4; a constant column maps to x - minimum."""
    scaler = MinMaxScaler("keep", 0.0).fit(np.array([[2.0, 7.0], [6.0, 7.0]]))
    scaled = scaler.transform(np.array([[2.0, 7.0], [5.0, 9.5], [10.0, 6.0]]))
    assert scaled.tolist() == [[0.0, 0.0], [0.75, 2.5], [2.0, -1.0]]
    assert scaled.dtype == np.float32
    assert scaled.flags.c_contiguous


def test_clip_limits_both_sides_by_the_margin() -> None:
    """Under "clip" nothing is further outside [0, 1] than the margin."""
    scaler = MinMaxScaler("clip", clip_margin=0.5).fit(np.array([[0.0], [2.0]]))
    scaled = scaler.transform(np.array([[-9.0], [-0.5], [1.0], [2.5], [9.0]]))
    assert scaled.ravel().tolist() == [-0.5, -0.25, 0.5, 1.25, 1.5]


@given(train=ANY_FINITE, other=ANY_FINITE)
def test_any_finite_input_gives_a_finite_result(train: np.ndarray, other: np.ndarray) -> None:
    """Values that would overflow float32, or float64 on the way, are limited to +-1e30."""
    scaled = MinMaxScaler("keep", 0.0).fit(train).transform(other)
    assert np.isfinite(scaled).all()
    assert (np.abs(scaled) <= np.float32(LARGEST)).all()


def test_blocks_do_not_show() -> None:
    """More rows than a block holds give the rows' own values, and the input stays as it was."""
    rows = np.random.default_rng(0).random((1300, 5))
    before = rows.copy()
    scaler = MinMaxScaler("keep", 0.0).fit(rows)
    whole = scaler.transform(rows)
    assert np.array_equal(whole, np.concatenate([scaler.transform(row[None]) for row in rows]))
    assert np.array_equal(rows, before)


def test_wrong_width_unfitted_and_empty_are_refused() -> None:
    """Each misuse has its own error with the numbers in it."""
    scaler = MinMaxScaler("keep", 0.0).fit(np.zeros((2, 3)))
    with pytest.raises(ModelError, match=r"4 columns.*needs 3"):
        scaler.transform(np.zeros((1, 4)))
    with pytest.raises(ModelError, match="not fitted"):
        MinMaxScaler("keep", 0.0).transform(np.zeros((1, 4)))
    with pytest.raises(TrainingError, match="at least 1"):
        MinMaxScaler("keep", 0.0).fit(np.empty((0, 3)))


@pytest.mark.parametrize(
    "settings_",
    [{"out_of_range": "drop"}, {"clip_margin": -0.1}, {"clip_margin": float("nan")}],
)
def test_settings_out_of_bounds_are_refused(settings_: dict[str, object]) -> None:
    """An unknown policy or a negative margin names itself."""
    with pytest.raises(ConfigError, match=next(iter(settings_))):
        MinMaxScaler(**{"out_of_range": "keep", "clip_margin": 0.0, **settings_})
