"""Confusion counts, ratios that may be undefined, and intervals."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from iotscore.detect.metrics import Confusion, wilson_interval

RATIOS = (
    "accuracy",
    "balanced_accuracy",
    "precision_attack",
    "recall_attack",
    "f1_attack",
    "precision_benign",
    "recall_benign",
    "f1_benign",
    "fpr",
)
PAIRS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40)


def counted(pairs: list[tuple[bool, bool]]) -> Confusion:
    """Return the counts of (flag, attack) pairs."""
    tp, fp, fn, tn = (pairs.count(pair) for pair in product((True, False), repeat=2))
    return Confusion(tp=tp, fp=fp, tn=tn, fn=fn)


def test_hand_computed_ratios() -> None:
    """Eight of ten attacks found, one false alarm in five benign records."""
    confusion = Confusion(tp=8, fp=1, tn=4, fn=2)
    expected = [12 / 15, 0.8, 8 / 9, 0.8, 16 / 19, 4 / 6, 0.8, 8 / 11, 0.2]
    assert [getattr(confusion, name) for name in RATIOS] == pytest.approx(expected)


def test_no_records_have_no_ratios() -> None:
    """Without records every ratio is undefined."""
    assert {getattr(counted([]), name) for name in RATIOS} == {None}


@given(PAIRS.filter(bool))
def test_ratios_are_those_of_scikit_learn_or_none(pairs: list[tuple[bool, bool]]) -> None:
    """Defined ratios equal scikit-learn's; where it would warn and fill in, ours is None."""
    found = counted(pairs)
    flags, attacks = np.array(pairs, dtype=int).reshape(-1, 2).T
    reference = {"accuracy": np.mean(flags == attacks)}
    for name, positive in (("attack", 1), ("benign", 0)):
        scores = sk.precision_recall_fscore_support(
            attacks, flags, pos_label=positive, average="binary", zero_division=np.nan
        )
        for kind, value in zip(("precision", "recall", "f1"), scores, strict=False):
            reference[f"{kind}_{name}"] = value
    recalls = reference["recall_attack"], reference["recall_benign"]
    reference["balanced_accuracy"] = np.mean(recalls)
    reference["fpr"] = 1.0 - recalls[1]
    for name in RATIOS:
        value = getattr(found, name)
        if value is None:
            assert np.isnan(reference[name]), name
        else:
            assert value == pytest.approx(reference[name]), name


def test_wilson_interval_at_published_points() -> None:
    """Newcombe, Statistics in Medicine 17 (1998), table I, method 3."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(15, 148) == pytest.approx((0.0624, 0.1605), abs=5e-5)
    assert wilson_interval(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(1, 29) == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson_interval(0, 0) is None


@given(st.integers(0, 10**7), st.integers(1, 10**7), st.floats(0.5, 0.999))
def test_wilson_interval_holds_the_share(part: int, whole: int, confidence: float) -> None:
    """Bounds lie within [0, 1] around the share."""
    part = min(part, whole)
    low, high = wilson_interval(part, whole, confidence)
    assert 0.0 <= low <= part / whole <= high <= 1.0


def test_wilson_interval_refuses_impossible_counts() -> None:
    """More successes than trials are named in the message."""
    with pytest.raises(ValueError, match="5 successes of 3"):
        wilson_interval(5, 3)
