"""A model calibrated by benign tails: what it is fitted on, what it promises, how it is stored."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from iotscore.detect.bundle import from_bytes, to_bytes
from iotscore.detect.fit import fit_model
from iotscore.detect.model import TAIL, Model
from iotscore.detect.scaling import SignedLogScaler
from iotscore.errors import ConfigError, ModelError
from product import envelope, fit_of_product, forest, neighbours

FEATURES = tuple("abcdef")
SETTINGS = fit_of_product(
    detectors=(forest(n_estimators=20), neighbours(), envelope()),
    weights={"iforest": 0.0, "neighbours": 0.25, "envelope": 0.75},
    scaler=SignedLogScaler(10.0),
    margin=1.0,
    features=FEATURES,
)


def benign(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of three devices, each about a place of its own, and the devices."""
    rng = np.random.default_rng(seed)
    devices = rng.integers(1, 4, rows)
    return rng.normal(devices[:, None] * 10.0, 1.0, (rows, len(FEATURES))), devices


TRAIN, CALIBRATION, LATER = benign(600, 1), benign(600, 2), benign(6000, 3)


@pytest.fixture(scope="module")
def model() -> Model:
    """Return a fitted model."""
    devices = (TRAIN[1], CALIBRATION[1])
    return fit_model(TRAIN[0], CALIBRATION[0], SETTINGS, None, devices)


def test_the_promise_is_kept_on_later_rows(model: Model) -> None:
    """Each flag is raised for about the promised share of later benign rows.

    The envelope's is smaller: its final fit has seen a third more rows, and is wider for it.
    """
    columns = model.score(*LATER)
    for name in ("iforest_flag", "neighbours_flag", "is_anomaly"):
        assert columns[name].mean() == pytest.approx(0.05, abs=0.015)
    assert 0.02 < columns["envelope_flag"].mean() < 0.06


def test_columns_are_levels(model: Model) -> None:
    """Normalised and hybrid scores are -ln(p); severity and flags follow from the latter."""
    columns = model.score(*LATER)
    assert list(columns)[-3:] == ["hybrid_score", "is_anomaly", "severity"]
    for name in ("iforest_norm", "neighbours_norm", "hybrid_score"):
        assert np.exp(-columns[name]).mean() == pytest.approx(0.5, abs=0.04)
    # Most rows are within the envelope: all records score as high as they do.
    within = columns["envelope_score"] == 0.0
    assert within.mean() > 0.5
    assert np.exp(-columns["envelope_norm"][within]).min() > 0.99
    level = columns["hybrid_score"]
    assert np.array_equal(columns["is_anomaly"], level > -math.log(0.05))
    assert columns["severity"] == pytest.approx(100.0 * level / (level + 3.0))


def test_the_margin_lowers_the_share(model: Model) -> None:
    """Half the margin, half the share: the threshold moves and no score does."""
    devices = (TRAIN[1], CALIBRATION[1])
    half = fit_model(TRAIN[0], CALIBRATION[0], replace(SETTINGS, margin=0.5), None, devices)
    first, second = model.score(*LATER), half.score(*LATER)
    assert np.array_equal(first["hybrid_score"], second["hybrid_score"])
    assert second["is_anomaly"].mean() == pytest.approx(first["is_anomaly"].mean() / 2, abs=0.015)


def test_a_row_at_home_elsewhere_is_anomalous(model: Model) -> None:
    """A device that behaves like another one is flagged; an unknown device is not."""
    rows, devices = LATER
    swapped = model.score(rows, devices % 3 + 1)
    assert swapped["is_anomaly"].all()
    unknown = model.score(rows, np.full(devices.size, -1))
    assert unknown["is_anomaly"].mean() < 0.2
    assert np.array_equal(unknown["hybrid_score"], model.score(rows)["hybrid_score"])


