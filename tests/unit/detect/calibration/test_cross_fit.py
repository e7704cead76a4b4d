"""Held-out scores: each row is scored once, by a fit that has not seen it or its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.calibration.cross_fit import GAP, blocks, held_out_scores
from iotscore.detect.scaling import MinMaxScaler
from iotscore.errors import TrainingError

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray, IntArray, Progress


@dataclass(frozen=True)
class Nearest:
    """Score a row by its distance to the nearest fitted one: 0 if it was fitted on."""

    name: ClassVar[str] = "nearest"
    is_quick: ClassVar[bool] = True
    rows_: Float32Array | None = None

    def fit(
        self,
        X: Float32Array,
        devices: IntArray | None = None,  # noqa: ARG002 one set of rows for all devices
        progress: Progress | None = None,  # noqa: ARG002 no epochs
    ) -> Self:
        """Remember the rows."""
        return replace(self, rows_=X)

    def score(
        self,
        X: Float32Array,
        devices: IntArray | None = None,  # noqa: ARG002 one set of rows for all devices
    ) -> FloatArray:
        """Return the distances."""
        return np.abs(X[:, None, :] - self.rows_[None]).sum(axis=2).min(axis=1).astype(np.float64)


@given(st.lists(st.integers(-1, 3), min_size=1, max_size=120), st.integers(2, 6))
def test_blocks_part_the_rows(devices: list[int], n_blocks: int) -> None:
    """Every row is held out once; no fitted row of its device is within the gap."""
    of_rows = np.array(devices)
    times = np.zeros(of_rows.size, dtype=int)
    for held, rest in blocks(of_rows, n_blocks):
        times += held
        assert not (held & rest).any()
        for device in np.unique(of_rows):
            mine = np.flatnonzero(of_rows == device)
            places = np.flatnonzero(held[mine])
            if places.size:
                near = slice(max(places.min() - GAP, 0), places.max() + GAP + 1)
                assert not rest[mine][near].any()
                assert rest[mine][: near.start].all()
                assert rest[mine][near.stop :].all()
    assert (times == 1).all()


def test_no_row_is_scored_by_a_fit_that_saw_it() -> None:
    """With distinct rows on a line the nearest fitted row is beyond the gap."""
    rows = np.arange(100.0)[:, None]
    devices = np.zeros(100, dtype=np.int64)
    parts = blocks(devices, 4)
    scores = held_out_scores(Nearest(), MinMaxScaler("keep", 0.0), rows, devices, parts)
    assert (scores > 0.0).all()
    # The scaler is fitted anew, too: with the last block left out, 0 to 72 become 0 to 1.
    assert scores[99] == pytest.approx((99 - 72) / 72, rel=1e-5)
    assert scores[75] == pytest.approx((75 - 72) / 72, rel=1e-5)


def test_too_few_rows() -> None:
    """If nothing is left to fit on, that is told."""
    devices = np.zeros(2, dtype=np.int64)
    with pytest.raises(TrainingError, match="too few"):
        held_out_scores(
            Nearest(), MinMaxScaler("keep", 0.0), np.zeros((2, 1)), devices, blocks(devices, 2)
        )
