"""Detectors that compare a row with its own device: which rows they do that for, and how alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from product import envelope, neighbours
from rows_of_devices import DEVICES, OF_ROWS, ROWS, TRAIN

if TYPE_CHECKING:
    from iotscore.detect.detector import Detector


@pytest.fixture(scope="module", params=[envelope(), neighbours()], ids=["envelope", "neighbours"])
def unfitted(request: pytest.FixtureRequest) -> Detector:
    """Return each detector in turn."""
    return request.param


@pytest.fixture(scope="module")
def fitted(unfitted: Detector) -> Detector:
    """Return the detector fitted with devices."""
    return unfitted.fit(TRAIN, DEVICES)


@pytest.mark.parametrize("number", [6, -1, 77])
def test_other_rows_are_compared_with_the_pooled_part(fitted: Detector, number: int) -> None:
    """Devices of 49 rows, unknown and new ones have the scores of rows without a device."""
    assert fitted.to_arrays()["devices"].tolist() == [-1, 0, 4, 9]
    pooled = fitted.score(ROWS)
    assert np.array_equal(fitted.score(ROWS, np.full(503, number)), pooled)
    mine = number == OF_ROWS
    assert np.array_equal(fitted.score(ROWS, OF_ROWS)[mine], pooled[mine])


def test_without_devices_only_the_pooled_part_is_fitted(
    unfitted: Detector, fitted: Detector
) -> None:
    """Fitting without devices gives the same pooled part; then all numbers are new ones."""
    pooled = unfitted.fit(TRAIN)
    assert pooled.to_arrays()["devices"].tolist() == [-1]
    assert np.array_equal(pooled.score(ROWS, OF_ROWS), fitted.score(ROWS))


@settings(max_examples=30)
@given(cuts=st.lists(st.integers(0, 503), max_size=12), seed=st.integers(0, 2**32 - 1))
def test_a_score_depends_on_its_row_and_device_alone(
    fitted: Detector, cuts: list[int], seed: int
) -> None:
    """Devices mixed in any order and any batches: not a bit changes."""
    order = np.random.default_rng(seed).permutation(503)
    batches = np.split(order, sorted(cuts))
    scores = np.concatenate([fitted.score(ROWS[batch], OF_ROWS[batch]) for batch in batches])
    assert np.array_equal(scores, fitted.score(ROWS, OF_ROWS)[order])
    alone = order[0]
    assert fitted.score(ROWS[[alone]], OF_ROWS[[alone]]).item() == scores[0]


def test_memory_layout_does_not_matter(unfitted: Detector, fitted: Detector) -> None:
    """Fortran order and strides, of rows and of devices, give the same scores."""
    scores = fitted.score(ROWS, OF_ROWS)
    assert np.array_equal(fitted.score(np.asfortranarray(ROWS), OF_ROWS), scores)
    assert np.array_equal(fitted.score(ROWS[::-3], OF_ROWS[::-3]), scores[::-3])
    again = unfitted.fit(np.asfortranarray(TRAIN), DEVICES)
    assert np.array_equal(again.score(ROWS, OF_ROWS), scores)
