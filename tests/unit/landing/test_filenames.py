"""Names of files to labels, by the patterns that the project ships."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from iotscore.landing.filenames import FileLabel, label_file, pattern_fault, read_name

ROOT = Path(__file__).resolve().parents[3]
PATTERNS = tuple(
    yaml.safe_load((ROOT / "conf" / "base.yaml").read_text(encoding="utf-8"))["ingest"]["patterns"]
)
DEVICES = {1: "Danmini_Doorbell", 3: "Ennio_Doorbell"}
NIGHT = date(2026, 11, 21)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("3.benign.csv", FileLabel(3, "Ennio_Doorbell", "benign", None, 0, None)),
        ("3.gafgyt.tcp.csv", FileLabel(3, "Ennio_Doorbell", "gafgyt", "tcp", 1, None)),
        ("1.mirai.udpplain.csv", FileLabel(1, "Danmini_Doorbell", "mirai", "udpplain", 1, None)),
        ("12.mirai.ack.csv", FileLabel(12, "device_12", "mirai", "ack", 1, None)),
        ("03.benign.csv", FileLabel(3, "Ennio_Doorbell", "benign", None, 0, None)),
        ("0.benign.csv", FileLabel(0, "device_0", "benign", None, 0, None)),
        ("3.benign.CSV", FileLabel(3, "Ennio_Doorbell", "benign", None, 0, None)),
        ("3.2026-11-21.Köln-٣.CsV", FileLabel(3, "Ennio_Doorbell", None, None, None, NIGHT)),
        ("3.mirai.csv", FileLabel(3, "Ennio_Doorbell", "mirai", None, 1, None)),
        ("3.benign.night.csv", FileLabel(3, "Ennio_Doorbell", "benign", None, 0, None)),
        (
            "Ennio_Doorbell/benign_traffic.csv",
            FileLabel(3, "Ennio_Doorbell", "benign", None, 0, None),
        ),
        (
            "Ennio_Doorbell/gafgyt_attacks/tcp.csv",
            FileLabel(3, "Ennio_Doorbell", "gafgyt", "tcp", 1, None),
        ),
        (
            "New Camera/mirai_attacks/syn.csv",
            FileLabel(None, "New Camera", "mirai", "syn", 1, None),
        ),
        ("3.2026-11-21.csv", FileLabel(3, "Ennio_Doorbell", None, None, None, NIGHT)),
        ("3.2026-11-21.part2.csv", FileLabel(3, "Ennio_Doorbell", None, None, None, NIGHT)),
    ],
)
def test_names_and_what_they_say(path: str, expected: FileLabel) -> None:
    """Each shipped pattern gives device, family, attack, label and day."""
    assert label_file(path, PATTERNS, DEVICES) == expected


@pytest.mark.parametrize(
    "path",
    [
        *(
            "benign.csv",
            "3.csv",
            "3.Benign.csv",
            "3.BENIGN.CSV",
            "3.benign.csv.gz",
            "x3.benign.csv",
        ),
        *("3.torii.scan.csv", "3.gafgyt.tcp.2.csv", "3.gafgyt..csv", "a/3.benign.csv", "3.benign"),
        *("demonstrate_structure.csv", "a/b/benign_traffic.csv", "/benign_traffic.csv"),
        *("a/gafgyt_attacks/tcp/x.csv", "a/benign_attacks/tcp.csv", "a/mirai_traffic.csv"),
        *("1234567890.benign.csv", "-3.benign.csv", "3.2026-11.csv", "3.2026-11-21.a/b.csv", ""),
    ],
)
def test_other_names_say_nothing(path: str) -> None:
    """A name that only resembles a pattern is not guessed at."""
    assert label_file(path, PATTERNS, DEVICES) is None


@pytest.mark.parametrize("path", ["٣.benign.csv", "\uff13.benign.csv", "1٣.2026-11-21.csv"])
def test_digits_of_other_scripts_are_no_device(path: str) -> None:
    """A pattern's digit fits those of any script; a device's number is written in 0 to 9."""
    told = read_name(path, PATTERNS, DEVICES)
    assert "is no number of a device" in str(told)
    assert label_file(path, PATTERNS, DEVICES) is None
    assert label_file("٣", [r"(?P<device>\w+)"], {}) is not None


@pytest.mark.parametrize(
    "day", ["2026-02-29", "2026-02-30", "2026-13-01", "2026-00-10", "0000-01-01", "2026-11-2\u0661"]
)
def test_days_that_do_not_exist(day: str) -> None:
    """A day that no calendar has makes the name unusable, not the run."""
    assert label_file(f"3.{day}.csv", PATTERNS, DEVICES) is None
    assert read_name(f"3.{day}.csv", PATTERNS, DEVICES) == f"{day!r} is no day of a calendar"


def test_the_first_pattern_wins() -> None:
    """Patterns are tried in order, each on the whole path."""
    patterns = (r"(?P<device>a)\.csv", r"(?P<device>.*)\.csv")
    told = [label_file(path, patterns, {}) for path in ("a.csv", "ab.csv")]
    assert [label and label.device for label in told] == ["a", "ab"]
    assert label_file("a.csv", tuple(reversed(patterns)), {}) == told[0]


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (r"(?P<device_id>[^.]+)\.csv", "three.csv"),
        (r"(?P<device_id>[^.]+)\.csv", "1_0.csv"),
        (r"(?P<device_id>.+)\.csv", "-3.csv"),
        (r"(?P<device_id>\d+)\.csv", "2147483648.csv"),
        (r"(?P<device_id>\d+)\.csv", "9" * 5000 + ".csv"),
        (r"(?:(?P<device_id>\d+)\.)?benign\.csv", "benign.csv"),
        (r"(?P<device>.*)/x\.csv", "/x.csv"),
    ],
)
def test_a_user_pattern_that_finds_no_device(pattern: str, path: str) -> None:
    """What a pattern of the user's found may be no device: the file is refused, nothing crashes."""
    assert pattern_fault(pattern) is None
    assert label_file(path, (pattern,), {}) is None


