"""A model under a protocol: thresholds for any budget, features left out, benign rows alone."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.detect.model import BATCH_MINMAX, TAIL
from iotscore.evaluation.protocols.benign import Benign, BenignPart
from iotscore.evaluation.protocols.evaluate import evaluate
from iotscore.evaluation.protocols.sample import FEATURE_SETS, Sample, SampleFile
from iotscore.evaluation.trained import fit_of
from iotscore.features import FEATURES
from product import envelope, fit_of_product, neighbours, protocol_run

if TYPE_CHECKING:
    from iotscore.detect.fit import FitSettings

ROWS = 240
FILES = (
    SampleFile("1.benign.csv", 1, "bell", "benign", None, rows=ROWS, weight=1.0),
    SampleFile("2.benign.csv", 2, "cam", "benign", None, rows=ROWS, weight=3.0),
    SampleFile("1.mirai.ack.csv", 1, "bell", "mirai", "ack", rows=60, weight=2.0),
    SampleFile("2.gafgyt.tcp.csv", 2, "cam", "gafgyt", "tcp", rows=60, weight=2.0),
)


def settings(normalisation: str) -> FitSettings:
    """Return two quick detectors."""
    return fit_of_product(
        detectors=(neighbours(), envelope()),
        weights={"neighbours": 0.5, "envelope": 0.5},
        false_positive_rate=0.01,
        normalisation=normalisation,
    )


def rows(count: int, place: float, seed: int) -> np.ndarray:
    """Return rows about a place."""
    return np.random.default_rng(seed).normal(place, 1.0, (count, len(FEATURES)))


def sample() -> Sample:
    """Return two devices with a place each, and attacks elsewhere."""
    parts = [rows(ROWS, 10.0, 1), rows(ROWS, 30.0, 2), rows(60, 60.0, 3), rows(60, 16.0, 4)]
    index = np.repeat(np.arange(4), [len(part) for part in parts])
    row_no = np.concatenate([np.arange(1, len(part) + 1) for part in parts])
    return Sample(np.concatenate(parts), FEATURES, index, row_no, FILES)


def benign() -> Benign:
    """Return rows to learn from."""
    index = np.zeros(120, dtype=np.int64)
    parts = [
        BenignPart(rows(120, 10.0, seed), index + 1, index, np.arange(120) + 1) for seed in (1, 2)
    ]
    return Benign(FEATURES, *parts)


@pytest.mark.parametrize("budget", [0.02, 0.1, 0.3])
def test_thresholds_keep_any_budget(budget: float) -> None:
    """A threshold is a level of tail probability, and flags about the share it promises."""
    later, devices = rows(4000, 10.0, 9), np.ones(4000, dtype=np.int64)
    tail = fit_of(settings(TAIL))(benign())
    assert tail.threshold("hybrid", budget) == -math.log(0.9 * budget)
    flagged = tail.scores(later, devices)["hybrid"] > tail.threshold("hybrid", budget)
    assert flagged.mean() < 1.6 * budget


def test_what_is_not_calibrated_has_raw_scores_alone() -> None:
    """Under batch_minmax there is no hybrid score before everything is scored."""
    raw = fit_of(settings(BATCH_MINMAX))(benign())
    assert set(raw.scores(rows(3, 10.0, 9), np.ones(3, np.int64))) == {"neighbours", "envelope"}


def test_a_protocol_fits_and_measures_it() -> None:
    """Attacks far away are found with every feature set, and the promise is about kept."""
    run = protocol_run("chronological", budgets=(0.05,), draws=20)
    found = evaluate(sample(), fit_of(settings(TAIL)), run)
    hybrid = [
        row
        for row in found
        if row["detector"] == "hybrid" and row["scope"] == "all" and row["budget"] == 0.05
    ]
    assert [row["feature_set"] for row in hybrid] == list(FEATURE_SETS)
    assert [row["n_features"] for row in hybrid] == [115, 110, 100]
    for row in hybrid:
        assert row["tpr"] == 1.0
        assert row["fpr"] < 0.2
        assert row["n_benign"] == 2 * (ROWS // 3 - 2)
