"""The Mahalanobis distance: scikit-learn's, and the covariance that suits each device."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import multivariate_normal
from sklearn.covariance import LedoitWolf

from iotscore.detect._covariance import Choice, early, log_likelihood, whitening
from iotscore.detect.mahalanobis import Mahalanobis
from iotscore.errors import ConfigError, ModelError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

N_FEATURES = 13
RNG = np.random.default_rng(0)
DEVICES = np.repeat([4, 0, 9, 6, -1], [400, 160, 110, 99, 31])
TRAIN = (RNG.normal(size=(800, N_FEATURES)) + DEVICES[:, np.newaxis]).astype(np.float32)
ROWS = (4 * RNG.normal(size=(503, N_FEATURES)) + 3).astype(np.float32)
OF_ROWS = RNG.choice([4, 0, 9, 6, -1, 77], 503)
FITTED = Mahalanobis().fit(TRAIN, DEVICES)


def choices(detector: Mahalanobis) -> dict[int, Choice]:
    """Return the covariance that each part has."""
    arrays = detector.to_arrays()
    pairs = zip(arrays["devices"].tolist(), arrays["choices"].tolist(), strict=True)
    return {number: Choice(choice) for number, choice in pairs}


def distances(rows: np.ndarray, mean: np.ndarray, covariance: np.ndarray) -> np.ndarray:
    """Return squared distances by solving for each row."""
    centred = rows.astype(np.float64) - mean
    squares: np.ndarray = (centred * np.linalg.solve(covariance, centred.T).T).sum(axis=1)
    return squares


@pytest.mark.parametrize("shape", [(300, 1), (90, 8), (500, 23), (40, 115)])
def test_distances_are_those_of_scikit_learn(shape: tuple[int, int]) -> None:
    """Without devices: LedoitWolf's ``mahalanobis``, also with fewer rows than columns."""
    rng = np.random.default_rng(shape)
    factors = rng.normal(size=(shape[1], shape[1]))
    train = (rng.normal(size=shape) @ factors).astype(np.float32)
    rows = (3 * rng.normal(size=(35, shape[1]))).astype(np.float32)
    reference = LedoitWolf().fit(train.astype(np.float64))
    expected = reference.mahalanobis(rows.astype(np.float64))
    assert Mahalanobis().fit(train).score(rows) == pytest.approx(expected, rel=1e-8)


@settings(max_examples=60)
@given(
    train=arrays(np.float32, (9, 5), elements=st.floats(-10, 10, width=32)),
    rows=arrays(np.float32, (4, 5), elements=st.floats(-(2.0**99), 2.0**99, width=32)),
)
def test_scores_of_any_rows_are_finite_and_not_negative(
    train: np.ndarray, rows: np.ndarray
) -> None:
    """Constant and equal columns too: no variance is below 1e-12."""
    scores = Mahalanobis().fit(train).score(rows)
    assert np.isfinite(scores).all()
    assert (scores >= 0.0).all()


@pytest.mark.parametrize("number", [4, 0, 9])
def test_each_device_has_its_mean_and_the_chosen_covariance(number: int) -> None:
    """The covariances are scikit-learn's of the device, of all devices' centred rows, the mix."""
    kept = {each: TRAIN[each == DEVICES].astype(np.float64) for each in (0, 4, 9)}
    centred = np.concatenate([rows - rows.mean(axis=0) for rows in kept.values()])
    own = LedoitWolf().fit(kept[number]).covariance_
    within = LedoitWolf(assume_centered=True).fit(centred).covariance_
    known = {Choice.OWN: own, Choice.WITHIN: within, Choice.MIXED: 0.7 * own + 0.3 * within}
    mine = number == OF_ROWS
    covariance = known[choices(FITTED)[number]]
    expected = distances(ROWS[mine], kept[number].mean(axis=0), covariance)
    assert FITTED.score(ROWS, OF_ROWS)[mine] == pytest.approx(expected, rel=1e-9)


