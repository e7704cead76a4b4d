"""Numbers as people read them, small lines, and what follows from figures."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.errors import one_line
from iotscore.report.formatting import breakable, compact, count, kind_of, share
from iotscore.report.page import interval, target_verdict, trend
from iotscore.report.score_histogram import KINDS, Spread

if TYPE_CHECKING:
    from iotscore.report.night import Night


@given(st.floats(0, 1))
def test_a_share_never_rounds_to_all_or_nothing(value: float) -> None:
    """Only 0 and 1 are shown as such; every other text is right to its last digit."""
    text = share(value)
    if value in (0.0, 1.0):
        assert text == f"{100 * value:.0f} %"
        return
    number = float(text.strip("<>% "))
    assert 0 < number < 100
    if text[0] == "<":
        assert 100 * value < number
    elif text[0] == ">":
        assert 100 * value > number
    else:
        assert abs(number - 100 * value) <= (0.051 if 0.1 < value < 0.9 else 0.0051)


@pytest.mark.parametrize(
    ("value", "text"), [(950, "950"), (12_345, "12.3k"), (7_062_606, "7.06M"), (2.5e9, "2.5G")]
)
def test_compact(value: float, text: str) -> None:
    """Three digits and a letter."""
    assert compact(value) == text


def test_small_words() -> None:
    """Counts, kinds, and nothing."""
    assert (count(1234567.4), count(None), share(None)) == ("1,234,567", "—", "—")
    assert [kind_of(*one) for one in (("mirai", "syn"), ("benign", None), (None, None))] == [
        "mirai.syn", "benign", "unlabelled",
    ]  # fmt: skip


@given(st.text())
def test_breakable_keeps_the_name(name: str) -> None:
    """Without the marks for line ends it is the name, escaped for page and terminal."""
    text = breakable(name)
    assert text.replace("<wbr>", "") == breakable("").join([text.replace("<wbr>", "")])
    assert text.replace("<wbr>", "").unescape() == one_line(name)
    assert "<" not in text.replace("<wbr>", "")


@given(st.lists(st.none() | st.integers(0, 10**7), min_size=2, max_size=60))
def test_a_trend_has_a_point_per_judged_day(values: list[int | None]) -> None:
    """Points lie in the picture, rise with the counts, and stop at gaps."""
    shown = values[-30:]
    drawn = trend(values)
    lines = re.findall(r'points="([^"]+)"', drawn)
    points = [tuple(map(float, one.split(","))) for line in lines for one in line.split()]
    judged = [one for one in shown if one is not None]
    assert len(points) == len(judged)
    assert all(0 <= x <= 96 and 0 <= y <= 26 for x, y in points)
    assert [x for x, _ in points] == sorted(x for x, _ in points)
    for (_, y), value in zip(points, judged, strict=True):
        assert math.isclose(y, 22 - 18 * value / (max(judged) or 1), abs_tol=0.06)
    assert ("<circle" in drawn) == (shown[-1] is not None)


def test_the_first_night_has_no_trend() -> None:
    """One day is no line."""
    assert "first day" in trend((5,))


def test_an_interval_stays_inside() -> None:
    """Its ends are places between the edges, and words say the same."""
    drawn = interval(0.0, 0.02, 0.5, 0.05, 0.1)
    assert [float(one) for one in re.findall(r'(?:x1|x2|cx)="([\d.]+)"', drawn)] == [
        3.0, 147.0, 75.0, 75.0, 31.8,
    ]  # fmt: skip
    assert "2.00 %, 95 % interval 0 % to 50.0 %, target 5.00 %" in drawn


@pytest.mark.parametrize(
    ("fpr", "low", "verdict"),
    [(0.05, 0.03, "met"), (0.06, 0.05, "unsure"), (0.09, 0.051, "missed"), (None, None, None)],
)
def test_target_verdict(
    labelled: Night, fpr: float | None, low: float | None, verdict: str
) -> None:
    """Of 5 %: met, perhaps, or not."""
    assert labelled.evaluation is not None
    one = replace(labelled.evaluation.figures[0], fpr=fpr, fpr_low=low)
    assert target_verdict(one) == verdict


def test_precision_where_attacks_are_rare_is_a_count(labelled: Night) -> None:
    """The formula agrees with counting flagged records among ten million records."""
    hybrid = labelled.evaluation.headline if labelled.evaluation else None
    assert hybrid is not None
    attacks, benign = 1_000, 9_999_000
    true, false = attacks * 1180 / 1200, benign * 24 / 800
    assert hybrid.precision_at(0.0001) == pytest.approx(true / (true + false))
    assert replace(hybrid, recall_attack=0.0, fpr=0.0).precision_at(0.5) is None


@given(
    st.lists(
        st.tuples(
            st.sampled_from([0, 1, None]),
            st.floats(-10, 1e6),
            st.integers(1, 1000),
            st.booleans(),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from([None, -1.0, 0.2, 30.0]),
)
def test_a_spread_loses_no_record(
    rows: list[tuple[int | None, float, int, bool]], threshold: float | None
) -> None:
    """Every record that the model has not learned from lies in one bin, in its place."""
    spread = Spread("hybrid", threshold)
    for label, value, times, is_seen in rows:
        spread.add(label, np.array([value]), np.array([times]), is_seen=is_seen)
    shape = spread.shape()
    unseen = [one for one in rows if not one[3]]
    learned = [one for one in rows if one[3] and one[0] == 0]
    stands_in = bool(learned) and not any(label == 0 for label, *_ in unseen)
    counted = unseen + (learned if stands_in else [])
    if not counted:
        assert shape is None
        return
    assert shape is not None
    assert shape.includes_training == stands_in
    assert (np.diff(shape.edges) > 0).all()
    for label, kind in KINDS.items():
        mine = [(value, times) for of, value, times, _ in counted if of == label]
        assert (kind in shape.counts) == bool(mine)
        if mine:
            assert shape.counts[kind].sum() == sum(times for _, times in mine)
            for value, _ in mine:
                place = np.searchsorted(shape.edges, value, side="right") - 1
                near = slice(max(int(place) - 1, 0), int(place) + 2)
                assert shape.counts[kind][near].sum() > 0
