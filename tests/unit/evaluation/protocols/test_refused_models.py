"""Models that give false figures are refused, and none is given the number of a held-out device."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest

from distance_protocol import SAMPLE, Distance, fit_as
from iotscore.errors import ModelError
from iotscore.evaluation.protocols import evaluate
from iotscore.evaluation.protocols.baseline import LINEAR
from iotscore.evaluation.protocols.cross_validate import cross_validate
from iotscore.evaluation.protocols.rounds import Plan, chronological, leave_one_device_out

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


@dataclass(frozen=True, eq=False)
class NoThreshold(Distance):
    """Breaks its promise: it has no threshold."""

    def threshold(self, name: str, budget: float) -> float:
        """Return NaN: nothing would ever be flagged."""
        del name, budget
        return float("nan")


@dataclass(frozen=True, eq=False)
class Impostor(Distance):
    """Breaks its promise: it calls itself what it has to beat."""

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return scores under the name of a baseline."""
        return {LINEAR: super().scores(X, device_ids)["lstm"]}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (BatchNormalised, "otherwise when the rest of"),
        (NotFinite, "are not finite"),
        (NoThreshold, "threshold of lstm for 0.01 of benign rows is nan"),
        (Impostor, f"calls a detector {LINEAR}"),
    ],
)
def test_a_model_that_breaks_its_promise_is_refused(kind: type[Distance], said: str) -> None:
    """Scores of the batch, NaN, no threshold and a borrowed name would all give false figures."""
    with pytest.raises(ModelError, match=said):
        evaluate(SAMPLE, fit_as(kind), "chronological")


def test_rounds_have_the_same_detectors() -> None:
    """A detector that only some rounds have cannot be pooled."""

    @dataclass(frozen=True, eq=False)
    class Fewer(Distance):
        def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
            found = super().scores(X, device_ids)
            return {name: found[name] for name in found if name != "lstm" or 1 in self.means}

    with pytest.raises(ModelError, match="every fit must give the same detectors"):
        cross_validate(SAMPLE, leave_one_device_out(SAMPLE, Plan()), fit_as(Fewer), (0.05,))


def test_a_held_out_device_has_no_number() -> None:
    """What scores a held-out device is not told which it is; in time it is."""
    told: list[set[int]] = []

    @dataclass(frozen=True, eq=False)
    class Listener(Distance):
        def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
            told.append(set(device_ids.tolist()))
            return super().scores(X, device_ids)

    cross_validate(SAMPLE, leave_one_device_out(SAMPLE, Plan()), fit_as(Listener), (0.05,))
    assert set(chain(*told)) == {-1}
    told.clear()
    cross_validate(SAMPLE, chronological(SAMPLE, Plan()), fit_as(Listener), (0.05,))
    assert set(chain(*told)) == {1, 2, 3}
