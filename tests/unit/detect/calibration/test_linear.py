"""Normalisation of scores and their fusion."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.calibration.fusion import check_weights, fuse
from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.errors import ConfigError, ModelError


def test_bounds_map_to_zero_and_one() -> None:
    """The lower bound becomes 0, the upper 1, and nothing is limited."""
    found = ScoreCalibration(50.0, 90.0).normalise(np.array([50.0, 70.0, 90.0, 130.0, 10.0]))
    assert found.tolist() == [0.0, 0.5, 1.0, 2.0, -1.0]


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.lists(st.floats(-1e9, 1e9), min_size=1))
def test_normalising_keeps_the_order(one: float, two: float, values: list[float]) -> None:
    """Whatever the range, also an empty or tiny one: a higher score is never normalised lower."""
    calibration = ScoreCalibration(min(one, two), max(one, two))
    found = calibration.normalise(np.sort(values))
    assert np.isfinite(found).all()
    assert (np.diff(found) >= 0).all()


def test_a_range_of_zero_counts_as_one() -> None:
    """Equal calibration scores leave the distance from them, not infinity."""
    calibration = ScoreCalibration(0.25, 0.25)
    assert calibration.normalise(np.array([0.25, 0.75])).tolist() == [0.0, 0.5]


def test_calibration_refuses_what_it_cannot_use() -> None:
    """Bounds that are no range are refused."""
    for low, high in ((1.0, 0.0), (float("nan"), 1.0), (0.0, float("inf"))):
        with pytest.raises(ModelError, match="must be finite"):
            ScoreCalibration(low, high)


def test_fusion_is_the_weighted_sum() -> None:
    """0.6 of one and 0.4 of the other; an array without a weight is left out."""
    norms = {"lstm": np.array([1.0, 0.0]), "iforest": np.array([0.5, 1.0]), "other": np.ones(2)}
    fused = fuse(norms, {"lstm": 0.6, "iforest": 0.4})
    assert fused == pytest.approx([0.8, 0.4])


@pytest.mark.parametrize(
    "weights",
    [{"a": 0.5, "b": 0.4}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}, {}],
)
def test_weights_must_be_positive_and_sum_to_one(weights: dict[str, float]) -> None:
    """The message holds the weights found."""
    with pytest.raises(ConfigError, match="sum to 1"):
        check_weights(weights)


def test_every_detector_needs_one_weight() -> None:
    """Missing and superfluous weights are told with both lists."""
    check_weights({"a": 0.1, "b": 0.2, "c": 0.7}, ["a", "b", "c"])
    with pytest.raises(ConfigError, match=r"\['a'\].*\['a', 'b'\]"):
        check_weights({"a": 1.0}, ["a", "b"])
    with pytest.raises(ModelError, match=r"missing: \['b'\]"):
        fuse({"a": np.ones(1)}, {"a": 0.5, "b": 0.5})
