"""Thresholds for other promises, against a search over the scores themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.envelope import Envelope
from iotscore.detect.fit import FitSettings
from iotscore.detect.metrics import ScoreCounts
from iotscore.evaluation.what_if import tail_threshold, threshold_for, what_if

SCORES = st.lists(st.integers(-5, 20).map(float), min_size=1, max_size=40)
PERCENT = st.integers(0, 100)


def counts_of(benign: list[float], attacks: list[float]) -> ScoreCounts:
    """Count scores, each distinct one in a bin of its own."""
    labels = [0] * len(benign) + [1] * len(attacks)
    return ScoreCounts.from_scores(np.array([*benign, *attacks]), np.array(labels))


@given(SCORES, SCORES, PERCENT)
def test_threshold_is_the_lowest_that_keeps_the_promise(
    benign: list[float], attacks: list[float], percent: int
) -> None:
    """Of all benign scores it is the lowest with so few benign records above it."""
    allowed = [
        score
        for score in benign
        if 100 * sum(other > score for other in benign) <= percent * len(benign)
    ]
    assert threshold_for(counts_of(benign, attacks), percent / 100) == min(allowed)


@given(SCORES, SCORES, st.lists(st.floats(-6.0, 21.0), unique=True, max_size=3))
def test_figures_are_those_of_the_flags(
    benign: list[float], attacks: list[float], thresholds: list[float]
) -> None:
    """What is counted are records above each threshold, in the order of the promises."""
    asked = {0.1 * (rank + 1): threshold for rank, threshold in enumerate(thresholds)}
    found = what_if(counts_of(benign, attacks), asked)
    assert [(one.promised, one.threshold) for one in found] == list(asked.items())
    for one in found:
        assert one.confusion.fp == sum(score > one.threshold for score in benign)
        assert one.confusion.tp == sum(score > one.threshold for score in attacks)
        assert one.confusion.total == len(benign) + len(attacks)
        assert one.unsure == 0
        assert one.fpr_interval is not None
        low, high = one.fpr_interval
        assert low <= one.confusion.fp / len(benign) <= high


@given(st.floats(1e-6, 0.5), st.floats(1e-6, 0.5), st.floats(0.1, 1.0))
def test_a_promise_of_a_tail_moves_as_training_would_set_it(
    promised: float, wanted: float, margin: float
) -> None:
    """The threshold is the one that a training with the other promise gives."""

    def trained(rate: float) -> float:
        one = Envelope()
        settings = FitSettings((one,), {one.name: 1.0}, false_positive_rate=rate, margin=margin)
        return settings.alert_level

    threshold = tail_threshold(trained(promised), promised, wanted)
    assert threshold == pytest.approx(trained(wanted), abs=1e-9)


def test_a_cut_bin_is_told() -> None:
    """Records of a bin on both sides of the threshold are unsure, and not flagged."""
    low, high = np.array([0.0, 2.0]), np.array([1.0, 3.0])
    bins = ScoreCounts(low, high, np.array([1, 1]), np.array([0, 4]))
    [found] = what_if(bins, {0.0: 2.5})
    assert (found.threshold, found.unsure, found.confusion.tp) == (2.5, 5, 0)


def test_nothing_to_set_a_threshold_by_is_refused() -> None:
    """Without benign records, or with an impossible share, there is no threshold."""
    with pytest.raises(ValueError, match="no benign record"):
        threshold_for(counts_of([], [1.0]), 0.1)
    with pytest.raises(ValueError, match="promised share"):
        threshold_for(counts_of([1.0], []), 1.5)