@pytest.mark.parametrize(
    "path", ["../benign_traffic.csv", "a/../benign_traffic.csv", "./benign_traffic.csv"]
)
def test_a_path_that_goes_up_says_nothing(path: str) -> None:
    """A name that leads out of the landing folder is no name of a device, whatever the pattern."""
    assert label_file(path, (*PATTERNS, r"(?P<device>.*)/benign_traffic\.csv"), DEVICES) is None


def test_a_number_and_a_name_together() -> None:
    """A name in the path goes before the metadata's, and an empty family is no family."""
    pattern = r"(?P<device_id>\d*)-(?P<device>\w*)-(?P<family>\w*)\.csv"
    assert label_file("3-hall-.csv", (pattern,), DEVICES) == FileLabel(
        3, "hall", None, None, None, None
    )
    assert label_file("3--x.csv", (pattern,), DEVICES) == FileLabel(
        3, "Ennio_Doorbell", "x", None, 1, None
    )
    assert label_file("-Ennio_Doorbell-benign.csv", (pattern,), DEVICES) == FileLabel(
        3, "Ennio_Doorbell", "benign", None, 0, None
    )


@given(st.text(max_size=40))
def test_no_name_is_too_odd(path: str) -> None:
    """Whatever the name, the outcome is a whole label or None; label and family go together."""
    found = label_file(path, (*PATTERNS, r"(?P<device>.*)(?P<device_id>.)(?P<family>.*)"), DEVICES)
    if found is not None:
        assert found.device
        assert (found.label is None) == (found.family is None)
        assert (found.label == 0) == (found.family == "benign")


def test_shipped_patterns_are_good() -> None:
    """Every pattern of base.yaml passes the check that the configuration makes."""
    assert [pattern_fault(pattern) for pattern in PATTERNS] == [None] * len(PATTERNS)


@pytest.mark.parametrize(
    ("pattern", "told"),
    [
        ("(", "is no regular expression"),
        ("(?P<device>a{99999999999})", "is no regular expression"),
        ("(?P<device>x)(?P<device>y)", "is no regular expression"),
        (r".*\.csv", "needs a group named device_id or device"),
        ("(?P<family>x)", "needs a group named device_id or device"),
        ("(?P<device>x)(?P<label>y)", "unknown groups ['label']"),
        ("", "needs a group"),
    ],
)
def test_pattern_faults_are_told(pattern: str, told: str) -> None:
    """A pattern that cannot serve is told with the reason."""
    assert told in str(pattern_fault(pattern))
