"""Cutting benign files into parts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.splits import CALIBRATION, NONE, TEST, TRAIN, FilePart, SplitPlan, cut_file

THIRD = 0.3333333333333333
SHARES = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)).filter(lambda pair: sum(pair) <= 1.0)


@settings(deadline=None)
@given(st.integers(0, 10**9), SHARES)
def test_parts_lie_in_order_within_the_file(rows: int, shares: tuple[float, float]) -> None:
    """Training ends before calibration, both within the file, each as long as its share."""
    part = cut_file(rows, *shares)
    assert 0 <= part.train_end <= part.calibration_end <= rows
    # One row of slack for rounding down, and one part in a million million for float64.
    slack = 1 + 1e-6
    assert abs(part.train_end - rows * shares[0]) <= slack
    assert abs(part.calibration_end - rows * sum(shares)) <= slack


@settings(deadline=None)
@given(st.integers(1, 10**8))
def test_thirds_are_whole_thirds(rows: int) -> None:
    """The decimal 0.333… means a third: a file of three equal parts is cut into them exactly."""
    assert cut_file(3 * rows, THIRD, THIRD) == FilePart(rows, 2 * rows)


@pytest.mark.parametrize(
    ("rows", "shares", "ends"),
    [
        (400, (THIRD, THIRD), (133, 266)),
        (400, (1.0, 0.0), (400, 400)),
        (400, (0.5, 0.5), (200, 400)),
        (10, (0.7, 0.3), (7, 10)),
        (10, (0.1, 0.2), (1, 3)),
        (100, (0.29, 0.28), (29, 57)),
        (100, (0.01, 0.06), (1, 7)),
        (2, (THIRD, THIRD), (0, 1)),
        (1, (THIRD, THIRD), (0, 0)),
        (0, (0.5, 0.5), (0, 0)),
    ],
)
def test_known_cuts(rows: int, shares: tuple[float, float], ends: tuple[int, int]) -> None:
    """Shares are rounded down; what is left over is for testing."""
    assert cut_file(rows, *shares) == FilePart(*ends)


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.floats(0.0, 1.0, exclude_min=True),
    st.dictionaries(st.text(max_size=16), st.builds(FilePart, st.integers(0), st.integers(0))),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_a_plan_survives_json(
    seed: int,
    fraction: float,
    parts: dict[str, FilePart],
    train_cutoff: int | None,
    calibration_cutoff: int | None,
) -> None:
    """A plan in a manifest comes back equal to the bit, so scoring knows what was trained on."""
    plan = SplitPlan(seed, fraction, parts, train_cutoff, calibration_cutoff)
    assert SplitPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_names_of_splits_are_those_of_the_tables() -> None:
    """The words are stored in every scored record, so they must stay."""
    assert (TRAIN, CALIBRATION, TEST, NONE) == ("train", "calibration", "test", "none")
