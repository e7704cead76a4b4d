"""Sentences: one template, every feature, numbers as people write them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.explain.sentences import number, parts_of, phrase, sentence
from iotscore.features import FEATURES

EXPECTED_PARTS = ("channel jitter", "1 min", "mean gap between packets")


def test_every_feature_has_words_of_its_own() -> None:
    """115 features, 115 phrases."""
    assert len({phrase(feature) for feature in FEATURES}) == len(FEATURES)
    assert parts_of("HH_jit_L0_01_mean") == EXPECTED_PARTS


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((80.0, 0.0, 2.0), "40 times the benign 99 % quantile (80 against 2)"),
        ((2.1, 0.0, 2.0), "above the benign 99 % quantile (2.1 against 2)"),
        ((-1.0, -9.0, -2.0), "above the benign 99 % quantile (-1 against -2)"),
        ((1.0, 26.18, 30.0), "below the benign 1 % quantile (1 against 26.18)"),
        (
            (5.0, 1.0, 9.0),
            "5, as in benign records (1 to 9), but not together with the other features",
        ),
        ((5.0, math.nan, math.nan), "5, which the model did not expect"),
    ],
)
def test_a_value_is_put_beside_the_benign_range(values: tuple[float, ...], expected: str) -> None:
    """Above, below, within, or without a range."""
    found = sentence("HH_L1_weight", *values)
    assert found == f"channel packet count in the last 1.5 s is {expected}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1.0, "1"),
        (1384.2, "1,384"),
        (21490.0, "21,490"),
        (123456789.0, "123,500,000"),
        (0.001234567, "0.001235"),
        (-42430.0, "-42,430"),
        (1e15, "1e+15"),
        (1.5e-9, "1.5e-09"),
    ],
)
def test_numbers_are_written_for_people(value: float, expected: str) -> None:
    """Thousands are told apart; exponents are for the very large and the very small."""
    assert number(value) == expected


@given(st.floats(-1e300, 1e300))
def test_a_number_is_right_to_its_digits(value: float) -> None:
    """What is written is within half a unit of the fourth digit."""
    assert float(number(value).replace(",", "")) == pytest.approx(value, rel=5.1e-4, abs=1e-320)
