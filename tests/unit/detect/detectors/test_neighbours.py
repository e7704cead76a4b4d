"""Nearest neighbours: scikit-learn's distances, from rows of the same device."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.neighbors import NearestNeighbors

from iotscore.detect.detectors.neighbours import Neighbours
from iotscore.detect.kernels.neighbours import kth_smallest
from iotscore.detect.scaling import SignedLogScaler
from iotscore.errors import ConfigError, ModelError, TrainingError
from product import neighbours
from rows_of_devices import DEVICES, N_FEATURES, OF_ROWS, ROWS, TRAIN

FITTED = neighbours().fit(TRAIN, DEVICES)


def reference(train: np.ndarray, rows: np.ndarray, k: int) -> np.ndarray:
    """Return scikit-learn's distances to the k-th nearest row."""
    search = NearestNeighbors(n_neighbors=k, algorithm="brute").fit(train.astype(np.float64))
    distances: np.ndarray = search.kneighbors(rows.astype(np.float64))[0][:, -1]
    return distances


@pytest.mark.parametrize("k", [1, 3, 8])
@pytest.mark.parametrize("shape", [(8, 1), (17, 4), (299, 23), (304, 115)])
def test_distances_are_those_of_scikit_learn(k: int, shape: tuple[int, int]) -> None:
    """Sizes on and off the kernel's blocks, to a relative 1e-5."""
    rng = np.random.default_rng(shape)
    train = rng.normal(size=shape).astype(np.float32)
    rows = (3 * rng.normal(size=(35, shape[1]))).astype(np.float32)
    fitted = neighbours(k=k, rows=304, least_rows=k).fit(train)
    assert fitted.score(rows) == pytest.approx(reference(train, rows, k), rel=1e-5)


@settings(max_examples=60)
@given(
    train=arrays(np.float32, (9, 5), elements=st.floats(-10, 10, width=32)),
    rows=arrays(np.float32, (4, 5), elements=st.floats(-1000, 1000, width=32)),
    k=st.integers(1, 9),
)
def test_distances_of_any_rows_are_those_of_numpy(
    train: np.ndarray, rows: np.ndarray, k: int
) -> None:
    """Ties, zeros, equal rows: the k-th of the sorted distances, to a relative 1e-5."""
    differences = rows[:, np.newaxis].astype(np.float64) - train
    expected = np.sort(np.sqrt((differences**2).sum(axis=2)), axis=1)[:, k - 1]
    scores = neighbours(k=k, rows=9, least_rows=9).fit(train).score(rows)
    assert scores == pytest.approx(expected, rel=1e-5, abs=1e-15)


@given(values=st.lists(st.floats(0, 100, width=32), min_size=1, max_size=40), data=st.data())
def test_the_kth_smallest_is_that_of_sorting(values: list[float], data: st.DataObject) -> None:
    """Whatever the order, and without looking at what stands behind the count."""
    count = data.draw(st.integers(1, len(values)))
    k = data.draw(st.integers(1, count))
    found = kth_smallest(np.array(values, np.float32), count, np.empty(k, np.float32))
    assert found == np.float32(sorted(values[:count])[k - 1])


def test_small_distances_far_from_the_origin_are_exact() -> None:
    """A row one float32 step from a reference at 1000 is that step away."""
    train = np.full((3, 4), 1000, dtype=np.float32)
    row = train[:1].copy()
    row[0, 2] = np.nextafter(np.float32(1000), np.float32(2000))
    assert neighbours().fit(train).score(row).item() == float(row[0, 2]) - 1000.0


@pytest.mark.parametrize("number", [4, 0, 9])
def test_each_device_is_compared_with_its_own_rows(number: int) -> None:
    """Devices have references of their own, from 50 rows on: at most 300, drawn evenly."""
    own = TRAIN[number == DEVICES]
    drawn = own[np.unique(np.linspace(0, len(own) - 1, min(300, len(own))).round().astype(int))]
    mine = number == OF_ROWS
    assert FITTED.score(ROWS, OF_ROWS)[mine] == pytest.approx(
        reference(drawn, ROWS[mine], 3), rel=1e-5
    )