def drawn(*spreads: float, n_rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of a device for each spread of the first half of its columns, interleaved."""
    devices = np.tile(np.arange(len(spreads)), n_rows)
    scale = np.ones((len(spreads), 8))
    scale[:, :4] = np.array(spreads)[:, np.newaxis]
    noise = np.random.default_rng(7).normal(size=(devices.size, 8))
    return (noise * scale[devices]).astype(np.float32), devices


@pytest.mark.parametrize("spread", [0.01, 0.1, 0.2])
def test_devices_of_their_own_kind_have_their_own_covariance(spread: float) -> None:
    """With many rows and other spreads than the others, a device's own rows know best."""
    rows, devices = drawn(1.0, 1.0, 1.0, spread, n_rows=600)
    assert choices(Mahalanobis().fit(rows, devices))[3] == Choice.OWN


def test_devices_of_one_kind_share_a_covariance() -> None:
    """With few rows and the others' spreads, the rows of all devices know best."""
    rng = np.random.default_rng(3)
    factors = rng.normal(size=(20, 20))
    devices = np.tile(np.arange(6), 40)
    rows = rng.normal(size=(240, 20)) @ factors + 50.0 * devices[:, np.newaxis]
    chosen = choices(Mahalanobis(least_rows=40).fit(rows.astype(np.float32), devices))
    assert [chosen[number] for number in range(6)] == [Choice.WITHIN] * 6


def test_rows_held_out_are_not_those_that_judge() -> None:
    """A last quarter unlike the rest speaks against the covariance of the device's own rows."""
    rows, devices = drawn(1.0, 1.0, 0.05, n_rows=400)
    assert choices(Mahalanobis().fit(rows, devices))[2] == Choice.OWN
    late = np.flatnonzero(devices == 2)[300:]
    rows[late, :4] *= 20.0
    assert choices(Mahalanobis().fit(rows, devices))[2] == Choice.WITHIN


def test_three_quarters_of_the_rows_are_early() -> None:
    """The last quarter, and at least one row, judges."""
    for n_rows, n_early in ((4, 3), (5, 3), (8, 6), (400, 300)):
        assert np.array_equal(early(np.arange(n_rows)), np.arange(n_early))


def test_the_likelihood_is_that_of_scipy() -> None:
    """Up to the constant that all candidates share."""
    factors = RNG.normal(size=(5, 5))
    covariance, mean = factors @ factors.T + np.eye(5), RNG.normal(size=5)
    rows = RNG.normal(size=(30, 5))
    expected = multivariate_normal(mean, covariance).logpdf(rows).mean() + 2.5 * np.log(2 * np.pi)
    assert log_likelihood(rows, mean, covariance) == pytest.approx(expected, abs=1e-10)


def test_roots_of_singular_covariances_are_bounded() -> None:
    """Directions without variance count as if it were 1e-10 of the largest, or 1e-12."""
    root = whitening(np.diag([4.0, 0.0, 1.0]))
    assert np.linalg.inv(root @ root.T) == pytest.approx(np.diag([4.0, 4e-10, 1.0]), rel=1e-4)
    nothing = whitening(np.zeros((2, 2)))
    assert nothing == pytest.approx(np.diag([1e6, 1e6]))


@pytest.mark.parametrize("number", [6, -1, 77])
def test_other_rows_are_measured_with_the_pooled_part(number: int) -> None:
    """Devices of 99 rows, unknown and new ones have the scores of rows without a device."""
    assert FITTED.to_arrays()["devices"].tolist() == [-1, 0, 4, 9]
    pooled = FITTED.score(ROWS)
    reference = LedoitWolf().fit(TRAIN.astype(np.float64))
    assert pooled == pytest.approx(reference.mahalanobis(ROWS.astype(np.float64)), rel=1e-9)
    assert np.array_equal(FITTED.score(ROWS, np.full(503, number)), pooled)
    mine = number == OF_ROWS
    assert np.array_equal(FITTED.score(ROWS, OF_ROWS)[mine], pooled[mine])


def test_without_devices_only_the_pooled_part_is_fitted() -> None:
    """Fitting without devices gives the same pooled part; then all numbers are new ones."""
    pooled = Mahalanobis().fit(TRAIN)
    assert choices(pooled) == {-1: Choice.POOLED}
    assert np.array_equal(pooled.score(ROWS, OF_ROWS), FITTED.score(ROWS))


def test_a_single_device_has_a_part_beside_the_pooled_one() -> None:
    """Of one device only, its own rows, those within devices and all rows are the same."""
    rows = TRAIN[DEVICES == 4]
    fitted = Mahalanobis().fit(rows, np.full(400, 4))
    assert list(choices(fitted)) == [-1, 4]
    assert fitted.score(ROWS, np.full(503, 4)) == pytest.approx(fitted.score(ROWS), rel=1e-9)
    # Estimated from the same early rows it cannot win; from all rows it would.
    assert choices(fitted)[4] != Choice.WITHIN


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 503), max_size=12), seed=st.integers(0, 2**32 - 1))
def test_a_score_depends_on_its_row_and_device_alone(cuts: list[int], seed: int) -> None:
    """Devices mixed in any order and any batches: not a bit changes."""
    order = np.random.default_rng(seed).permutation(503)
    batches = np.split(order, sorted(cuts))
    scores = np.concatenate([FITTED.score(ROWS[batch], OF_ROWS[batch]) for batch in batches])
    assert np.array_equal(scores, FITTED.score(ROWS, OF_ROWS)[order])
    alone = order[0]
    assert FITTED.score(ROWS[[alone]], OF_ROWS[[alone]]).item() == scores[0]


