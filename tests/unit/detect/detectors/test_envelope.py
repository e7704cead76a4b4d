"""The envelope: excesses outside benign ranges, against sums written out in NumPy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from iotscore.detect.detectors.envelope import Envelope, typical_range
from iotscore.errors import ConfigError, ModelError, TrainingError
from product import envelope
from rows_of_devices import DEVICES, OF_ROWS, ROWS, TRAIN

FITTED = envelope().fit(TRAIN, DEVICES)


def excesses(rows: np.ndarray, low: np.ndarray, high: np.ndarray, softness: float) -> np.ndarray:
    """Return the definition: distance to the range over its softened width, summed."""
    rows = rows.astype(np.float64)
    outside: np.ndarray = np.abs(rows - np.clip(rows, low, high))
    return (outside / (high - low + softness)).sum(axis=1)


def test_scores_computed_by_hand() -> None:
    """Inside 0; outside, the excess over width + softness; a constant column has width 0."""
    train = np.array([[0, 5], [2, 5], [1, 5]], dtype=np.float32)
    rows = np.array([[1, 5], [2, 5], [4, 5], [-3, 5], [1, 6], [4, 4]], dtype=np.float32)
    scores = envelope(softness=0.5).fit(train).score(rows)
    assert scores == pytest.approx([0.0, 0.0, 2 / 2.5, 3 / 2.5, 1 / 0.5, 2 / 2.5 + 1 / 0.5])


@settings(max_examples=60)
@given(
    train=arrays(np.float32, (6, 5), elements=st.floats(-10, 10, width=32)),
    rows=arrays(np.float32, (4, 5), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
    softness=st.floats(1e-6, 10),
)
def test_scores_of_any_rows_are_those_of_numpy(
    train: np.ndarray, rows: np.ndarray, softness: float
) -> None:
    """The range of fewer rows than ``rows`` is from the smallest to the largest value."""
    low, high = train.min(axis=0).astype(np.float64), train.max(axis=0).astype(np.float64)
    scores = envelope(softness=softness).fit(train).score(rows)
    assert np.isfinite(scores).all()
    assert scores == pytest.approx(excesses(rows, low, high, softness), rel=1e-12)


@pytest.mark.parametrize(("n_rows", "n_subsets"), [(900, 3), (4800, 16), (5100, 16), (60_000, 16)])
def test_the_range_is_the_median_of_those_of_interleaved_subsets(
    n_rows: int, n_subsets: int
) -> None:
    """Each n-th row from each start; with more than 16 subsets, from 16 starts spread evenly."""
    rows = np.random.default_rng(n_rows).normal(size=(n_rows, 3)).astype(np.float32)
    step = n_rows // 300
    starts = np.floor(np.linspace(0, step - 1, n_subsets) + 0.5).astype(int)
    subsets = np.stack([rows[start::step][:300] for start in starts]).astype(np.float64)
    assert subsets.shape == (n_subsets, 300, 3)
    low, high = typical_range(rows, 300)
    assert np.array_equal(low, np.median(subsets.min(axis=1), axis=0))
    assert np.array_equal(high, np.median(subsets.max(axis=1), axis=0))


def test_more_rows_do_not_widen_the_range() -> None:
    """A hundred times the rows leave the range where it was; the plain range would grow by half."""
    rows = np.random.default_rng(1).normal(size=(30_000, 50)).astype(np.float32)
    few, many = (np.subtract(*typical_range(part, 300)[::-1]).mean() for part in (rows[:300], rows))
    assert many == pytest.approx(few, rel=0.02)
    assert np.ptp(rows, axis=0).mean() > 1.3 * few


@pytest.mark.parametrize("n_rows", [301, 449])
def test_a_subset_is_drawn_from_the_whole_time(n_rows: int) -> None:
    """One subset of 300 of 449 rows reaches from the first to the last."""
    rows = np.arange(n_rows, dtype=np.float32)[:, np.newaxis]
    low, high = typical_range(rows, 300)
    assert (low.item(), high.item()) == (0.0, n_rows - 1)


@pytest.mark.parametrize("number", [4, 0, 9])
def test_each_device_has_its_own_ranges(number: int) -> None:
    """Devices of 50 rows or more are compared with what they did themselves."""
    low, high = typical_range(TRAIN[number == DEVICES], 300)
    mine = number == OF_ROWS
    expected = excesses(ROWS[mine], low, high, 0.3)
    assert FITTED.score(ROWS, OF_ROWS)[mine] == pytest.approx(expected, rel=1e-12)


def test_rows_without_a_device_are_compared_with_the_pooled_ranges() -> None:
    """The pooled ranges are those of all rows, whatever device they are of."""
    expected = excesses(ROWS, *typical_range(TRAIN, 300), 0.3)
    assert FITTED.score(ROWS) == pytest.approx(expected, rel=1e-12)


def test_rebuilt_ranges_score_alike() -> None:
    """Arrays carry every device's ranges; each has one or two axes."""
    arrays = FITTED.to_arrays()
    kinds = {name: (array.dtype.name, array.ndim) for name, array in arrays.items()}
    assert kinds == {"devices": ("int64", 1), "low": ("float64", 2), "high": ("float64", 2)}
    rebuilt = Envelope.from_arrays(arrays, FITTED.parameters)
    assert np.array_equal(rebuilt.score(ROWS, OF_ROWS), FITTED.score(ROWS, OF_ROWS))


def test_extreme_ranges_have_finite_scores() -> None:
    """Ranges from -1e30 to 1e30 are fitted and scored like any other."""
    train = np.where(TRAIN > 0, np.float32(1e30), np.float32(-1e30))
    fitted = envelope(softness=1e-6).fit(train[:1], np.array([4]))
    assert np.isfinite(fitted.score(-train)).all()
    assert envelope().fit(train, DEVICES).score(-train).max() == 0.0


def test_one_row_is_enough_and_none_is_not() -> None:
    """The message counts the rows."""
    assert envelope().fit(TRAIN[:1]).score(TRAIN[:1]).tolist() == [0.0]
    with pytest.raises(TrainingError, match=r"\(0, 13\).*at least 1"):
        envelope().fit(TRAIN[:0])


@pytest.mark.parametrize("name", ["devices", "low", "high"])
def test_arrays_that_do_not_fit_together_are_refused(name: str) -> None:
    """A part less, and ranges that end before they start."""
    arrays = FITTED.to_arrays()
    with pytest.raises(ModelError, match="shapes"):
        Envelope.from_arrays(arrays | {name: arrays[name][:-1]}, FITTED.parameters)
    with pytest.raises(ModelError, match="ends before it starts"):
        Envelope.from_arrays(arrays | {"high": arrays["low"] - 1.0}, FITTED.parameters)


@pytest.mark.parametrize(
    "wrong", [{"rows": 0}, {"softness": 0.0}, {"softness": float("nan")}, {"least_rows": 0}]
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    """Each names itself."""
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        envelope(**wrong)