def test_rows_without_a_device_are_compared_with_the_pooled_references() -> None:
    """The pooled references are 300 of all rows, drawn evenly."""
    drawn = TRAIN[np.linspace(0, 659, 300).round().astype(int)]
    assert FITTED.score(ROWS) == pytest.approx(reference(drawn, ROWS, 3), rel=1e-5)


def test_rebuilt_references_score_alike() -> None:
    """Arrays carry every device's references; each has one or two axes."""
    arrays = FITTED.to_arrays()
    assert {(array.dtype.name, array.ndim) for array in arrays.values()} == {
        ("int64", 1),
        ("float32", 2),
    }
    rebuilt = Neighbours.from_arrays(arrays, FITTED.parameters)
    assert np.array_equal(rebuilt.score(ROWS, OF_ROWS), FITTED.score(ROWS, OF_ROWS))


def test_extreme_rows_and_references_have_finite_scores() -> None:
    """Values of 1e30 count as 1e17, in rows and in references."""
    train = np.where(TRAIN > 0, np.float32(1e30), np.float32(-1e30))
    assert np.isfinite(neighbours().fit(train, DEVICES).score(-train, DEVICES)).all()
    far = np.full((1, N_FEATURES), 1e30, dtype=np.float32)
    assert FITTED.score(far).item() == pytest.approx(1e17 * N_FEATURES**0.5, rel=1e-6)


def test_constant_columns_and_few_rows_are_fine() -> None:
    """Three equal rows are enough: then the score is the distance to them."""
    train = np.ones((3, 5), dtype=np.float32)
    fitted = neighbours().fit(train, np.array([2, 2, 2]))
    assert fitted.score(train, np.array([2, 2, 2])).tolist() == [0.0, 0.0, 0.0]
    assert fitted.score(train + 2).tolist() == pytest.approx([20**0.5] * 3)
    with pytest.raises(TrainingError, match=r"\(2, 5\).*at least 3"):
        neighbours().fit(train[:2])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("starts", [0, 300, 420, 720]),  # a part less than there are devices
        ("starts", [0, 300, 300, 720, 780]),
        ("starts", [0, 300, 420, 720, 781]),
        ("starts", [1, 300, 420, 720, 780]),
        ("starts", [0, 2, 420, 720, 780]),  # no third nearest
        ("devices", [-1, 0, 4]),
        ("devices", [0, 4, 9, 10]),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(name: str, value: list[int]) -> None:
    """A damaged model is an error before the kernel can read outside its memory."""
    arrays = FITTED.to_arrays()
    assert arrays["starts"].tolist() == [0, 300, 420, 720, 780]
    with pytest.raises(ModelError, match="neighbours"):
        Neighbours.from_arrays(arrays | {name: np.array(value)}, FITTED.parameters)


@pytest.mark.parametrize("wrong", [{"k": 0}, {"rows": 2}, {"least_rows": 2}])
def test_settings_out_of_bounds_are_refused(wrong: dict[str, int]) -> None:
    """No neighbours, or fewer references than neighbours, name themselves."""
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        neighbours(**wrong)


def test_distances_on_real_rows_are_those_of_scikit_learn(
    real_rows: tuple[np.ndarray, np.ndarray],
) -> None:
    """On benign rows and attacks of the sample, to a relative 1e-5."""
    train, rows = real_rows
    scaler = SignedLogScaler(10.0).fit(train)
    scaled, scaled_rows = scaler.transform(train), scaler.transform(rows)
    drawn = scaled[np.linspace(0, len(scaled) - 1, 300).round().astype(int)]
    scores = neighbours().fit(scaled).score(scaled_rows)
    expected = reference(drawn, scaled_rows, 3)
    assert np.abs(scores - expected).max() <= 1e-5 * expected.max()
