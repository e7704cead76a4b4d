"""The survey of a file: checksum, header, lines, and where to cut."""

from __future__ import annotations

import hashlib
import random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import fs

from iotscore.features import FEATURES, SOURCE_FEATURES
from iotscore.landing import scan as surveying
from iotscore.landing.header import HEAD_BYTES
from iotscore.landing.parse import parse_chunk
from iotscore.landing.scan import Survey, survey_file
from traffic_files import HEADER, LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Surveyor = Callable[..., Survey]


@pytest.fixture
def tiny_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read 64 bytes at a time, so that lines straddle the buffers."""
    monkeypatch.setattr(surveying, "_READ_BYTES", 64)


def rows_of(content: bytes, survey: Survey) -> Iterator[tuple[int, bytes]]:
    """Cut content by the survey's chunks and number the lines."""
    for chunk in survey.chunks:
        body = content[chunk.offset : chunk.offset + chunk.length]
        yield from enumerate(body.removesuffix(b"\n").split(b"\n"), chunk.first_row)


@pytest.mark.usefixtures("tiny_reads")
@pytest.mark.parametrize("header_end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_chunks_cover_every_row_once(survey_of: Surveyor, header_end: bytes, bom: bytes) -> None:
    """At any chunk size the chunks hold every line once, in order, and start at line starts."""

    @settings(max_examples=60)
    @given(
        st.lists(st.binary(max_size=90).map(lambda line: line.replace(b"\n", b""))),
        st.booleans(),
        st.integers(0, 400),
    )
    def check(lines: list[bytes], final_newline: bool, chunk_bytes: int) -> None:
        start = bom + HEADER + header_end
        content = start + b"".join(line + b"\n" for line in lines)
        if lines and lines[-1] and not final_newline:
            content = content[:-1]
        survey = survey_of(content, chunk_bytes)
        assert survey.fault is None
        assert survey.columns == FEATURES
        while lines and not lines[-1].strip(b" \t\r"):
            lines.pop()
        assert survey.rows == len(lines)
        assert (survey.size, survey.sha256) == (len(content), hashlib.sha256(content).hexdigest())
        assert list(rows_of(content, survey)) == list(enumerate(lines, 1))
        position = len(start)
        for chunk in survey.chunks:
            assert chunk.offset == position
            assert content[chunk.offset - 1 : chunk.offset] == b"\n"
            assert chunk.rows > 0
            position += chunk.length
            assert chunk.length >= chunk_bytes or chunk == survey.chunks[-1]
            surplus = content[chunk.offset + max(chunk_bytes - 1, 0) : position - 1]
            assert b"\n" not in surplus, "a chunk ends with the first line that fills it"
        assert not content[position:].strip()

    check()


def test_a_table_is_the_same_at_any_chunk_size(survey_of: Surveyor) -> None:
    """Rows, numbers and refusals of many chunks are those of one chunk."""
    draw = random.Random(1)  # noqa: S311 - test data
    lines = [
        b",".join(repr(draw.uniform(-1e3, 1e3)).encode() for _ in SOURCE_FEATURES)
        for _ in range(40)
    ]
    lines[7], lines[20], lines[39] = b"", b"1,2", lines[3].replace(b",", b",x", 1)
    content = HEADER + b"\r\n" + b"\r\n".join(lines)

    def parsed(
        chunk_bytes: int,
    ) -> tuple[list[dict[str, float]], list[tuple[int, bytes, str, str]]]:
        survey = survey_of(content, chunk_bytes)
        accepted, refused = [], []
        for chunk in survey.chunks:
            body = content[chunk.offset : chunk.offset + chunk.length]
            part = parse_chunk(body, survey.columns, chunk.first_row, chunk.rows)
            accepted += part.accepted.to_pylist()
            refused += part.refused
        assert len(accepted) + len(refused) == survey.rows == len(lines)
        return accepted, refused

    whole = parsed(1 << 30)
    assert [line.row_no for line in whole[1]] == [8, 21, 40]
    for chunk_bytes in (0, 1, 2_000, 2_500, 10_000, len(content)):
        assert parsed(chunk_bytes) == whole


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
def test_a_header_alone_is_a_file_without_rows(survey_of: Surveyor, end: bytes) -> None:
    """A file of nothing but the header is fine and has no rows."""
    survey = survey_of(HEADER + end)
    assert (survey.fault, survey.rows, survey.chunks) == (None, 0, ())
    assert survey.columns == FEATURES


def test_columns_are_known_by_name(survey_of: Surveyor) -> None:
    """Columns in another order, with spaces around the names, are accepted in the file's order."""
    names = list(reversed(SOURCE_FEATURES))
    survey = survey_of(" , ".join(names).encode() + b"\n" + LINE)
    assert survey.fault is None
    assert survey.columns == tuple(reversed(FEATURES))


BLANK_ENDS = [
    b"",
    b"\n",
    b"\r\n",
    b"\n\n\n",
    b"\r\n\r\n",
    b" \t\n",
    b"\n ",
    b"\r",
    b"\n\t\r\n \n\r",
]


@pytest.mark.usefixtures("tiny_reads")
@pytest.mark.parametrize("blank", [*BLANK_ENDS, b"\n" * 500, b" " * 500])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("chunk_bytes", [1, 300, 100_000])
def test_blank_lines_at_the_end_are_no_lines(
    survey_of: Surveyor, blank: bytes, end: bytes, chunk_bytes: int
) -> None:
    """An editor's empty lines at the end are not counted, wherever chunks and reads end."""
    lines = [LINE, b"", LINE]
    content = HEADER + end + end.join(lines) + end + blank
    survey = survey_of(content, chunk_bytes)
    assert (survey.fault, survey.rows) == (None, 3)
    assert survey.sha256 == hashlib.sha256(content).hexdigest()
    found = [(row_no, line.rstrip(b"\r")) for row_no, line in rows_of(content, survey)]
    assert found == list(enumerate(lines, 1))
    nothing = survey_of(HEADER + end + blank, chunk_bytes)
    assert (nothing.fault, nothing.rows, nothing.chunks) == (None, 0, ())


@pytest.mark.parametrize("gap", [-1, 0, 1])
def test_rows_at_the_edge_of_the_first_read(survey_of: Surveyor, gap: int) -> None:
    """Wherever the first read ends, at a line's end or beside it, rows are counted once."""
    start = HEADER + b"\n"
    filler = b"1" * (HEAD_BYTES - len(start) - 1 + gap) + b"\n"
    survey = survey_of(start + filler + LINE, 1)
    assert [(chunk.offset, chunk.rows) for chunk in survey.chunks] == [
        (len(start), 1),
        (len(start) + len(filler), 1),
    ]


def test_a_real_file_is_read_whole(nbaiot: Path) -> None:
    """A file of the data set has 400 rows, accepted at any chunk size."""
    path = nbaiot / "sample" / "1.benign.csv"
    content = path.read_bytes()
    survey = survey_file(fs.LocalFileSystem(), str(path), 50_000)
    assert (survey.rows, survey.fault) == (400, None)
    assert len(survey.chunks) > 1
    for chunk in survey.chunks:
        body = content[chunk.offset : chunk.offset + chunk.length]
        parsed = parse_chunk(body, survey.columns, chunk.first_row, chunk.rows)
        assert parsed.accepted.num_rows == chunk.rows
