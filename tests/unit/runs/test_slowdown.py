"""When a stage counts as slower than usual."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.cli.stages import log_end
from iotscore.runs.run_log import Stage
from iotscore.runs.slowdown import Pace, kind_of, slow_warning

if TYPE_CHECKING:
    from iotscore.cli.job import Job

USUAL = [Pace(1000, 1.0, 2)] * 10


def test_a_slow_stage_is_told_with_both_numbers() -> None:
    """The warning names the stage, its pace, the usual one, and where to look."""
    warning = slow_warning("score", Pace(2000, 3.0, 2), USUAL)
    assert warning is not None
    assert warning.startswith(
        "score took 1,500.0 us per row, 50% more than the median of its last 10 comparable runs, "
        "1,000.0 us;"
    )
    assert warning.endswith("sql --query runs_recent")


@pytest.mark.parametrize(("seconds", "is_slow"), [(0.1, False), (1.29, False), (1.31, True)])
def test_the_limit_is_thirty_percent(seconds: float, is_slow: bool) -> None:
    """Up to 30 % is the noise of a machine."""
    assert (slow_warning("score", Pace(1000, seconds, 2), USUAL) is not None) == is_slow


def test_one_odd_run_does_not_decide() -> None:
    """The median stands against single runs that were very quick or very slow."""
    odd = [Pace(1000, 0.01, 2), *USUAL[:7], Pace(1000, 99.0, 2), Pace(1000, 0.01, 2)]
    assert slow_warning("score", Pace(1000, 1.2, 2), odd) is None
    assert slow_warning("score", Pace(1000, 1.4, 2), odd) is not None


def test_only_the_last_ten_count() -> None:
    """What was usual before, here ten times quicker, is forgotten."""
    old = [Pace(1000, 0.1, 2)] * 50
    assert slow_warning("score", Pace(1000, 1.2, 2), [*USUAL, *old]) is None
    assert slow_warning("score", Pace(1000, 1.2, 2), [*USUAL[:4], *old]) is not None


@pytest.mark.parametrize(
    ("quick", "counts"),
    [
        (Pace(1000, 0.1, 2), True),
        (Pace(100, 0.01, 2), True),
        (Pace(10_000, 1.0, 2), True),
        (Pace(99, 0.0099, 2), False),
        (Pace(10_001, 1.0001, 2), False),
        (Pace(1000, 0.1, 4), False),
        (Pace(1000, 0.1, 2, kind="True"), False),
    ],
)
def test_only_comparable_runs_count(quick: Pace, counts: bool) -> None:
    """Other cores or work, and ten times more or fewer rows, say nothing about this run."""
    assert (slow_warning("score", Pace(1000, 1.0, 2), [quick] * 10) is not None) == counts


@pytest.mark.parametrize(
    ("details", "kind"),
    [
        ({"files": 3, "prepared": ["explain", "monitor"]}, "['explain', 'monitor']"),
        ({"files": 3, "prepared": []}, "[]"),
        ({"files": 3, "prepared": 3}, "True"),
        ({"files": 3, "prepared": 2}, "False"),
        ({"files": 3}, ""),
    ],
)
def test_the_kind_of_a_run_is_what_was_prepared(details: dict[str, Any], kind: str) -> None:
    """A pass for three stages, or a stage that needs none, does not compare with a pass for one."""
    assert kind_of(details) == kind


def test_two_runs_are_no_habit() -> None:
    """With fewer than three comparable runs nothing is concluded."""
    slow = Pace(1000, 9.0, 2)
    assert slow_warning("score", slow, []) is None
    assert slow_warning("score", slow, [*USUAL[:2], Pace(1000, 1.0, 4)]) is None
    assert slow_warning("score", slow, USUAL[:3]) is not None


@pytest.mark.parametrize("warning", [None, "score took long"])
def test_a_stage_ends_with_at_most_one_warning(
    warning: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """A slow stage's closing line is followed by its warning; another stage's stands alone."""
    job = SimpleNamespace(runs=SimpleNamespace(slow_warning=lambda _: warning))
    caplog.set_level("INFO")
    log_end(cast("Job", job), Stage("score", rows=10, seconds=2.0), "all well")
    told = [("INFO", "score: all well (2.0 s, 5 rows/s)")]
    expected = told if warning is None else [*told, ("WARNING", warning)]
    assert expected == [(one.levelname, one.getMessage()) for one in caplog.records]


PACES = st.builds(Pace, st.integers(1, 10**9), st.floats(1e-3, 1e6), st.just(2))


@given(PACES, st.lists(PACES, max_size=30))
def test_a_run_as_quick_as_all_others_is_never_slow(now: Pace, earlier: list[Pace]) -> None:
    """Whatever the history, a run quicker than each of it raises no warning."""
    quickest = min((one.seconds_per_row for one in earlier), default=1.0)
    assert slow_warning("score", Pace(now.rows, quickest * now.rows * 0.99, 2), earlier) is None
