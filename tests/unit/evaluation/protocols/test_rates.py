"""Rates at base rates, against scikit-learn on the same rows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from iotscore.evaluation.protocols.intervals import Interval
from iotscore.evaluation.protocols.rates import RATES, precision_bounds, rates_at


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
