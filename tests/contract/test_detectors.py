"""What every detector promises, whatever it computes. A new detector gets these tests for free."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.detect.bundle import DETECTORS
from iotscore.errors import ModelError, TrainingError
from iotscore.features import FEATURES
from product import autoencoder, envelope, forest, neighbours

if TYPE_CHECKING:
    from iotscore.detect.detector import Detector, Float32Array

FIVE_WINDOWS = tuple(name for name in FEATURES if name.startswith("MI_dir_"))
N_FEATURES = len(FIVE_WINDOWS)
CASES = (
    forest(n_estimators=30),
    autoencoder(units=6, epochs=4, batch_size=32, learning_rate=0.01),
    autoencoder(
        units=6,
        epochs=4,
        batch_size=32,
        learning_rate=0.01,
        sequence="windows",
        features=FIVE_WINDOWS,
    ),
    neighbours(rows=50),
    envelope(rows=100),
)


def rows(n_rows: int, seed: int) -> Float32Array:
    """Return rows near a plane of two dimensions, mostly within [0, 1]."""
    rng = np.random.default_rng(seed)
    plane = np.linspace(0.1, 0.6, 2 * N_FEATURES).reshape(2, N_FEATURES)
    noise = rng.normal(0.0, 0.02, (n_rows, N_FEATURES))
    return (rng.random((n_rows, 2)) @ plane + noise).astype(np.float32)


BULK = rows(700, seed=1)


@pytest.fixture(scope="module", params=CASES, ids=repr)
def unfitted(request: pytest.FixtureRequest) -> Detector:
    """Return each detector in turn."""
    return request.param


@pytest.fixture(scope="module")
def fitted(unfitted: Detector) -> Detector:
    """Return the detector fitted once per module, since Keras takes seconds."""
    return unfitted.fit(rows(600, seed=0))


def test_every_detector_of_the_bundle_is_tested_here() -> None:
    """A detector that a bundle can hold but this suite does not check is an error."""
    assert {case.name for case in CASES} == set(DETECTORS)


def test_scores_are_one_float64_per_row(fitted: Detector) -> None:
    """Scores are finite float64 of shape (n_rows,), also for one row and for none."""
    for count in (0, 1, 700):
        scores = fitted.score(BULK[:count])
        assert scores.shape == (count,)
        assert scores.dtype == np.float64
        assert np.isfinite(scores).all()


def test_far_outliers_score_higher_than_the_bulk(fitted: Detector) -> None:
    """Higher means more anomalous: rows far from the fitted ones beat 99 % of the bulk."""
    outliers = 3.0 + rows(50, seed=2)
    assert fitted.score(outliers).min() > np.quantile(fitted.score(BULK), 0.99)


def test_fitting_leaves_settings_and_rows_alone(unfitted: Detector, fitted: Detector) -> None:
    """``fit`` returns a fitted copy with the same settings and learns nothing itself."""
    assert type(fitted) is type(unfitted)
    assert fitted.parameters == unfitted.parameters
    with pytest.raises(ModelError, match="not fitted"):
        unfitted.score(BULK)


def test_input_is_not_modified(fitted: Detector) -> None:
    """Scoring accepts rows that must not be written to."""
    frozen = BULK.copy()
    frozen.flags.writeable = False
    assert np.array_equal(fitted.score(frozen), fitted.score(BULK))
    assert np.array_equal(frozen, BULK)


def test_same_seed_gives_the_same_scores(unfitted: Detector, fitted: Detector) -> None:
    """A second fit on the same rows gives the same bits, and does not modify the rows."""
    train = rows(600, seed=0)
    again = unfitted.fit(train)
    assert np.array_equal(train, rows(600, seed=0))
    assert np.array_equal(again.score(BULK), fitted.score(BULK))


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 700), max_size=12), seed=st.integers(0, 2**32 - 1))
def test_a_score_depends_on_its_row_alone(fitted: Detector, cuts: list[int], seed: int) -> None:
    """Neither order nor batches change a single bit of any score."""
    order = np.random.default_rng(seed).permutation(700)
    batches = np.split(BULK[order], sorted(cuts))
    scores = np.concatenate([fitted.score(batch) for batch in batches])
    assert np.array_equal(scores, fitted.score(BULK)[order])


def test_devices_are_no_part_of_a_batch(unfitted: Detector) -> None:
    """With devices, too, a row's score is the same alone and among others; -1 is unknown."""
    of_rows = np.arange(600) % 3
    fitted = unfitted.fit(rows(600, seed=0), of_rows)
    devices = np.arange(700) % 5 - 1
    scores = fitted.score(BULK, devices)
    for device in np.unique(devices):
        mine = devices == device
        assert np.array_equal(fitted.score(BULK[mine], devices[mine]), scores[mine])
    unknown = fitted.score(BULK, np.full(700, -1))
    assert np.array_equal(unknown, fitted.score(BULK))
    assert np.array_equal(scores[devices == -1], unknown[devices == -1])


