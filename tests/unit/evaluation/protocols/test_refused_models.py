"""Models that give false figures are refused, and none is given the number of a held-out device."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest

from distance_protocol import ONE_SET, SAMPLE, Distance, fit_as, run_of
from iotscore.errors import ModelError
from iotscore.evaluation.protocols.cross_validate import cross_validate
from iotscore.evaluation.protocols.evaluate import evaluate
from iotscore.evaluation.protocols.rounds import chronological, leave_one_device_out
from product import PLAN

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class BatchNormalised(Distance):
    """Breaks its promise: scores are fractions of the largest in the batch."""

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return scores that depend on the other rows."""
        found = super().scores(X, device_ids)
        return {name: scores / scores.sum() for name, scores in found.items()}


@dataclass(frozen=True, eq=False)
class NotFinite(Distance):
    """Breaks its promise: scores of some rows are no numbers."""

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return NaN for small scores."""
        found = super().scores(X, device_ids)
        return {name: np.where(scores < 1, np.nan, scores) for name, scores in found.items()}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (BatchNormalised, "otherwise when the rest of"),
        (NotFinite, "are not finite"),
    ],
)
def test_a_model_that_breaks_its_promise_is_refused(kind: type[Distance], said: str) -> None:
    """Scores of the batch and NaN would give false figures."""
    with pytest.raises(ModelError, match=said):
        evaluate(SAMPLE, fit_as(kind), run_of("chronological", feature_sets=ONE_SET))


def test_a_held_out_device_has_no_number() -> None:
    """What scores a held-out device is not told which it is; in time it is."""
    told: list[set[int]] = []

    @dataclass(frozen=True, eq=False)
    class Listener(Distance):
        def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
            told.append(set(device_ids.tolist()))
            return super().scores(X, device_ids)

    cross_validate(SAMPLE, leave_one_device_out(SAMPLE, PLAN), fit_as(Listener), (0.05,))
    assert set(chain(*told)) == {-1}
    told.clear()
    cross_validate(SAMPLE, chronological(SAMPLE, PLAN), fit_as(Listener), (0.05,))
    assert set(chain(*told)) == {1, 2, 3}
