"""Weighted curves, areas and thresholds, against scikit-learn on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from iotscore.detect.metrics import (
    ScoreCounts,
    average_precision,
    fpr_at_tpr,
    roc_auc,
    youden_threshold,
)

ROW = st.tuples(
    st.integers(-3, 3).map(lambda score: score / 7),  # few values: many ties
    st.sampled_from([0.25, 1.0, 3.7, 1316.8]),
    st.booleans(),
)
BOTH = [(0.5, 1.0, False), (0.5, 2.0, True)]
ROWS = st.lists(ROW, max_size=40).map(lambda rows: [*rows, *BOTH])
SHARE = st.floats(1e-5, 1 - 1e-5)


def columns(
    rows: list[tuple[float, float, bool]],
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return scores, ascending, with weights and truth."""
    scores, weights, attacks = (np.array(column) for column in zip(*rows, strict=True))
    order = np.argsort(scores, kind="stable")
    return scores[order], weights[order], attacks[order]


@given(ROWS)
def test_areas_are_those_of_scikit_learn(rows: list[tuple[float, float, bool]]) -> None:
    """Both areas agree with weights and ties; in any order of equal scores."""
    scores, weights, attacks = columns(rows)
    counts = ScoreCounts.from_scores(scores, attacks, weights)
    area = sk.roc_auc_score(attacks, scores, sample_weight=weights)
    precision = sk.average_precision_score(attacks, scores, sample_weight=weights)
    assert roc_auc(counts).value == pytest.approx(area, abs=1e-12)
    share = float(np.average(attacks, weights=weights))
    assert average_precision(counts.at_prevalence(share)).value == pytest.approx(
        precision, abs=1e-9
    )


@given(ROWS, SHARE)
def test_another_base_rate_is_another_weight(
    rows: list[tuple[float, float, bool]], share: float
) -> None:
    """Average precision at a base rate is that of rows weighted to have it; AUC does not move."""
    scores, weights, attacks = columns(rows)
    counts = ScoreCounts.from_scores(scores, attacks, weights)
    other = np.where(
        attacks,
        share * weights / weights[attacks].sum(),
        (1 - share) * weights / weights[~attacks].sum(),
    )
    expected = sk.average_precision_score(attacks, scores, sample_weight=other)
    assert average_precision(counts.at_prevalence(share)).value == pytest.approx(
        expected, abs=1e-12
    )
    area = sk.roc_auc_score(attacks, scores, sample_weight=other)
    assert roc_auc(counts).value == pytest.approx(area, abs=1e-9)


@given(ROWS, st.sampled_from([0.5, 0.9, 0.999, 1.0]))
def test_thresholds_are_the_best_of_all(
    rows: list[tuple[float, float, bool]], target: float
) -> None:
    """No cut between two scores has a lower FPR at the TPR, or a larger TPR - FPR."""
    scores, weights, attacks = columns(rows)
    counts = ScoreCounts.from_scores(scores, attacks, weights)

    def rates(threshold: float) -> tuple[float, float]:
        flags = scores > threshold
        return (
            float(weights[flags & ~attacks].sum() / weights[~attacks].sum()),
            float(weights[flags & attacks].sum() / weights[attacks].sum()),
        )

    cuts = [rates(threshold) for threshold in (*np.unique(scores), scores[0] - 1)]
    lowest = min(fpr for fpr, tpr in cuts if tpr >= target - 1e-12)
    assert fpr_at_tpr(counts, target) == pytest.approx(lowest, abs=1e-12)
    youden = youden_threshold(counts)
    assert youden is not None
    fpr, tpr = rates(youden)
    best = max(one_tpr - one_fpr for one_fpr, one_tpr in cuts)
    assert tpr - fpr == pytest.approx(best, abs=1e-12)
    ties = [one_fpr for one_fpr, one_tpr in cuts if one_tpr - one_fpr > best - 1e-13]
    assert fpr <= min(ties) + 1e-12


def test_a_known_curve() -> None:
    """Attacks of weight 999 score above all, one of weight 1 below all: a TPR of 99.9 % is free."""
    scores = np.array([0.0, 1.0, 2.0, 3.0])
    counts = ScoreCounts.from_scores(
        scores, np.array([1, 0, 0, 1]), np.array([1.0, 5.0, 5.0, 999.0])
    )
    assert fpr_at_tpr(counts, 0.999) == 0.0
    assert fpr_at_tpr(counts, 0.9991) == 1.0
    assert roc_auc(counts).value == pytest.approx(0.999)
    assert youden_threshold(counts) == 2.0


@pytest.mark.parametrize("attacks", [[], [False, False], [True, True]])
def test_one_class_alone_has_no_curve(attacks: list[bool]) -> None:
    """Figures that compare the classes are None, never 0 or NaN."""
    size = len(attacks)
    counts = ScoreCounts.from_scores(
        np.arange(size, dtype=float), np.array(attacks, bool), np.ones(size)
    )
    assert not counts.has_both
    assert roc_auc(counts).value is None
    assert fpr_at_tpr(counts, 0.999) is None
    assert youden_threshold(counts) is None
