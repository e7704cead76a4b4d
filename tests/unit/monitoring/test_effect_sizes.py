"""Effect sizes against plain NumPy, and what they are worth on samples of known distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.reference_quantiles import fit_reference
from iotscore.monitoring.bins import LEVELS, N_COARSE, FeatureBins, bins_of
from iotscore.monitoring.effect_sizes import (
    FLOOR,
    feature_psi,
    level_excess,
    median_shift,
    noise,
    psi,
    share_outside,
    step_psi,
)
from iotscore.monitoring.histograms import count_records

COUNTS = st.lists(st.integers(0, 500), min_size=5, max_size=5).filter(sum)


def learned(values: np.ndarray) -> FeatureBins:
    """Return the bins of one feature."""
    found = bins_of(fit_reference(values[:, np.newaxis], np.zeros(values.size, dtype=int)), 0)
    assert found is not None
    return found


def counts(values: np.ndarray, bins: FeatureBins) -> np.ndarray:
    """Return how many values lie in each bin."""
    none = np.zeros(values.size)
    return count_records(values[:, np.newaxis], none, none.astype(bool), bins).features[0]


@given(a=COUNTS, b=COUNTS)
def test_the_index_is_the_sum_that_it_is_defined_as(a: list[int], b: list[int]) -> None:
    """Equal to a plain loop, symmetric, 0 for equal shares and never negative."""
    o, e = np.array(a) / sum(a), np.array(b) / sum(b)
    plain = 0.0
    for one, other in zip(o, e, strict=True):
        x, y = max(one, FLOOR), max(other, FLOOR)
        plain += (x - y) * math.log(x / y)
    assert psi(o, e) == pytest.approx(plain, abs=1e-12)
    assert psi(o, e) == pytest.approx(psi(e, o), abs=1e-12)
    assert psi(o, e) >= 0.0
    assert psi(o, o) == 0.0


def test_the_index_of_one_distribution_is_its_noise() -> None:
    """The mean over samples is what the formula says; a third as much again at the most."""
    rng = np.random.default_rng(5)
    found = []
    for _ in range(60):
        bins = learned(rng.normal(size=1000))
        found.append(feature_psi(counts(rng.normal(size=800), bins), bins)[0])
    assert np.mean(found) == pytest.approx(noise(N_COARSE, 1000, 800), rel=0.33)
    assert noise(11, 100, 50) == pytest.approx(10 * 0.03)


def test_a_vanished_bin_alone_is_no_large_change() -> None:
    """Flags cut off the highest 5 % of a feature; what is left has hardly moved."""
    values = np.random.default_rng(6).normal(size=20_000)
    bins = learned(values)
    kept = values[values <= np.quantile(values, 0.95)]
    assert 0.05 < feature_psi(counts(kept, bins), bins)[0] < 0.15


@pytest.mark.parametrize("moved", [-0.5, 0.25, 1.0])
def test_shifts_are_measured_in_benign_spreads(moved: float) -> None:
    """All values moved by a part of the spread, and so did the median; the step says the same."""
    values = np.random.default_rng(7).uniform(0.0, 10.0, 20_000)
    bins = learned(values)
    before = counts(values, bins)
    after = counts(values + moved * bins.spreads[0], bins)
    limit = 1.0 / 1.8
    expected = np.clip(moved, -limit, limit)  # the median of a uniform one, at an end of its range
    assert median_shift(after, bins)[0] == pytest.approx(expected, abs=0.01)
    assert feature_psi(after, bins)[0] > 0.25
    assert step_psi(after, before)[0] == pytest.approx(feature_psi(after, bins)[0], rel=0.02)
    outside = np.mean(
        (values + moved * bins.spreads[0] > np.quantile(values, 0.99))
        | (values + moved * bins.spreads[0] < np.quantile(values, 0.01))
    )
    assert share_outside(after)[0] == pytest.approx(outside, abs=0.002)


def test_a_constant_feature_has_no_shift() -> None:
    """There is no spread to measure it in; the index shows that it moved."""
    bins = learned(np.full(100, 3.0))
    assert feature_psi(counts(np.full(200, 3.0), bins), bins)[0] == 0.0
    moved = counts(np.full(200, 4.0), bins)
    assert np.isnan(median_shift(moved, bins)[0])
    assert feature_psi(moved, bins)[0] > 4.0
    assert share_outside(moved)[0] == 1.0


def test_levels_are_compared_with_their_promise() -> None:
    """Levels are exponential by design; lower ones are no fault, more high ones are."""
    rng = np.random.default_rng(8)
    levels = rng.exponential(1.0, 200_000)

    def excess(some: np.ndarray, threshold: float = np.inf) -> float:
        kept = some[some <= threshold]
        bin_of = np.searchsorted(LEVELS, kept, side="left")
        return level_excess(np.bincount(bin_of, minlength=len(LEVELS) + 1), threshold)

    assert excess(levels) < 0.001
    assert excess(levels, 3.1) < 0.001
    assert excess(0.5 * levels) < 0.05
    assert excess(2.0 * levels) == pytest.approx(0.28, abs=0.01)
    assert excess(2.0 * levels, 3.1) == pytest.approx(0.09, abs=0.01)
