"""Weighted curves and base rates, against scikit-learn on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from iotscore.evaluation.protocols.curve import Curve
from iotscore.evaluation.protocols.intervals import Interval
from iotscore.evaluation.protocols.rates import RATES, precision_bounds, rates_at

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
    curve = Curve.of_sorted(scores, weights, attacks)
    area = sk.roc_auc_score(attacks, scores, sample_weight=weights)
    precision = sk.average_precision_score(attacks, scores, sample_weight=weights)
    assert curve.roc_auc() == pytest.approx(area, abs=1e-12)
    share = float(np.average(attacks, weights=weights))
    assert curve.average_precision(share) == pytest.approx(precision, abs=1e-9)


@given(ROWS, SHARE)
def test_another_base_rate_is_another_weight(
    rows: list[tuple[float, float, bool]], share: float
) -> None:
    """Average precision at a base rate is that of rows weighted to have it; AUC does not move."""
    scores, weights, attacks = columns(rows)
    curve = Curve.of_sorted(scores, weights, attacks)
    other = np.where(
        attacks,
        share * weights / weights[attacks].sum(),
        (1 - share) * weights / weights[~attacks].sum(),
    )
    expected = sk.average_precision_score(attacks, scores, sample_weight=other)
    assert curve.average_precision(share) == pytest.approx(expected, abs=1e-12)
    area = sk.roc_auc_score(attacks, scores, sample_weight=other)
    assert curve.roc_auc() == pytest.approx(area, abs=1e-9)


@given(ROWS, st.sampled_from([0.5, 0.9, 0.999, 1.0]))
def test_thresholds_are_the_best_of_all(
    rows: list[tuple[float, float, bool]], target: float
) -> None:
    """No cut between two scores has a lower FPR at the TPR, or a larger TPR - FPR."""
    scores, weights, attacks = columns(rows)
    curve = Curve.of_sorted(scores, weights, attacks)

    def rates(threshold: float) -> tuple[float, float]:
        flags = scores > threshold
        return (
            float(weights[flags & ~attacks].sum() / weights[~attacks].sum()),
            float(weights[flags & attacks].sum() / weights[attacks].sum()),
        )

    cuts = [rates(threshold) for threshold in (*np.unique(scores), scores[0] - 1)]
    lowest = min(fpr for fpr, tpr in cuts if tpr >= target - 1e-12)
    assert curve.fpr_at_tpr(target) == pytest.approx(lowest, abs=1e-12)
    youden = curve.youden_threshold()
    assert youden is not None
    fpr, tpr = rates(youden)
    best = max(one_tpr - one_fpr for one_fpr, one_tpr in cuts)
    assert tpr - fpr == pytest.approx(best, abs=1e-12)
    ties = [one_fpr for one_fpr, one_tpr in cuts if one_tpr - one_fpr > best - 1e-13]
    assert fpr <= min(ties) + 1e-12


def test_a_known_curve() -> None:
    """Attacks of weight 999 score above all, one of weight 1 below all: a TPR of 99.9 % is free."""
    scores = np.array([0.0, 1.0, 2.0, 3.0])
    curve = Curve.of_sorted(scores, np.array([1.0, 5.0, 5.0, 999.0]), np.array([1, 0, 0, 1]) == 1)
    assert curve.fpr_at_tpr(0.999) == 0.0
    assert curve.fpr_at_tpr(0.9991) == 1.0
    assert curve.roc_auc() == pytest.approx(0.999)
    assert curve.youden_threshold() == 2.0


@pytest.mark.parametrize("attacks", [[], [False, False], [True, True]])
def test_one_class_alone_has_no_curve(attacks: list[bool]) -> None:
    """Figures that compare the classes are None, never 0 or NaN."""
    size = len(attacks)
    curve = Curve.of_sorted(np.arange(size, dtype=float), np.ones(size), np.array(attacks, bool))
    assert not curve.has_both
    assert curve.roc_auc() is None
    assert curve.fpr_at_tpr(0.999) is None
    assert curve.average_precision(0.001) is None
    assert curve.youden_threshold() is None


@given(
    st.lists(
        st.tuples(st.booleans(), st.booleans(), st.sampled_from([0.25, 1.0, 55.5])),
        max_size=30,
    ).map(lambda rows: [(True, True, 1.0), (False, False, 1.0), (True, False, 1.0), *rows])
)
def test_rates_are_those_of_scikit_learn(rows: list[tuple[bool, bool, float]]) -> None:
    """Each figure follows from base rate, TPR and FPR as it does from the weighted counts."""
    flags, attacks, weights = (np.array(column) for column in zip(*rows, strict=True))
    found = rates_at(
        float(np.average(attacks, weights=weights)),
        float(np.average(flags[attacks], weights=weights[attacks])),
        float(np.average(flags[~attacks], weights=weights[~attacks])),
    )
    options = {"sample_weight": weights}
    precision = sk.precision_score(attacks, flags, **options)
    expected = {
        "accuracy": sk.accuracy_score(attacks, flags, **options),
        "balanced_accuracy": sk.balanced_accuracy_score(attacks, flags, **options),
        "precision_attack": precision,
        "f1_attack": sk.f1_score(attacks, flags, **options),
        "precision_benign": sk.precision_score(attacks, flags, pos_label=0, **options),
        "f1_benign": sk.f1_score(attacks, flags, pos_label=0, **options),
        "false_alarms_per_true_alarm": 1 / precision - 1,
    }
    assert found == pytest.approx(expected)
    assert found.keys() == set(RATES)


def test_rare_attacks_drown_in_false_alarms() -> None:
    """At 1 attack in 10,000 a perfect TPR with an FPR of 1 % gives 100 false alarms for each."""
    found = rates_at(1e-4, 1.0, 0.01)
    assert found["precision_attack"] == pytest.approx(1e-4 / (1e-4 + 0.9999 * 0.01))
    assert found["false_alarms_per_true_alarm"] == pytest.approx(99.99)
    bounds = precision_bounds(1e-4, Interval(0.9, 1.0), Interval(0.0, 0.02))
    assert bounds["precision_attack_low"] == pytest.approx(0.9e-4 / (0.9e-4 + 0.9999 * 0.02))
    assert bounds["precision_attack_high"] == 1.0


def test_what_is_not_defined_is_none() -> None:
    """Nothing flagged has no precision, but an F1 of 0; an absent class has no figure at all."""
    found = rates_at(0.5, 0.0, 0.0)
    assert found["precision_attack"] is None
    assert found["false_alarms_per_true_alarm"] is None
    assert found["f1_attack"] == 0.0
    assert rates_at(0.0, None, 0.5) == dict.fromkeys(RATES)
