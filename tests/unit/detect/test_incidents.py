"""Incidents by a vote of consecutive records, against a vote taken record by record."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.detect.incidents import find_incidents

ROWS = st.lists(st.integers(1, 80), max_size=60, unique=True).map(
    lambda rows: np.array(sorted(rows), dtype=np.int64)
)
WINDOWS = st.integers(1, 12)


def by_hand(rows: list[int], window: int, share: float = 1.0) -> list[tuple[int, int, int, int]]:
    """Return first, voted and last row, and the number of records, by a vote at each row."""
    found: list[tuple[int, set[int]]] = []
    for end in range(1, 200):
        mine = {row for row in rows if end - window / share < row <= end}
        if 2 * len(mine) <= window:
            continue
        if found and min(mine) <= max(found[-1][1]) + 1:
            found[-1][1].update(mine)
        else:
            found.append((end, mine))
    return [(min(mine), voted, max(mine), len(mine)) for voted, mine in found]


def found(rows: np.ndarray, window: int, share: float = 1.0) -> list[tuple[int, int, int, int]]:
    """Return the same from the code."""
    first, voted, last = find_incidents(rows, window, share)
    columns = (rows[first], rows[voted], rows[last], last - first + 1)
    return list(zip(*(column.tolist() for column in columns), strict=True))


@settings(max_examples=300)
@given(rows=ROWS, window=WINDOWS, share=st.sampled_from([1.0, 0.5, 0.15]))
def test_incidents_are_those_of_a_vote_at_each_row(
    rows: np.ndarray, window: int, share: float
) -> None:
    """First, voted and last row, and number of records."""
    assert found(rows, window, share) == by_hand(rows.tolist(), window, share)


def test_an_incident_by_hand() -> None:
    """Three of five; the lone flag at 30 is in none; rows 8 and 9 join at once and at last."""
    rows = np.array([1, 4, 5, 6, 8, 9, 30, 40, 42, 44])
    assert found(rows, 5) == [(1, 5, 9, 6), (40, 44, 44, 3)]


def test_runs_that_touch_are_one() -> None:
    """One of one: adjacent rows touch, others do not; two of three at 1 2 3 4 overlap."""
    assert found(np.array([1, 2, 4]), 1) == [(1, 1, 2, 2), (4, 4, 4, 1)]
    assert found(np.array([1, 2, 3, 4]), 3) == [(1, 2, 4, 4)]


@pytest.mark.parametrize("window", [1, 2, 5, 82])
def test_all_flagged_is_one_incident_noticed_after_half_a_window(window: int) -> None:
    """The start of a file needs as many flags as any other place."""
    assert found(np.arange(1, 1001), window) == [(1, window // 2 + 1, 1000, 1000)]
    assert found(np.arange(1, window // 2 + 1), window) == []


@given(rows=ROWS, window=WINDOWS, shift=st.integers(0, 10**12))
def test_shifted_rows_shift_incidents(rows: np.ndarray, window: int, shift: int) -> None:
    """Where a file starts does not matter."""
    moved = [(*(row + shift for row in each[:3]), each[3]) for each in found(rows, window)]
    assert found(rows + shift, window) == moved


@given(rows=ROWS, more=ROWS, window=WINDOWS)
def test_more_flags_never_take_coverage_away(
    rows: np.ndarray, more: np.ndarray, window: int
) -> None:
    """Each incident lies within one of those with more flags, which is noticed no later."""
    later = found(np.union1d(rows, more), window)
    for first, voted, last, _ in found(rows, window):
        assert any(a <= first and b <= voted and last <= c for a, b, c, _ in later)


@given(rows=ROWS, window=WINDOWS)
def test_what_every_incident_has(rows: np.ndarray, window: int) -> None:
    """More than half a window of records, a delay of at most a window, records of its own."""
    last_row = 0
    for first, voted, last, records in found(rows, window):
        assert 2 * records > window
        assert voted - first + 1 <= window
        assert last_row < first <= voted <= last
        last_row = last


def test_a_million_flags() -> None:
    """Half of two million rows, at random: votes begin where running sums say."""
    is_flagged = np.random.default_rng(0).random(2_000_000) < 0.5
    rows, window = np.flatnonzero(is_flagged) + 1, 41
    total = np.concatenate([np.zeros(window, dtype=int), np.cumsum(is_flagged)])
    votes = 2 * (total[window:] - total[:-window]) > window
    runs = np.flatnonzero(votes & ~np.roll(votes, 1)) + 1
    first, voted, last = find_incidents(rows, window)
    assert np.isin(rows[voted], runs).all()
    of_run = np.searchsorted(rows[first], runs, side="right") - 1
    assert (runs <= rows[last][of_run]).all()
    assert np.array_equal(np.unique(of_run), np.arange(first.size))


@pytest.mark.parametrize(("window", "share"), [(0, 1.0), (5, 0.0), (5, 1.1)])
def test_impossible_windows_are_refused(window: int, share: float) -> None:
    """Both values are told."""
    with pytest.raises(ValueError, match=rf"{window} and share {share}"):
        find_incidents(np.arange(3), window, share)
