"""Cutting benign files into parts."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.sampling.record_hash import record_hashes
from iotscore.sampling.splits import (
    CALIBRATION,
    NONE,
    SPLITS,
    TEST,
    TRAIN,
    FilePart,
    SplitPlan,
    cut_file,
    split_codes,
)

THIRD = 0.3333333333333333
SHARES = st.tuples(st.floats(0.0, 1.0), st.floats(0.0, 1.0)).filter(lambda pair: sum(pair) <= 1.0)


@given(st.integers(0, 10**9), SHARES)
def test_parts_lie_in_order_within_the_file(rows: int, shares: tuple[float, float]) -> None:
    """Training ends before calibration, both within the file, each as long as its share."""
    part = cut_file(rows, *shares)
    assert 0 <= part.train_end <= part.calibration_end <= rows
    # One row of slack for rounding down, and one part in a million million for float64.
    slack = 1 + 1e-6
    assert abs(part.train_end - rows * shares[0]) <= slack
    assert abs(part.calibration_end - rows * sum(shares)) <= slack


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


def splits_of(
    plan: SplitPlan, file_id: str, rows: list[int], *, is_labelled: bool = True
) -> list[str]:
    """Return the names of the splits of some records."""
    codes = split_codes(plan, file_id, np.array(rows, dtype=np.int64), is_labelled=is_labelled)
    assert (codes.dtype, codes.shape) == (np.dtype(np.int8), (len(rows),))
    return [SPLITS[code] for code in codes]


def hash_of(seed: int, file_id: str, row: int) -> int:
    """Return the hash of one record."""
    return int(record_hashes(seed, file_id, np.array([row]))[0])


def test_parts_end_with_their_last_row() -> None:
    """Rows up to and with a part's end belong to it; the rest of the file is for testing."""
    plan = SplitPlan(42, 1.0, {"benign": FilePart(3, 5)})
    expected = [TRAIN, TRAIN, TRAIN, CALIBRATION, CALIBRATION, TEST, TEST]
    assert splits_of(plan, "benign", [1, 2, 3, 4, 5, 6, 10**12]) == expected
    assert splits_of(plan, "benign", [10**12, 6, 5, 4, 3, 2, 1]) == expected[::-1]
    assert splits_of(plan, "benign", []) == []


def test_empty_parts_have_no_rows() -> None:
    """A file too small to fit a model is for calibration or testing from its first row on."""
    parts = {"a": FilePart(0, 0), "b": FilePart(0, 1), "c": FilePart(1, 1)}
    found = {name: splits_of(SplitPlan(42, 1.0, parts), name, [1, 2]) for name in parts}
    assert found == {"a": [TEST, TEST], "b": [CALIBRATION, TEST], "c": [TRAIN, TEST]}


def test_records_of_other_files_are_for_testing() -> None:
    """A model has not seen a file that its plan does not name; without a label it is no use."""
    plan = SplitPlan(42, 1.0, {"benign": FilePart(3, 5)}, -(2**63), -(2**63))
    assert splits_of(plan, "attack", [1, 4, 6]) == [TEST, TEST, TEST]
    assert splits_of(plan, "attack", [1, 4, 6], is_labelled=False) == [NONE, NONE, NONE]


def test_unlabelled_records_are_for_nothing() -> None:
    """Not even in a file of the plan: without a label a record neither fits nor measures."""
    plan = SplitPlan(42, 1.0, {"benign": FilePart(3, 5)})
    assert splits_of(plan, "benign", [1, 4, 6], is_labelled=False) == [NONE, NONE, NONE]


@pytest.mark.parametrize("edge", [-1, 0])
def test_a_cutoff_is_the_last_hash_taken(edge: int) -> None:
    """The record whose hash is the cut-off was taken; one whose hash is above it was left out."""
    hashes = {row: hash_of(7, "f", row) for row in (1, 2, 3, 4)}
    part = {"f": FilePart(2, 4)}
    train = SplitPlan(7, 1.0, part, train_cutoff=max(hashes[1], hashes[2]) + edge)
    calibration = SplitPlan(7, 1.0, part, calibration_cutoff=max(hashes[3], hashes[4]) + edge)
    rows = [1, 2, 3, 4, 5]
    expected = [TRAIN, TRAIN, CALIBRATION, CALIBRATION, TEST]
    if edge:
        left_out = 0 if hashes[1] > hashes[2] else 1
        assert splits_of(train, "f", rows) == [
            NONE if place == left_out else name for place, name in enumerate(expected)
        ]
        left_out = 2 if hashes[3] > hashes[4] else 3
        assert splits_of(calibration, "f", rows) == [
            NONE if place == left_out else name for place, name in enumerate(expected)
        ]
    else:
        assert splits_of(train, "f", rows) == splits_of(calibration, "f", rows) == expected


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 40), max_size=40),
    st.tuples(st.integers(0, 30), st.integers(0, 30)).map(sorted),
    st.none() | st.integers(-(2**63), 2**63 - 1),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)
def test_splits_are_those_of_the_slow_way(
    seed: int,
    rows: list[int],
    ends: list[int],
    train_cutoff: int | None,
    calibration_cutoff: int | None,
) -> None:
    """At any ends and cut-offs each record gets what one record at a time would get."""
    plan = SplitPlan(seed, 1.0, {"f": FilePart(*ends)}, train_cutoff, calibration_cutoff)

    def slow(row: int) -> str:
        if row > ends[1]:
            return TEST
        name, cutoff = (
            (TRAIN, train_cutoff) if row <= ends[0] else (CALIBRATION, calibration_cutoff)
        )
        return NONE if cutoff is not None and hash_of(seed, "f", row) > cutoff else name

    assert splits_of(plan, "f", rows) == [slow(row) for row in rows]