def test_contributions_follow_the_score(fitted: Detector) -> None:
    """A row's contributions rise strictly with its score, and are 0 in sum at the baseline."""
    extreme = np.concatenate([BULK[:300], 3.0 + rows(20, seed=2)])
    found = fitted.contributions(extreme)
    assert found.shape == extreme.shape
    assert np.isfinite(found).all()
    sums, scores = found.sum(axis=1), fitted.score(extreme)
    order = np.argsort(scores)
    assert (np.diff(sums[order]) >= -1e-5 * np.abs(sums).max()).all()
    assert (np.sign(sums) == np.sign(scores - fitted.baseline))[np.abs(sums) > 1e-9].all()


def test_contributions_of_distances_and_errors_sum_to_the_score(fitted: Detector) -> None:
    """Only a forest's contributions, parts of a path length, are no parts of the score itself."""
    if fitted.name != "iforest":
        assert fitted.baseline == 0.0
        sums = fitted.contributions(BULK).sum(axis=1)
        assert sums == pytest.approx(fitted.score(BULK), rel=2e-6, abs=1e-12)


def test_contributions_depend_on_their_row_and_device_alone(unfitted: Detector) -> None:
    """Alone and among others a row has the same contributions, bit for bit."""
    fitted = unfitted.fit(rows(600, seed=0), np.arange(600) % 3)
    devices = np.arange(200) % 5 - 1
    together = fitted.contributions(BULK[:200], devices)
    for device in np.unique(devices):
        mine = devices == device
        assert np.array_equal(fitted.contributions(BULK[:200][mine], devices[mine]), together[mine])


def test_memory_layout_does_not_matter(fitted: Detector) -> None:
    """Fortran order and strides give the same scores as C order."""
    assert np.array_equal(fitted.score(np.asfortranarray(BULK)), fitted.score(BULK))
    assert np.array_equal(fitted.score(BULK[::3]), fitted.score(BULK)[::3])


def test_arrays_rebuild_the_detector_exactly(fitted: Detector) -> None:
    """``from_arrays`` of ``to_arrays`` gives equal settings, arrays and scores."""
    arrays = fitted.to_arrays()
    rebuilt = type(fitted).from_arrays(arrays, fitted.parameters)
    assert rebuilt == fitted
    assert np.array_equal(rebuilt.score(BULK), fitted.score(BULK))
    for name, array in rebuilt.to_arrays().items():
        assert np.array_equal(array, arrays[name])
        assert array.dtype == arrays[name].dtype


def test_missing_and_misshapen_arrays_are_refused(fitted: Detector) -> None:
    """Every array is needed, with its own type and axes; the message names it."""
    arrays = fitted.to_arrays()
    for name, array in arrays.items():
        others = {key: value for key, value in arrays.items() if key != name}
        with pytest.raises(ModelError, match=name):
            type(fitted).from_arrays(others, fitted.parameters)
        with pytest.raises(ModelError, match=name):
            type(fitted).from_arrays(arrays | {name: array[np.newaxis]}, fitted.parameters)
        with pytest.raises(ModelError, match=name):
            type(fitted).from_arrays(arrays | {name: array.astype(np.complex64)}, fitted.parameters)


def test_wrong_width_is_refused_with_both_numbers(fitted: Detector) -> None:
    """The message says how many columns were found and how many are needed."""
    with pytest.raises(ModelError, match=r"16 columns.*15"):
        fitted.score(np.zeros((2, 16), dtype=np.float32))
    with pytest.raises(ModelError, match="15"):
        fitted.score(np.zeros(15, dtype=np.float32))


def test_too_few_rows_cannot_be_fitted(unfitted: Detector) -> None:
    """An empty training set is an error that the user can mend."""
    with pytest.raises(TrainingError, match="at least"):
        unfitted.fit(np.empty((0, N_FEATURES), dtype=np.float32))


def test_extreme_rows_have_finite_scores(fitted: Detector) -> None:
    """The largest values that the scaler lets through give no infinity, NaN or warning."""
    signs = np.random.default_rng(3).choice([-1.0, 0.0, 1.0], (300, N_FEATURES))
    extreme = (1e30 * signs).astype(np.float32)
    assert np.isfinite(fitted.score(extreme)).all()
