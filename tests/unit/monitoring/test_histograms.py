"""Histograms: counts that add up, and the benign reference they are compared with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from iotscore.detect.reference_quantiles import SHARES, fit_reference
from iotscore.monitoring.bins import (
    ABOVE,
    BELOW,
    LEVELS,
    N_BINS,
    FeatureBins,
    bins_of,
    coarse,
    expected_shares,
)
from iotscore.monitoring.histograms import Histograms, count_records

ROWS = hnp.arrays(
    np.float64,
    st.tuples(st.integers(1, 60), st.just(3)),
    elements=st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.0, 2.0]),
)


def learned(seed: int = 1, rows: int = 2000) -> FeatureBins:
    """Return bins of a smooth, a skewed and a mostly constant feature."""
    rng = np.random.default_rng(seed)
    smooth, skewed = rng.normal(5.0, 2.0, rows), rng.gamma(1.0, 100.0, rows)
    constant = np.where(rng.random(rows) < 0.52, 0.0, 1.0)
    reference = fit_reference(np.column_stack([smooth, skewed, constant]), np.full(rows, 7))
    found = bins_of(reference, 7)
    assert found is not None
    return found


BINS = learned()


def counted(X: np.ndarray, seed: int = 0) -> Histograms:
    """Return the histograms of rows with made-up levels and flags."""
    rng = np.random.default_rng(seed)
    levels = rng.exponential(1.0, len(X))
    return count_records(np.asfortranarray(X), levels, levels > 3.0, BINS)


@given(X=ROWS)
def test_counts_are_those_of_a_plain_search(X: np.ndarray) -> None:
    """Each value lies in the bin whose number is how many edges are smaller."""
    levels = np.linspace(0.0, 20.0, len(X))
    found = count_records(X, levels, np.zeros(len(X), dtype=bool), BINS)
    for feature in range(3):
        bins = (BINS.edges[feature][np.newaxis] < X[:, [feature]]).sum(axis=1)
        expected = np.bincount(bins, minlength=N_BINS)
        assert found.features[0, feature].tolist() == expected.tolist()
    assert not found.features[1].any()
    assert found.levels[0].tolist() == np.histogram(levels, [-1.0, *LEVELS, 99.0])[0].tolist()


@given(X=ROWS, cut=st.integers(0, 60), seed=st.integers(0, 99))
def test_histograms_of_parts_add_up_to_the_whole(X: np.ndarray, cut: int, seed: int) -> None:
    """In whatever order records come, and however they are shared out."""
    rng = np.random.default_rng(seed)
    levels = rng.exponential(2.0, len(X))
    flags = levels > 3.0
    order = rng.permutation(len(X))
    whole = count_records(X, levels, flags, BINS)
    first, rest = order[:cut], order[cut:]
    parts = [count_records(X[part], levels[part], flags[part], BINS) for part in (first, rest)]
    for merged in (parts[0] + parts[1], parts[1] + parts[0]):
        assert merged.to_bytes() == whole.to_bytes()
    assert whole.levels.sum(axis=1).tolist() == [int((~flags).sum()), int(flags.sum())]
    assert Histograms.from_bytes(whole.to_bytes()).to_bytes() == whole.to_bytes()


def test_an_unknown_device_is_counted_by_level_only() -> None:
    """Another device's quantiles say nothing about it."""
    reference = fit_reference(np.ones((60, 3)), np.full(60, 7))
    assert bins_of(reference, 8) is None
    assert bins_of(reference, -1) is None
    found = count_records(np.ones((4, 3)), np.ones(4), np.zeros(4, dtype=bool), None)
    assert (found.levels.sum(), found.features.size) == (4, 0)
    again = Histograms.from_bytes(found.to_bytes())
    assert (again + found).levels.sum() == 8


def test_the_benign_range_holds_its_ends() -> None:
    """A value at the 1 % or 99 % quantile is inside; one beyond it by more than nothing is not."""
    low, high = (BINS.quantiles[SHARES.index(share), 0] for share in (0.01, 0.99))
    values = np.array([low, high, low - 0.1, high + 0.1])
    bins = (BINS.edges[0][np.newaxis] < values[:, np.newaxis]).sum(axis=1)
    assert [bool(BELOW <= one < ABOVE) for one in bins] == [True, True, False, False]


def test_noise_of_the_arithmetic_is_one_value() -> None:
    """Quantiles of a variance that is 0 up to rounding are one edge with room around it."""
    rng = np.random.default_rng(3)
    values = np.where(rng.random(1000) < 0.9, rng.random(1000) * 1e-13, 500.0)
    bins = bins_of(fit_reference(values[:, np.newaxis], np.zeros(1000, dtype=np.int64)), 0)
    assert bins is not None
    again = np.where(rng.random(1000) < 0.9, rng.random(1000) * 9e-13, 500.0)[:, np.newaxis]
    found = count_records(again, np.ones(1000), np.zeros(1000, dtype=bool), bins).features[0]
    shares = coarse(found) / 1000
    assert np.abs(shares - expected_shares(bins, shares)).max() == pytest.approx(0.0, abs=0.02)


def test_expected_shares_are_those_of_the_records_learned() -> None:
    """Of the records that gave the quantiles each bin holds what is expected, ties included."""
    rng = np.random.default_rng(1)
    smooth, skewed = rng.normal(5.0, 2.0, 2000), rng.gamma(1.0, 100.0, 2000)
    constant = np.where(rng.random(2000) < 0.52, 0.0, 1.0)
    X = np.column_stack([smooth, skewed, constant])
    observed = coarse(count_records(X, np.ones(2000), np.zeros(2000, dtype=bool), BINS).features[0])
    shares = observed / 2000
    expected = expected_shares(BINS, shares)
    assert expected.sum(axis=1) == pytest.approx(1.0)
    assert np.abs(shares - expected).max() < 0.003
    assert expected[0, 1:-1] == pytest.approx(0.05)
