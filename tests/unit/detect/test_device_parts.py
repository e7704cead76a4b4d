"""Rows and parts: whose rows fit a part, and which part scores a row."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.detector import require_rows
from iotscore.detect.detectors.envelope import Ranges
from iotscore.detect.device_parts import (
    POOLED,
    evenly,
    grouped,
    part_of_rows,
    rows_by_part,
)
from iotscore.errors import ModelError, TrainingError

NUMBERS = st.lists(st.integers(-2, 6), max_size=60)


def test_parts_of_a_small_example() -> None:
    """All rows for the pooled part; devices with enough rows after it, rising, rows in order."""
    devices = np.array([7, -1, 3, 7, 3, 5, 7, -1, -2, -2])
    parts = {number: rows.tolist() for number, rows in rows_by_part(devices, 10, 2).items()}
    assert parts == {POOLED: list(range(10)), 3: [2, 4], 7: [0, 3, 6]}
    assert list(parts) == [POOLED, 3, 7]
    assert list(rows_by_part(devices, 10, 3)) == [POOLED, 7]


def test_without_devices_there_is_only_the_pooled_part() -> None:
    """``None`` and rows of no device give one part of all rows."""
    for devices in (None, np.full(4, -1)):
        parts = rows_by_part(devices, 4, 1)
        assert list(parts) == [POOLED]
        assert parts[POOLED].tolist() == [0, 1, 2, 3]


@given(known=st.sets(st.integers(0, 6)), numbers=NUMBERS)
def test_every_row_finds_its_part_or_the_pooled_one(known: set[int], numbers: list[int]) -> None:
    """Numbers that are known lead to their own part, all others to the first."""
    parts = [POOLED, *sorted(known)]
    found = part_of_rows(np.array(parts), np.array(numbers, dtype=np.int64), len(numbers))
    assert found.dtype == np.int64
    assert found.tolist() == [parts.index(each) if each in known else 0 for each in numbers]
    assert part_of_rows(np.array(parts), None, 3).tolist() == [0, 0, 0]


@given(part=st.lists(st.integers(0, 5), max_size=60))
def test_groups_hold_every_row_once(part: list[int]) -> None:
    """Between two bounds stand the rows of one part, and no others."""
    order, bounds = grouped(np.array(part, dtype=np.int64), 6)
    assert bounds.size == 7
    for index in range(6):
        rows = order[bounds[index] : bounds[index + 1]]
        assert sorted(rows.tolist()) == [row for row, each in enumerate(part) if each == index]


@given(n_rows=st.integers(0, 3000), count=st.integers(1, 400))
def test_rows_are_drawn_evenly_from_the_first_to_the_last(n_rows: int, count: int) -> None:
    """As many as asked or there are; each once; gaps differ by at most one row."""
    drawn = evenly(n_rows, count)
    assert drawn.size == min(count, n_rows)
    if drawn.size > 1:
        assert (drawn[0], drawn[-1]) == (0, n_rows - 1)
        gaps = np.diff(drawn)
        assert gaps.min() >= 1
        assert gaps.max() - gaps.min() <= 1


def test_draws_at_hand_computed_points() -> None:
    """Halves are rounded up: of six rows three are the first, the fourth and the last."""
    assert evenly(6, 3).tolist() == [0, 3, 5]
    assert evenly(5, 3).tolist() == [0, 2, 4]
    assert evenly(3, 300).tolist() == [0, 1, 2]
    assert evenly(9, 1).tolist() == [0]


def test_one_device_number_per_row_is_needed() -> None:
    """Device numbers that do not belong to the rows are the caller's fault."""
    with pytest.raises(ValueError, match=r"\(3,\).*4 rows"):
        rows_by_part(np.zeros(3, dtype=np.int64), 4, 1)
    with pytest.raises(ValueError, match=r"\(5,\).*4 rows"):
        part_of_rows(np.array([POOLED]), np.zeros(5, dtype=np.int64), 4)


def test_too_few_rows_are_counted_in_the_message() -> None:
    """The message says what was found and what is needed."""
    require_rows(np.zeros((3, 2)), 3, "the search")
    with pytest.raises(TrainingError, match=r"the search .*\(2, 2\).*at least 3"):
        require_rows(np.zeros((2, 2)), 3, "the search")
    with pytest.raises(TrainingError, match="at least 3"):
        require_rows(np.zeros(9), 3, "the search")


@pytest.mark.parametrize("known", [[], [0, 1], [-1, 3, 2], [-1, 2, 2], [-1, -1]])
def test_stored_devices_that_cannot_be_searched_are_refused(known: list[int]) -> None:
    """The pooled part first, then rising numbers, each once."""
    good = np.array([-1, 0, 4])
    width = np.zeros((len(known), 2))
    assert Ranges(good, np.zeros((3, 2)), np.ones((3, 2))).devices.tolist() == [-1, 0, 4]
    with pytest.raises(ModelError, match=r"stored envelope is damaged \(its devices are"):
        Ranges(np.array(known, dtype=np.int64), width, width)
