"""Thresholds from benign scores and the definition of a flag."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.calibration.threshold import benign_quantile, flag, share_above
from iotscore.errors import ConfigError, TrainingError


def test_a_score_equal_to_the_threshold_is_not_flagged() -> None:
    """A flag is ``score > threshold``, strictly."""
    assert flag(np.array([0.9, 1.0, 1.1]), 1.0).tolist() == [False, False, True]


def test_threshold_at_hand_computed_quantiles() -> None:
    """Of 10 scores, 90 % do not exceed the ninth; all do not exceed the tenth."""
    scores = np.arange(1.0, 11.0)
    assert [benign_quantile(scores, q) for q in (0.0, 0.9, 0.95, 1.0)] == [1.0, 9.0, 10.0, 10.0]
    assert share_above(scores, 9.0) == 0.1


@given(
    st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0]), min_size=1, max_size=60),
    st.integers(0, 1000),
)
def test_flagged_share_keeps_the_promise(values: list[float], permille: int) -> None:
    """On the same scores, at most 1 - quantile is flagged, ties or not, and no lower score does."""
    scores, quantile = np.array(values), permille / 1000
    threshold = benign_quantile(scores, quantile)
    assert threshold in scores
    assert share_above(scores, threshold) <= 1 - quantile + 1e-12
    if threshold > scores.min():
        lower = scores[scores < threshold].max()
        assert share_above(scores, lower) > 1 - quantile - 1e-12


def test_threshold_refuses_what_it_cannot_use() -> None:
    """No scores and an impossible quantile each have their own error."""
    with pytest.raises(TrainingError, match="no benign score"):
        benign_quantile(np.empty(0), 0.9)
    with pytest.raises(TrainingError, match="no benign score"):
        share_above(np.empty(0), 0.9)
    with pytest.raises(ConfigError, match=r"1\.5"):
        benign_quantile(np.ones(3), 1.5)