def test_memory_layout_does_not_matter() -> None:
    """Fortran order and strides, of rows and of devices, give the same scores."""
    scores = FITTED.score(ROWS, OF_ROWS)
    assert np.array_equal(FITTED.score(np.asfortranarray(ROWS), OF_ROWS), scores)
    assert np.array_equal(FITTED.score(ROWS[::-3], OF_ROWS[::-3]), scores[::-3])


def test_rebuilt_ellipsoids_score_alike() -> None:
    """Arrays carry every device's mean and root; each has one or two axes."""
    arrays = FITTED.to_arrays()
    assert {array.ndim for array in arrays.values()} == {1, 2}
    assert {array.dtype.name for array in arrays.values()} == {"int64", "float64"}
    rebuilt = Mahalanobis.from_arrays(arrays, FITTED.parameters)
    assert np.array_equal(rebuilt.score(ROWS, OF_ROWS), FITTED.score(ROWS, OF_ROWS))


def test_extreme_fit_rows_have_finite_scores() -> None:
    """Columns of 1e30 beside constant ones, in rows that are fitted and in others."""
    train = np.where(TRAIN > 0, np.float32(1e30), np.float32(-1e30))
    train[:, ::3] = 1.0
    fitted = Mahalanobis().fit(train, DEVICES)
    assert np.isfinite(fitted.score(ROWS, OF_ROWS)).all()
    assert np.isfinite(fitted.score(-train, DEVICES)).all()


def test_fewest_rows_and_settings() -> None:
    """Two rows make a covariance, one does not; a device's rows must be divisible."""
    assert np.isfinite(Mahalanobis().fit(TRAIN[:2]).score(ROWS)).all()
    least = Mahalanobis(least_rows=4).fit(TRAIN[:4], np.zeros(4, dtype=np.int64))
    assert list(choices(least)) == [-1, 0]
    with pytest.raises(TrainingError, match=r"\(1, 13\).*at least 2"):
        Mahalanobis().fit(TRAIN[:1])
    with pytest.raises(ConfigError, match="least_rows"):
        Mahalanobis(least_rows=3)


@pytest.mark.parametrize(
    ("name", "damage", "fault"),
    [
        ("devices", lambda array: array[:-1], "shapes"),
        ("choices", lambda array: array[:-1], "shapes"),
        ("means", lambda array: array[:, :-1], "shapes"),
        ("roots", lambda array: array[:-1], "shapes"),
        ("choices", lambda array: array + 9, "chose"),
        ("roots", lambda array: array + 1.0, "triangular"),
        ("roots", lambda array: array * 1e40, "beyond"),
        ("means", lambda array: array * 1e41, "beyond"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(
    name: str, damage: Callable[[np.ndarray], np.ndarray], fault: str
) -> None:
    """A damaged model is an error before the kernel can read outside its memory."""
    arrays = FITTED.to_arrays()
    with pytest.raises(ModelError, match=fault):
        Mahalanobis.from_arrays(arrays | {name: damage(arrays[name])}, FITTED.parameters)
