"""Windows that vote: how long they must be for false incidents to be rare."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iotscore.detect.incidents import find_incidents
from iotscore.detect.vote_windows import VoteSettings, VoteWindows, fit_vote_windows
from iotscore.errors import ConfigError, ModelError
from product import DEFAULT


def bursts(seed: int, n_rows: int, mean: float, rate: float = 0.01) -> np.ndarray:
    """Return flags that come in bursts of geometric length."""
    rng = np.random.default_rng(seed)
    flags = np.zeros(n_rows, dtype=bool)
    starts = np.flatnonzero(rng.random(n_rows) < rate / mean)
    for start, length in zip(starts, rng.geometric(1 / mean, starts.size), strict=True):
        flags[start : start + length] = True
    return flags


LIMITS = VoteSettings(0.1, 1000.0, least_window=3, most_window=301, window=41)
LEAST_ROWS = 500


@pytest.mark.parametrize("mean", [3.0, 8.0, 15.0])
def test_the_rate_is_kept_where_it_cannot_be_seen(mean: float) -> None:
    """8,000 rows ask for less than one incident; a million later rows keep the rate, nearly."""
    rates = []
    for seed in range(10):
        flags = bursts(seed, 8_000, mean, rate=0.04)
        window = fit_vote_windows(
            flags, np.zeros(8_000, dtype=np.int64), LIMITS, LEAST_ROWS
        ).window_of(0)
        later = np.flatnonzero(bursts(99, 1_000_000, mean, rate=0.04))
        rates.append(find_incidents(later, window).first.size / 1_000_000)
    limit = LIMITS.false_per_day / LIMITS.records_per_day
    assert 0.02 * limit < np.median(rates) < 3 * limit


def test_longer_bursts_need_longer_windows_and_rarer_incidents_too() -> None:
    """Devices keep their order, and asking for less costs delay."""
    flags = np.concatenate([bursts(1, 20_000, 2.0), bursts(2, 20_000, 12.0)])
    devices = np.repeat([3, 7], 20_000)
    fitted = fit_vote_windows(flags, devices, LIMITS, LEAST_ROWS)
    assert fitted.devices.tolist() == [-1, 3, 7]
    assert fitted.rows.tolist() == [39_600, 19_800, 19_800]
    assert fitted.window_of(3) < fitted.window_of(7) < LIMITS.most_window
    strict = VoteSettings(0.001, 1000.0, 3, 301, 41)
    assert (fit_vote_windows(flags, devices, strict, LEAST_ROWS).windows > fitted.windows).all()


def test_what_was_seen_is_counted_at_the_window() -> None:
    """A burst longer than any window is a false incident that the fit cannot avoid, and says so."""
    flags = bursts(5, 8_000, 2.0)
    flags[4_000:4_400] = True
    fitted = fit_vote_windows(flags, np.zeros(8_000, dtype=np.int64), LIMITS, LEAST_ROWS)
    assert fitted.windows.tolist() == [301, 301]
    assert fitted.false_incidents.tolist() == [1, 1]


@pytest.mark.parametrize(("n_rows", "cold"), [(8_000, 200), (1_500, 150)])
def test_a_cold_start_does_not_count(n_rows: int, cold: int) -> None:
    """The first 200 rows, or the first tenth, of each device are left out; one more is not."""
    devices = np.arange(2 * n_rows) % 2
    flags = bursts(6, 2 * n_rows, 2.0)
    started = flags.copy()
    started[: 2 * cold] = True
    windows = [fit_vote_windows(each, devices, LIMITS, LEAST_ROWS) for each in (flags, started)]
    assert windows[0].rows.tolist() == [2 * (n_rows - cold), n_rows - cold, n_rows - cold]
    assert windows[1].windows.tolist() == windows[0].windows.tolist()
    started[: 2 * (cold + 152)] = True
    longer = fit_vote_windows(started, devices, LIMITS, LEAST_ROWS)
    assert (longer.windows > windows[0].windows).all()


def test_no_window_spans_two_devices() -> None:
    """Devices whose records alternate, each with lone flags, have no incident of three in a row."""
    flags = np.zeros(6_000, dtype=bool)
    flags[3_000::60] = flags[3_001::60] = True
    devices = np.arange(6_000) % 2
    fitted = fit_vote_windows(flags, devices, LIMITS, LEAST_ROWS)
    assert fitted.windows.tolist() == [3, 3, 3]
    assert fitted.false_incidents.tolist() == [0, 0, 0]


@pytest.mark.parametrize("n_flags", [0, 4])
def test_a_device_that_taught_nothing_has_the_pooled_window(n_flags: int) -> None:
    """Few rows, or hardly a flag; and if there are hardly any at all, the window that was set."""
    flags = np.concatenate([bursts(3, 5_000, 9.0), np.zeros(600, bool), np.ones(400, bool)])
    flags[5_000 : 5_000 + 20 * n_flags : 20] = True
    devices = np.repeat([4, 5, 6], [5_000, 600, 400])
    fitted = fit_vote_windows(flags, devices, LIMITS, LEAST_ROWS)
    assert fitted.devices.tolist() == [-1, 4]
    pooled = fitted.windows[0]
    assert [fitted.window_of(device) for device in (-1, 5, 6, 99)] == [pooled] * 4
    quiet = fit_vote_windows(flags[5_000:5_600], devices[5_000:5_600], LIMITS, LEAST_ROWS)
    assert (quiet.devices.tolist(), quiet.windows.tolist()) == ([-1], [LIMITS.window])


def test_rebuilt_windows_are_the_same() -> None:
    """Arrays are numeric and carry everything."""
    fitted = fit_vote_windows(bursts(1, 4_000, 5.0), np.repeat([2, 9], 2_000), LIMITS, LEAST_ROWS)
    arrays = fitted.to_arrays()
    assert {array.dtype.name for array in arrays.values()} == {"int64"}
    rebuilt = VoteWindows.from_arrays(arrays)
    for name, array in rebuilt.to_arrays().items():
        assert np.array_equal(array, arrays[name])
    same = VoteWindows.from_arrays(VoteWindows.same(82).to_arrays())
    assert [same.window_of(device) for device in (-1, 0, 5)] == [82, 82, 82]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"windows": np.array([5])}, "shapes"),
        ({"windows": np.array([5, 0])}, "0 records"),
        ({"false_incidents": np.array([0, 2_001])}, "more false incidents"),
        ({"devices": np.array([2, 9])}, "should be -1"),
        ({"rows": np.array([1.0, 2.0])}, "float64"),
    ],
)
def test_damaged_arrays_are_refused(wrong: dict[str, np.ndarray], told: str) -> None:
    """Each fault has a message, and says to train again."""
    whole = {
        "devices": np.array([-1, 2]),
        "windows": np.array([5, 7]),
        "rows": np.array([4_000, 2_000]),
        "false_incidents": np.array([0, 0]),
    }
    VoteWindows.from_arrays(whole)
    with pytest.raises(ModelError, match=f"{told}.*train again"):
        VoteWindows.from_arrays(whole | wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"false_per_day": 0.0},
        {"records_per_day": float("inf")},
        {"least_window": 0},
        {"window": 203},
        {"most_window": 4},
    ],
)
def test_settings_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    """Each names itself."""
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        replace(DEFAULT.incidents, **wrong)
