"""Files that the survey refuses whole, and how little of them it reads."""

from __future__ import annotations

import hashlib
import io
from typing import TYPE_CHECKING

import pytest

from iotscore.features import SOURCE_FEATURES
from iotscore.landing.header import HEAD_BYTES
from iotscore.landing.scan import Survey, survey_file
from traffic_files import HEADER, LINE

if TYPE_CHECKING:
    from collections.abc import Callable

    Surveyor = Callable[..., Survey]


@pytest.mark.parametrize(
    "content",
    [
        LINE + b"\n" + LINE + b"\n",
        b"\n" + HEADER + b"\n",
        b"\xef\xbb\xbf",
        HEADER.replace(b",", b"|") + b"\n",
        b" " * 200_000,
    ],
    ids=["data", "blank line first", "mark only", "bars", "one long line"],
)
def test_a_file_without_the_names_is_refused(survey_of: Surveyor, content: bytes) -> None:
    """Without the feature names in the first line there are no columns and no chunks."""
    survey = survey_of(content)
    assert (survey.fault, survey.columns, survey.chunks) == ("no_header", (), ())
    assert survey.fault_detail
    assert len(survey.fault_detail) < 500
    is_read_whole = len(content) < HEAD_BYTES
    assert survey.sha256 == (hashlib.sha256(content).hexdigest() if is_read_whole else None)


class Counted:
    """A file system of one file, which counts the bytes that are read."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.source = io.BytesIO()

    def open_input_stream(self, _: str) -> io.BytesIO:
        """Open the file."""
        self.source = io.BytesIO(self.content)
        self.source.close = lambda: None  # type: ignore[method-assign] # it is looked at later
        return self.source

    open_input_file = open_input_stream


@pytest.mark.parametrize("start", [b"", b"\x1f\x8b", b"1,2,3\n", HEADER[:-1] + b"\n"])
def test_what_the_header_refuses_is_not_read_on(start: bytes) -> None:
    """Of gigabytes behind a first line that is no header nothing is read, not even to count."""
    opener = Counted(start.ljust(1_000_000, b"\x00"))
    survey = survey_file(opener, "any", 1000)
    assert survey.fault in {"nul_bytes", "compressed", "no_header", "wrong_columns"}
    assert (survey.sha256, survey.rows, survey.chunks) == (None, 0, ())
    assert opener.source.tell() == HEAD_BYTES


@pytest.mark.parametrize(
    ("start", "fault"),
    [
        *((b"\x1f\x8b\x08", "compressed"), (b"PK\x03\x04", "compressed"), (b"BZh9", "compressed")),
        *((b"Rar!\x1a\x07\x00", "compressed"), (b"Rar!\x1a\x07\x01\x00", "compressed")),
        (b"name".ljust(257, b"\x00") + b"ustar", "compressed"),
        *((b"\xfd7zXZ\x00", "compressed"), (b"\x28\xb5\x2f\xfd", "compressed")),
        *((b"\xff\xfe", "utf16"), (b"\xfe\xff", "utf16"), (b"\x00\x00\xfe\xff", "utf16")),
        *((b"a\x00" * 40, "utf16"), (b"\x00\x00\x00a" * 40, "utf16")),
    ],
)
def test_what_is_no_text_has_no_lines(survey_of: Surveyor, start: bytes, fault: str) -> None:
    """A packed file and one of two bytes a letter are named, and has no lines."""
    survey = survey_of(start + b"\n\n\n")
    assert (survey.fault, survey.rows, survey.columns, survey.chunks) == (fault, 0, (), ())


def test_an_empty_file_is_refused(survey_of: Surveyor) -> None:
    """A file of 0 bytes is told apart from one without a header."""
    survey = survey_of(b"")
    assert (survey.fault, survey.size, survey.rows) == ("empty_file", 0, 0)


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (SOURCE_FEATURES[:-1], ["1 missing: HpHp_L0.01_pcc"]),
        ((*SOURCE_FEATURES, "extra"), ["1 unknown: extra"]),
        ((*SOURCE_FEATURES, ""), ["1 unknown: (no name)"]),
        ((*SOURCE_FEATURES, "H_L5_mean"), ["1 repeated: H_L5_mean"]),
        (
            (*SOURCE_FEATURES[:-2], "bad", "bad"),
            ["2 missing: HpHp_L0.01_covariance, HpHp_L0.01_pcc", "2 unknown", "1 repeated: bad"],
        ),
        ((SOURCE_FEATURES[0],), ["114 missing"]),
        ((*SOURCE_FEATURES, "x" * 5000), ["1 unknown: xxx"]),
    ],
)
def test_wrong_columns_are_told(
    survey_of: Surveyor, names: tuple[str, ...], told: list[str]
) -> None:
    """Missing, unknown and repeated names are all told, few of each and cut to a length."""
    survey = survey_of(",".join(names).encode() + b"\n" + LINE + b"\n")
    assert (survey.fault, survey.rows, survey.chunks) == ("wrong_columns", 1, ())
    for part in told:
        assert part in str(survey.fault_detail)
    assert len(str(survey.fault_detail)) < 1000


def test_a_file_with_old_mac_line_ends_is_refused(survey_of: Surveyor) -> None:
    """A lone carriage return ends no line: such a file is refused whole, not read as a header."""
    survey = survey_of(HEADER + b"\r" + LINE + b"\r")
    assert (survey.fault, survey.rows) == ("carriage_return", 0)


def test_a_header_longer_than_the_first_read_is_refused(survey_of: Surveyor) -> None:
    """A header that does not end in the first read must not lend its rest to the rows."""
    survey = survey_of(HEADER + b" " * 70_000 + b"\n" + LINE + b"\n")
    assert (survey.fault, survey.chunks) == ("no_header", ())
    assert "longer than 65536 bytes" in str(survey.fault_detail)
