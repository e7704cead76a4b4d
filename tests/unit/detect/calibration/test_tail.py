"""Tail calibration: levels are those of the benign distribution, and the order is kept."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.calibration.tail import TailCalibration, fit_tail, severity
from iotscore.errors import ModelError, TrainingError

RNG = np.random.default_rng(0)

scores = st.lists(st.floats(0.0, 1e12), min_size=2, max_size=300).map(np.array)


@given(benign=scores, others=scores)
def test_order_is_kept(benign: np.ndarray, others: np.ndarray) -> None:
    """A higher score never has a lower level, and far apart ones never the same."""
    tail = fit_tail(benign)
    ordered = np.sort(others)
    levels = tail.normalise(ordered)
    assert np.isfinite(levels).all()
    assert (levels > 0.0).all()
    apart = np.diff(ordered) > 1e-6 * (1.0 + ordered[1:])
    assert (np.diff(levels) >= 0.0).all()
    assert (np.diff(levels)[apart] > 0.0).all()


@given(benign=scores, level=st.floats(1e-3, 30.0))
def test_a_threshold_is_the_inverse(benign: np.ndarray, level: float) -> None:
    """The score of a level has that level."""
    tail = fit_tail(benign)
    score = tail.score_at(level)
    if 0.0 <= score < 1e12:
        assert tail.normalise(np.array([score]))[0] == pytest.approx(level, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("share", [0.5, 0.2, 0.1, 0.05, 0.01])
def test_the_promised_share_is_flagged(share: float) -> None:
    """On other rows of the same distribution the flagged share is the promised one."""
    tail = fit_tail(RNG.lognormal(size=20_000))
    flagged = RNG.lognormal(size=200_000) > tail.score_at(-math.log(share))
    assert flagged.mean() == pytest.approx(share, rel=0.1)


def test_beyond_all_benign_scores_levels_go_on() -> None:
    """An exact power law goes on as such: ten times the score, a hundredth of the probability."""
    uniform = (np.arange(50_000) + 0.5) / 50_000
    tail = fit_tail(uniform**-0.5 * 10.0 - 0.1)
    far = np.array([1e4, 1e5, 1e6]) * 10.0 - 0.1
    assert np.diff(tail.normalise(far)) == pytest.approx(math.log(100.0), rel=0.05)


def test_equal_scores_calibrate() -> None:
    """Benign scores that are all the same leave a curve that rises above and below them."""
    tail = fit_tail(np.full(500, 3.0))
    low, same, high = tail.normalise(np.array([2.0, 3.0, 4.0]))
    assert low < same < high
    assert np.exp(-same) == pytest.approx(1.0, abs=0.002)
    assert np.exp(-high) < 0.1


def test_many_scores_need_few_knots() -> None:
    """However many rows calibrate, the stored curve is small and follows their distribution."""
    benign = RNG.lognormal(size=100_000)
    tail = fit_tail(benign)
    assert tail.knots_.size <= 513
    for share in (0.9, 0.5, 0.1, 0.02):
        score = np.quantile(benign, 1.0 - share)
        assert math.exp(-tail.normalise(np.array([score]))[0]) == pytest.approx(share, rel=0.03)


def test_arrays_rebuild_it_and_damage_is_refused() -> None:
    """What is stored gives the same levels; a curve that does not rise is refused."""
    tail = fit_tail(RNG.lognormal(size=300))
    rebuilt = TailCalibration.from_arrays(tail.to_arrays())
    values = RNG.lognormal(size=100)
    assert np.array_equal(rebuilt.normalise(values), tail.normalise(values))
    arrays = tail.to_arrays()
    wrong = (
        {"knots_": arrays["knots_"][::-1].copy()},
        {"levels_": arrays["levels_"] - 10.0},
        {"levels_": arrays["levels_"][1:]},
        {"rate_": np.zeros(1)},
    )
    for change in wrong:
        with pytest.raises(ModelError, match="does not rise"):
            TailCalibration.from_arrays({**arrays, **change})


def test_too_few_scores() -> None:
    """A single score is no distribution."""
    with pytest.raises(TrainingError, match="at least 2"):
        fit_tail(np.ones(1))


def test_severity_is_as_documented() -> None:
    """0 to 100 in the order of the levels: 50 at one in twenty, 82 at one in a million."""
    levels = -np.log(np.array([1.0 - 1e-12, 0.05, 1e-3, 1e-6, 1e-300]))
    found = severity(levels)
    assert found.round().tolist() == [0, 50, 70, 82, 100]
    assert (np.diff(found) > 0.0).all()
