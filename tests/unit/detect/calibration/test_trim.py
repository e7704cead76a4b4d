"""Rows that nothing vouches for: which are left out, and what the fit is worth with and without."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors

from iotscore.detect.calibration.cross_fit import blocks
from iotscore.detect.calibration.trim import kept_rows, trimmed_blocks
from iotscore.detect.fit import fit_model
from iotscore.detect.model import BATCH_MINMAX
from iotscore.detect.scaling import MinMaxScaler, SignedLogScaler
from iotscore.errors import ConfigError, TrainingError
from product import envelope, fit_of_product, forest, neighbours

FEATURES = tuple("abcdef")
SETTINGS = fit_of_product(
    detectors=(forest(n_estimators=20), neighbours(), envelope()),
    weights={"iforest": 0.0, "neighbours": 0.5, "envelope": 0.5},
    scaler=SignedLogScaler(10.0),
    margin=1.0,
    features=FEATURES,
)


def benign(rows: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of three devices, each about a place of its own, and the devices."""
    rng = np.random.default_rng(seed)
    devices = rng.integers(1, 4, rows)
    return rng.normal(devices[:, None] * 10.0, 1.0, (rows, len(FEATURES))), devices


def planted(rows: np.ndarray, devices: np.ndarray, places: list[int]) -> np.ndarray:
    """Return the rows with some of them far away, all at one spot."""
    found = rows.copy()
    found[places] = devices[places, None] * 10.0 + 60.0
    return found


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([0.0, 0.01, 0.05, 0.3]),
    st.integers(2, 5),
)
def test_the_farthest_of_each_device_are_left_out(seed: int, share: float, n_blocks: int) -> None:
    """The kept rows are those that scikit-learn's distances to other blocks say."""
    rows, devices = benign(240, seed)
    kept = kept_rows(SignedLogScaler(10.0), rows, devices, n_blocks, share)
    apart = np.empty(240)
    for held, rest in blocks(devices, n_blocks):
        scaler = SignedLogScaler(10.0).fit(rows[rest])
        for device in np.unique(devices):
            mine, others = held & (devices == device), rest & (devices == device)
            # With fewer than 50 rows of its own, a device is compared with all.
            others = others if others.sum() >= 50 else rest
            near = NearestNeighbors(n_neighbors=3).fit(scaler.transform(rows[others]))
            apart[mine] = near.kneighbors(scaler.transform(rows[mine]))[0][:, 2]
    for device in np.unique(devices):
        mine = np.flatnonzero(devices == device)
        left_out = mine[~kept[mine]]
        assert left_out.size == int(share * mine.size)
        if left_out.size:
            assert apart[left_out].min() >= np.sort(apart[mine])[-left_out.size] - 1e-4


def test_without_a_share_all_are_kept_and_nothing_is_fitted() -> None:
    """Nothing is computed for a share of 0: rows that could not be cut into blocks pass."""
    assert kept_rows(SignedLogScaler(10.0), np.zeros((1, 3)), np.zeros(1, int), 4, 0.0).all()


def test_too_few_rows_are_refused() -> None:
    """A single row has no other times to be compared with."""
    with pytest.raises(TrainingError, match="too few to leave out a block"):
        kept_rows(SignedLogScaler(10.0), np.zeros((1, 3)), np.zeros(1, int), 4, 0.1)


def test_held_out_rows_are_never_trimmed_and_have_no_say() -> None:
    """What is fitted meanwhile depends on the other blocks alone; every row is held out once."""
    rows, devices = benign(600, 4)
    first = list(trimmed_blocks(MinMaxScaler("keep", 0.0), rows, devices, 4, 0.05))
    assert np.array_equal(sum(held.astype(int) for held, _ in first), np.ones(600))
    changed = rows.copy()
    changed[first[0][0]] += 100.0
    again = next(iter(trimmed_blocks(MinMaxScaler("keep", 0.0), changed, devices, 4, 0.05)))
    assert np.array_equal(first[0][1], again[1])
    for (held, fitted), (_, rest) in zip(first, blocks(devices, 4), strict=True):
        assert not (held & fitted).any()
        assert not (fitted & ~rest).any()
        assert 0.9 < fitted.sum() / rest.sum() < 1.0


def test_an_attack_among_training_rows_stays_visible() -> None:
    """Two planted rows blind the untrimmed model for their like, and not the trimmed one."""
    rows, devices = benign(600, 1)
    later, of_later = benign(600, 2)
    rows = planted(rows, devices, [100, 400])
    attacks = planted(later, of_later, list(range(600)))
    parts = (rows, later, SETTINGS)
    trimmed = replace(SETTINGS, trim_share=0.02)
    blind = fit_model(*parts, None, (devices, of_later)).score(attacks, of_later)
    model = fit_model(rows, later, trimmed, None, (devices, of_later))
    seeing = model.score(attacks, of_later)
    fooled = np.isin(of_later, devices[[100, 400]])
    assert (blind["envelope_score"][fooled] < 1.0).all()
    assert seeing["is_anomaly"].all()
    assert (seeing["envelope_score"] > 10.0).all()


@pytest.mark.parametrize("share", [0.02, 0.1])
def test_the_promise_is_kept_on_later_rows(share: float) -> None:
    """Calibration counts the rows that the fit left out: no more false alarms than promised."""
    (rows, devices), (later, of_later), (new, of_new) = (
        benign(1500, 1),
        benign(1500, 2),
        benign(9000, 3),
    )
    trimmed = replace(SETTINGS, trim_share=share)
    model = fit_model(rows, later, trimmed, None, (devices, of_later))
    columns = model.score(new, of_new)
    for name in ("neighbours_flag", "is_anomaly"):
        assert columns[name].mean() == pytest.approx(0.05, abs=0.012)


def test_no_share_changes_no_bit() -> None:
    """The default is the model without the defence."""
    rows, devices = benign(300, 1)
    later, of_later = benign(300, 2)
    first = fit_model(rows, later, SETTINGS, None, (devices, of_later))
    again = fit_model(rows, later, replace(SETTINGS, trim_share=0.0), None, (devices, of_later))
    # A share so small that no device has a row to spare.
    least = fit_model(rows, later, replace(SETTINGS, trim_share=1e-6), None, (devices, of_later))
    for other in (again, least):
        found, expected = other.score(later, of_later), first.score(later, of_later)
        assert all(np.array_equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    "change",
    [{"trim_share": -0.1}, {"trim_share": 1.0}, {"trim_share": 0.1, "normalisation": BATCH_MINMAX}],
)
def test_shares_out_of_bounds(change: dict[str, object]) -> None:
    """A share that cannot be, or one without tail calibration, is refused."""
    with pytest.raises(ConfigError, match="trim_share"):
        replace(SETTINGS, **change)


def test_idle_detectors_can_be_left_out() -> None:
    """Detectors that take long and count nothing go; quick ones and those that count stay."""
    names = [one.name for one in SETTINGS.without_idle().detectors]
    assert names == ["neighbours", "envelope"]
    counted = replace(SETTINGS, weights={"iforest": 0.2, "neighbours": 0.8, "envelope": 0.0})
    assert [one.name for one in counted.without_idle().detectors] == [*counted.weights]
