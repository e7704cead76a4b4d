"""The benign reference: quantiles per device, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.reference_quantiles import LEAST_ROWS, SHARES, BenignReference, fit_reference
from iotscore.errors import ModelError, TrainingError

ROWS = np.random.default_rng(0).lognormal(0.0, 2.0, (400, 6))
DEVICES = np.repeat([3, 5, 9], [200, 180, 20])


def test_quantiles_are_numpys_of_each_device() -> None:
    """A device with enough rows has its own quantiles, another one those of all rows."""
    fitted = fit_reference(ROWS, DEVICES)
    assert fitted.devices.tolist() == [-1, 3, 5]
    assert fitted.counts.tolist() == [400, 200, 180]
    for device, rows in ((3, ROWS[:200]), (5, ROWS[200:380]), (9, ROWS), (77, ROWS)):
        assert np.array_equal(fitted.of_device(device), np.quantile(rows, SHARES, axis=0))


def test_ranges_are_the_ends_of_98_percent() -> None:
    """Each row gets the 1 % and 99 % quantiles of its device."""
    low, high = fit_reference(ROWS, DEVICES).ranges(np.array([5, 3, -1]), 3)
    for position, rows in enumerate((ROWS[200:380], ROWS[:200], ROWS)):
        assert np.array_equal(low[position], np.quantile(rows, 0.01, axis=0))
        assert np.array_equal(high[position], np.quantile(rows, 0.99, axis=0))
    unknown, _ = fit_reference(ROWS).ranges(None, 2)
    assert np.array_equal(unknown, np.tile(np.quantile(ROWS, 0.01, axis=0), (2, 1)))


@given(st.integers(1, LEAST_ROWS + 5), st.floats(-1e300, 1e300))
def test_quantiles_never_fall(n_rows: int, value: float) -> None:
    """Even equal values, which interpolation may round, give rising quantiles."""
    rows = np.full((n_rows, 2), value)
    rows[0, 1] = value / 3.0
    assert (np.diff(fit_reference(rows).of_device(-1), axis=0) >= 0.0).all()


def test_arrays_rebuild_the_reference() -> None:
    """What is stored comes back."""
    fitted = fit_reference(ROWS, DEVICES)
    again = BenignReference.from_arrays(fitted.to_arrays())
    assert all(np.array_equal(again.to_arrays()[k], v) for k, v in fitted.to_arrays().items())


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"counts": np.array([1, 2])}, "shapes"),
        ({"counts": np.array([400, 0, 180])}, "no rows"),
        ({"devices": np.array([0, 3, 5])}, "should be -1"),
    ],
)
def test_damaged_arrays_are_refused(change: dict[str, np.ndarray], fault: str) -> None:
    """Arrays that do not belong together name what is wrong."""
    with pytest.raises(ModelError, match=fault):
        BenignReference.from_arrays(fit_reference(ROWS, DEVICES).to_arrays() | change)


def test_falling_quantiles_are_refused() -> None:
    """A quantile below a smaller one cannot be."""
    arrays = fit_reference(ROWS, DEVICES).to_arrays()
    with pytest.raises(ModelError, match="below a smaller one"):
        BenignReference.from_arrays(arrays | {"quantiles": arrays["quantiles"][::-1]})


def test_no_rows_are_refused() -> None:
    """Nothing can be described without a row."""
    with pytest.raises(TrainingError, match="at least 1"):
        fit_reference(ROWS[:0])
