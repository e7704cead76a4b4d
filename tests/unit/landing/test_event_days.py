"""Days of capture: which files a run that fills in works on."""

from __future__ import annotations

import argparse
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.cli.arguments import add_days, chosen_days, job_parser
from iotscore.errors import InputError
from iotscore.landing.event_days import (
    EVERY_DAY,
    Days,
    captured_in,
    named_among,
    newest_plausible_day,
)
from iotscore.landing.filenames import label_file
from iotscore.landing.folder import Landing, LandingFile
from iotscore.landing.metadata import Metadata

NIGHT = r"(?P<device_id>\d+)\.(?P<event_day>\d{4}-\d{2}-\d{2})\.csv"
BENIGN = r"(?P<device_id>\d+)\.(?P<family>benign)\.csv"
TODAY = date(2026, 11, 24)


def file(name: str) -> LandingFile:
    """Return a listed file."""
    label = label_file(name, [NIGHT, BENIGN], {})
    return LandingFile(name, name, 1, datetime(2026, 1, 1, tzinfo=UTC), label, None)


LANDING = Landing(
    [file(name) for name in ("1.2026-11-20.csv", "1.2026-11-21.csv", "1.benign.csv", "x.csv")],
    Metadata({}, {}),
    is_synthetic=False,
    unusable=[(file("2.2026-11-21.csv"), "unreadable", "")],
)


def names(days: Days) -> list[str]:
    """Return the files of some days."""
    kept = captured_in(LANDING, days, TODAY)
    return [one.source_file for one in (*kept.files, *(each[0] for each in kept.unusable))]


def test_a_day_keeps_its_files_alone() -> None:
    """What cannot be read counts by its name, too."""
    day = date(2026, 11, 21)
    assert names(Days(day, day)) == ["1.2026-11-21.csv", "2.2026-11-21.csv"]


def test_a_name_without_a_day_is_of_today() -> None:
    """As its records will be in the table; a name that says nothing is refused today."""
    assert names(Days(TODAY, None)) == ["1.benign.csv", "x.csv"]
    assert names(Days(None, date(2026, 11, 20))) == ["1.2026-11-20.csv"]


def test_no_capture_is_of_the_day_after_tomorrow() -> None:
    """Tomorrow has begun somewhere; the clock's own zone does not matter."""
    now = datetime(2026, 11, 24, 1, tzinfo=timezone(timedelta(hours=3)))
    assert newest_plausible_day(now) == TODAY
    today = datetime.now(UTC).date()
    assert newest_plausible_day() in {today + timedelta(days=1), today + timedelta(days=2)}


def test_every_day_is_everything() -> None:
    """Without a range nothing is filtered."""
    assert captured_in(LANDING, EVERY_DAY, TODAY) is LANDING


@given(st.dates(), st.dates(), st.dates())
def test_ranges_include_both_ends(first: date, last: date, day: date) -> None:
    """Membership is what comparing dates says, and a range that is turned around is a fault."""
    if first > last:
        with pytest.raises(InputError, match="is after"):
            Days(first, last)
        return
    days = Days(first, last)
    assert (day in days) == (first <= day <= last)
    assert first in days
    assert last in days
    assert day in EVERY_DAY


def test_the_newest_day_is_tomorrow_everywhere() -> None:
    """It is counted from the day in UTC, whatever the zone of the clock."""
    late, east = datetime(2026, 11, 27, 23, 30, tzinfo=UTC), timezone(timedelta(hours=14))
    assert newest_plausible_day(late) == date(2026, 11, 28)
    assert newest_plausible_day(late.astimezone(east)) == date(2026, 11, 28)
    assert newest_plausible_day() > datetime.now(UTC).date() - timedelta(days=1)


def test_archives_belong_to_every_batch() -> None:
    """Whoever names the files to take up names CSV files alone; what was packed is told anyway."""
    packed = (file("a.rar"), "compressed", "by its name")
    kept = named_among(replace(LANDING, unusable=[*LANDING.unusable, packed]), {"x.csv"})
    assert [one.source_file for one in kept.files] == ["x.csv"]
    assert kept.unusable == [packed]


def parsed(*arguments: str) -> argparse.Namespace:
    """Parse as a job does."""
    parser = job_parser("score", "", reads_input=False)
    add_days(parser)
    return parser.parse_args(["--warehouse", "w", *arguments])


def test_arguments_become_days() -> None:
    """One day, a range, half a range, none."""
    first, last = date(2026, 11, 1), date(2026, 11, 30)
    ends = ("--since", "2026-11-01", "--until", "2026-11-30")
    assert chosen_days(parsed("--date", "2026-11-01")) == Days(first, first)
    assert chosen_days(parsed(*ends)) == Days(first, last)
    assert chosen_days(parsed("--until", "2026-11-30")) == Days(None, last)
    assert chosen_days(parsed()) == chosen_days(argparse.Namespace()) == EVERY_DAY


def test_a_day_and_a_range_are_a_fault() -> None:
    """Which of them was meant is not guessed."""
    with pytest.raises(InputError, match="one or the other"):
        chosen_days(parsed("--date", "2026-11-01", "--since", "2026-11-01"))


@pytest.mark.parametrize("text", ["20.11.2026", "yesterday", "2026-02-30"])
def test_what_is_no_day_is_told(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2 before anything starts."""
    with pytest.raises(SystemExit) as end:
        parsed("--date", text)
    assert end.value.code == 2
    assert f"'{text}' is no day; give it as YYYY-MM-DD" in capsys.readouterr().err
