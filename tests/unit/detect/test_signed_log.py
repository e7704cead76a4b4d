"""Signed logarithm and standard units, beside scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.preprocessing import StandardScaler

from iotscore.detect.scaling import SignedLogScaler
from iotscore.errors import ConfigError, ModelError, TrainingError

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(700, 5)) * [1.0, 1e3, 1e6, 1e-3, 0.0]


def logs(rows: np.ndarray) -> np.ndarray:
    """Return signed logarithms by the formula."""
    return np.sign(rows) * np.log(1.0 + np.abs(rows))


def test_numbers_are_those_of_scikit_learn() -> None:
    """Standard units of the logarithms, rounded to float32; a constant column keeps its unit."""
    others = 3.0 * ROWS[::-1]
    found = SignedLogScaler(clip=100.0).fit(ROWS).transform(others)
    expected = StandardScaler().fit(logs(ROWS)).transform(logs(others))
    assert found.dtype == np.float32
    assert found.flags.c_contiguous
    assert np.allclose(found, expected, rtol=1e-5, atol=1e-6)


@given(arrays(np.float64, (3, 5), elements=st.floats(-1e300, 1e300)))
def test_any_finite_value_stays_within_the_limit(rows: np.ndarray) -> None:
    """Results are finite, within the limit, and rise with the value."""
    scaler = SignedLogScaler(clip=7.0).fit(ROWS)
    assert np.abs(scaler.transform(rows)).max() <= 7.0
    ordered = np.sort(rows, axis=0)
    assert (np.diff(scaler.transform(ordered), axis=0) >= 0.0).all()


def test_memory_layout_does_not_matter() -> None:
    """Rows in Fortran order give the same numbers to the last bit."""
    other = SignedLogScaler(10.0).fit(np.asfortranarray(ROWS))
    expected = SignedLogScaler(10.0).fit(ROWS)
    assert np.array_equal(other.mean_, expected.mean_)
    assert np.array_equal(other.scale_, expected.scale_)
    assert np.array_equal(other.transform(np.asfortranarray(ROWS)), expected.transform(ROWS))


def test_arrays_rebuild_it() -> None:
    """What is stored gives the same numbers; damaged arrays are refused."""
    scaler = SignedLogScaler(clip=3.0).fit(ROWS)
    rebuilt = SignedLogScaler.from_arrays(scaler.to_arrays(), scaler.parameters)
    assert np.array_equal(rebuilt.transform(ROWS), scaler.transform(ROWS))
    for wrong in ({"scale_": scaler.scale_[:3]}, {"scale_": 0.0 * scaler.scale_}):
        with pytest.raises(ModelError, match="above 0"):
            SignedLogScaler.from_arrays({**scaler.to_arrays(), **wrong}, scaler.parameters)


def test_faults_are_told() -> None:
    """Nothing fitted, no rows, another width, a senseless limit."""
    with pytest.raises(ModelError, match="not fitted"):
        SignedLogScaler(10.0).transform(ROWS)
    with pytest.raises(TrainingError, match="at least 1"):
        SignedLogScaler(10.0).fit(ROWS[:0])
    with pytest.raises(ModelError, match=r"4 columns.*5"):
        SignedLogScaler(10.0).fit(ROWS).transform(ROWS[:, :4])
    with pytest.raises(ConfigError, match="above 0"):
        SignedLogScaler(clip=0.0)