def test_a_device_with_enough_rows_has_a_tail_of_its_own() -> None:
    """Its records get the smaller of two levels; no other record changes; bytes keep it."""
    noisy = TRAIN[0].copy(), CALIBRATION[0].copy(), LATER[0].copy()
    chance = np.random.default_rng(5)
    for rows, devices in zip(noisy, (TRAIN[1], CALIBRATION[1], LATER[1]), strict=True):
        bursts = np.flatnonzero((devices == 1) & (chance.random(devices.size) < 0.12))
        rows[bursts] *= chance.lognormal(0.0, 3.0, (bursts.size, len(FEATURES)))
    devices = (TRAIN[1], CALIBRATION[1])
    pooled = fit_model(noisy[0], noisy[1], SETTINGS, None, devices)
    own = fit_model(noisy[0], noisy[1], replace(SETTINGS, least_device_rows=100), None, devices)
    assert pooled.hybrid_tail is not None
    assert own.hybrid_tail is not None
    assert (len(pooled.hybrid_tail.own), sorted(own.hybrid_tail.own)) == (0, [1, 2, 3])
    first, second = (one.score(noisy[2], LATER[1]) for one in (pooled, own))
    assert (second["hybrid_score"] <= first["hybrid_score"]).all()
    worst = [one["is_anomaly"][LATER[1] == 1].mean() for one in (first, second)]
    assert worst[1] < 0.08 < worst[0]
    sums = np.linspace(0.0, 30.0, 5000)
    for device in (-1, 1, 2, 3):
        assert (np.diff(own.hybrid_tail.normalise(sums, np.full(5000, device))) > 0.0).all()
    far = noisy[2] * 1e6
    beyond = [one.score(far, LATER[1])["hybrid_score"] for one in (pooled, own)]
    for device in (1, 2, 3):
        drop = (beyond[0] - beyond[1])[LATER[1] == device]
        assert np.ptp(drop) == pytest.approx(0.0, abs=1e-9), "the same shift for all beyond"
    unknown = [one.score(noisy[2])["hybrid_score"] for one in (pooled, own)]
    assert np.array_equal(*unknown)
    rebuilt = from_bytes(to_bytes(own)).score(noisy[2], LATER[1])
    assert np.array_equal(rebuilt["hybrid_score"], second["hybrid_score"])


def test_slow_detectors_are_fitted_on_the_training_rows_alone(model: Model) -> None:
    """The forest is the one that the training rows give; quick detectors use all rows."""
    fitted = forest(n_estimators=20).fit(model.scaler.transform(TRAIN[0]))
    scaled = model.scaler.transform(LATER[0])
    assert np.array_equal(model.score(*LATER)["iforest_score"], fitted.score(scaled))
    rows = np.concatenate([TRAIN[0], CALIBRATION[0]])
    devices = np.concatenate([TRAIN[1], CALIBRATION[1]])
    near = neighbours().fit(model.scaler.transform(rows), devices)
    expected = near.score(scaled, LATER[1])
    assert np.array_equal(model.score(*LATER)["neighbours_score"], expected)


def test_it_goes_through_bytes_unchanged(model: Model) -> None:
    """Format 2 keeps scaler, tails and per-device parts: the same bytes, the same scores."""
    data = to_bytes(model)
    rebuilt = from_bytes(data)
    assert to_bytes(rebuilt) == data
    assert rebuilt.normalisation == TAIL
    first, second = model.score(*LATER), rebuilt.score(*LATER)
    assert all(np.array_equal(first[name], second[name]) for name in first)


@pytest.mark.parametrize("name", ["signed_log", "tail of hybrid", "tail of neighbours"])
def test_parts_that_are_unknown_or_missing_are_refused(model: Model, name: str) -> None:
    """A bundle that names another part than it holds does not score."""
    data = to_bytes(model)
    other = name[:-1] + ("x" if name[-1] != "x" else "y")
    start = data.index(name.encode())
    damaged = data[:start] + other.encode() + data[start + len(name) :]
    with pytest.raises(ModelError, match="header fails the checksum"):
        from_bytes(damaged)


def test_settings_out_of_bounds() -> None:
    """Rates and margins that cannot be are refused."""
    for change in ({"false_positive_rate": 0.0}, {"margin": 0.0}, {"margin": 1.1}):
        with pytest.raises(ConfigError, match="false_positive_rate"):
            replace(SETTINGS, **change)
