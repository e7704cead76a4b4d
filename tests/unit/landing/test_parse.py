"""Lines to columns: two ways of reading that must never disagree."""

from __future__ import annotations

import struct
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iotscore.features import FEATURES, N_FEATURES
from iotscore.landing import parse
from iotscore.landing.parse import ParsedChunk, RefusedLine, parse_chunk, parse_parts
from iotscore.landing.reason_codes import LINE_LIMIT, LINE_REASONS
from iotscore.landing.scan import Chunk

if TYPE_CHECKING:
    import pyarrow as pa

SPELLINGS = (
    *(b"0", b"-0", b"+1", b"1.", b".5", b"-.5", b"00012", b"1E5", b"1e+05", b"5.e-5", b"0e999999"),
    *(b"4.9e-324", b"2e-324", b"3e-324", b"1e-320", b"2.2250738585072011e-308", b"1e-99999"),
    *(b"1.7976931348623157e308", b"1.7976931348623158e308", b"9007199254740993"),
    *(b"9007199254740992.9999999999999999999999999", b"1" + b"0" * 400 + b"e-400"),
    *(b"0.1000000000000000055511151231257827021181583404541015625", b" 1", b"1\t ", b"\t-7.25e2"),
)
DAMAGED = {
    "empty_value": (b"", b" ", b"\t"),
    "not_finite": (b"nan", b"NaN", b"-nan", b"nan(7)", b"inf", b"+Inf", b"-INFINITY"),
    "overflow": (b"1e400", b"-1e400", b"1e99999999999", b"9" * 400, b"1.7976931348623159e308"),
    "quoted": (b'"1"', b"'1'", b'1"', b'"1', b"''"),
    "nul_bytes": (b"1\x00", b"\x00", b"1\x002"),
    "invalid_utf8": (b"\xff", b"1\xa0000", b"\xe9"),
    "carriage_return": (b"1\r2", b"\r1"),
    "thousands_separator": (
        *(b"1'000", b"-12'345'678.5", b"1_000", b"1 000", b"1.234.567", b"1\xc2\xa0000"),
        *(b"1\xe2\x80\xaf000.5", b"1\xe2\x80\x99000"),
    ),
    "not_a_number": (
        *(b"0x10", b"1_0", b"1;2", b"1\xc2\xa0", b"--1", b"1'00", b"1 000_000", b"\xc2\xa0"),
        *(b"+-1", b"1e", b"1e+", b".", b".e5", b"e5", b"1d5", b"1 2", b"1\x0b", b"\x0c1", b"'1"),
        *(b"\xef\xbb\xbf1", b"\xef\xbc\x91", b"NULL", b"N/A", b"null", b"true", b"infinit"),
    ),
}
ANY_DAMAGE = tuple(cell for cells in DAMAGED.values() for cell in cells)
GOOD_LINE = b",".join([b"1"] * N_FEATURES)

NUMBER = st.one_of(
    st.sampled_from(SPELLINGS),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: repr(value).encode()),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda value: f"{value:.20e}".encode()),
    st.integers(-(10**25), 10**25).map(lambda value: str(value).encode()),
)


@st.composite
def lines(draw: st.DrawFn) -> bytes:
    """Return a line without its line end: mostly numbers, sometimes with one or two damages."""
    drawn = draw(st.lists(NUMBER, min_size=1, max_size=6))
    cells = (drawn * N_FEATURES)[:N_FEATURES]
    damage = draw(st.sampled_from(["none", "none", "none", "cell", "columns", "bytes", "blank"]))
    if damage == "cell":
        place = draw(st.integers(0, N_FEATURES - 1))
        cells[place] = draw(st.sampled_from(ANY_DAMAGE) | st.binary(max_size=4))
    if damage == "columns":
        cells = (cells * 2)[: draw(st.sampled_from([1, 2, 114, 116, 230]))]
    line = b",".join(cells)
    if damage == "bytes":
        place = draw(st.integers(0, len(line)))
        noise = draw(st.sampled_from([b"\r", b"\x00", b"\n", b"\r\r", b" ", b",", b'"', b"\xff"]))
        line = line[:place] + noise + line[place:]
    if damage == "blank":
        line = draw(st.sampled_from([b"", b" ", b"\r", b",", b"\xef\xbb\xbf", b"\x1a"]))
    return line


@st.composite
def contents(draw: st.DrawFn) -> bytes:
    """Return whole lines with mixed line ends; the last one may lack its own."""
    drawn = draw(
        st.lists(st.tuples(lines(), st.sampled_from([b"\n", b"\r\n"])), min_size=1, max_size=6)
    )
    content = b"".join(line + end for line, end in drawn)
    if draw(st.booleans()):
        content = content.removesuffix(b"\n")
    return content or b"\n"


def count_lines(content: bytes) -> int:
    """Return the lines as the survey counts them."""
    return content.count(b"\n") + (not content.endswith(b"\n"))


def bits(table: pa.Table) -> list[tuple[int, bytes]]:
    """Return row numbers and the very bits of the values, so that -0.0 is not 0.0."""
    columns = table.to_pydict()
    values = zip(*(columns[name] for name in FEATURES), strict=True)
    packed = [struct.pack(f"{N_FEATURES}d", *row) for row in values]
    return list(zip(columns["row_no"], packed, strict=True))


def outcome(parsed: ParsedChunk) -> tuple[list[tuple[int, bytes]], list[RefusedLine]]:
    """Return everything that a chunk came to."""
    return bits(parsed.accepted), parsed.refused


@settings(max_examples=150)
@given(contents(), st.integers(1, 10**12))
@example(b"\xef\xbb\xbf" + GOOD_LINE + b"\n", 1)
@example(GOOD_LINE + b"\r" + GOOD_LINE + b"\n", 1)
@example(GOOD_LINE + b"\n\r", 5)
@example(GOOD_LINE + b"\r", 1)
def test_fast_and_slow_path_agree(content: bytes, first_row: int) -> None:
    """A chunk that the fast path takes gives the same bits and row numbers line by line."""
    rows = count_lines(content)
    slow = parse._parse_lines(content, FEATURES, first_row)
    assert outcome(parse_chunk(content, FEATURES, first_row, rows)) == outcome(slow)
    fast = parse._parse_whole(content, FEATURES, rows)
    if fast is not None:
        assert not slow.refused
        assert bits(parse._numbered(fast, range(first_row, first_row + rows))) == bits(
            slow.accepted
        )


@settings(max_examples=80)
@given(contents(), st.integers(1, 1000))
def test_every_line_is_accepted_or_refused_once(content: bytes, first_row: int) -> None:
    """Accepted and refused lines together are the lines, in order, and refusals keep the bytes."""
    rows = count_lines(content)
    parsed = parse_chunk(content, FEATURES, first_row, rows)
    accepted = parsed.accepted["row_no"].to_pylist()
    refused = [line.row_no for line in parsed.refused]
    assert sorted(accepted + refused) == list(range(first_row, first_row + rows))
    assert accepted == sorted(accepted)
    raw = content.removesuffix(b"\n").split(b"\n")
    for line in parsed.refused:
        assert line.raw == raw[line.row_no - first_row].removesuffix(b"\r")
        assert line.reason in LINE_REASONS
        assert line.detail


@settings(max_examples=60)
@given(st.lists(NUMBER, min_size=N_FEATURES, max_size=N_FEATURES))
def test_values_are_those_of_python(cells: list[bytes]) -> None:
    """Every spelling gives exactly the double that Python's float gives, on both paths."""
    content = b",".join(cells) + b"\r\n"
    expected = [(3, struct.pack(f"{N_FEATURES}d", *map(float, cells)))]
    fast = parse._parse_whole(content, FEATURES, 1)
    assert fast is not None, "a plain line must not need the slow path"
    assert bits(parse._numbered(fast, [3])) == expected
    assert bits(parse._parse_lines(content, FEATURES, 3).accepted) == expected


@pytest.mark.parametrize(
    ("reason", "cell"), [(reason, cell) for reason, cells in DAMAGED.items() for cell in cells]
)
@pytest.mark.parametrize("place", [0, 57, N_FEATURES - 1])
def test_a_bad_value_is_named(reason: str, cell: bytes, place: int) -> None:
    """A damaged value refuses its line, with the reason and its place, and spares the next."""
    cells = [b"1"] * N_FEATURES
    cells[place] = cell
    content = b",".join(cells) + b"\n" + GOOD_LINE + b"\n"
    parsed = parse_chunk(content, FEATURES, 1, 2)
    assert parsed.accepted["row_no"].to_pylist() == [2]
    (refused,) = parsed.refused
    assert (refused.row_no, refused.reason) == (1, reason)
    assert f"value {place + 1} is" in refused.detail


SHAPES = [
    (b"", "empty_line"),
    (b" ", "too_few_columns"),
    (b",".join([b"1"] * 114), "too_few_columns"),
    (GOOD_LINE.replace(b",", b";"), "wrong_separator"),
    (GOOD_LINE.replace(b"1", b"1,5").replace(b"5,1", b"5;1"), "wrong_separator"),
    (GOOD_LINE.replace(b",", b"\t"), "wrong_separator"),
    (GOOD_LINE.replace(b",", b"|"), "too_few_columns"),
    (GOOD_LINE + b",", "too_many_columns"),
    (GOOD_LINE.replace(b"1", b"1,000", 1), "too_many_columns"),
    (GOOD_LINE.replace(b"1", b'"1,000"', 1), "quoted"),
    (GOOD_LINE + b"\r" + GOOD_LINE, "carriage_return"),
    (GOOD_LINE + b"\r\r" + GOOD_LINE, "carriage_return"),
    (b"\x00" * 400, "nul_bytes"),
    (b"1,2,caf\xe9", "invalid_utf8"),
    (b" " * LINE_LIMIT + GOOD_LINE, "line_too_long"),
    (b"7" * 3_000_000, "line_too_long"),
    (b"," * 3_000_000, "line_too_long"),
]


@pytest.mark.parametrize(("line", "reason"), SHAPES)
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r\n" + GOOD_LINE])
def test_a_line_of_another_shape_is_named(line: bytes, reason: str, end: bytes) -> None:
    """Lines with more or fewer values, and blank ones, are refused with the reason."""
    rows = 1 + end.count(b"\n") + (not end.endswith(b"\n"))
    parsed = parse_chunk(GOOD_LINE + b"\n" + line + end, FEATURES, 1, rows)
    assert [(refused.row_no, refused.reason) for refused in parsed.refused] == [(2, reason)]
    assert parsed.lines == rows


@pytest.mark.parametrize("line", [b"1", b"1,", b",".join([b"1"] * 114), b"1.5\r"])
def test_a_last_line_that_was_cut_is_named(line: bytes) -> None:
    """Too few values in a last line without a line end are a delivery that broke off."""
    for end, reason in ((b"", "truncated_line"), (b"\n", "too_few_columns")):
        (refused,) = parse_chunk(GOOD_LINE + b"\n" + line + end, FEATURES, 1, 2).refused
        assert (refused.row_no, refused.reason) == (2, reason)


@pytest.mark.parametrize("spare", [0, 1])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b""])
def test_the_longest_line(spare: int, end: bytes) -> None:
    """A line of exactly the limit is read, one byte more is refused; wherever it lies."""
    line = GOOD_LINE + b" " * (LINE_LIMIT - len(GOOD_LINE) + spare)
    for before in (0, 1, 100, 200):
        content = (GOOD_LINE + b"\n") * before + line + end
        parsed = parse_chunk(content, FEATURES, 1, before + 1)
        assert [refused.reason for refused in parsed.refused] == ["line_too_long"] * spare


def test_a_long_number_takes_no_longer_than_its_length() -> None:
    """Digits up to the limit are looked at once, not in every way to divide them."""
    cells = [b"7" * 500 + b"x"] * (N_FEATURES - 1)
    cells.insert(0, b"7" * (LINE_LIMIT - 502 * N_FEATURES))
    cells[0] += b"x"
    start = time.process_time()
    (refused,) = parse_chunk(b",".join(cells) + b"\n", FEATURES, 1, 1).refused
    assert refused.reason == "not_a_number"
    assert time.process_time() - start < 0.5
    for cell in (b"1" * 60_000 + b"x", b"." + b"1" * 60_000 + b"x", b"1e" + b"1" * 60_000 + b"x"):
        (refused,) = parse_chunk(cell + b",1" * (N_FEATURES - 1), FEATURES, 1, 1).refused
        assert refused.reason == "not_a_number"
    assert time.process_time() - start < 1


def test_parts_are_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk of many short lines is parsed in parts, with the same outcome line by line."""
    lines = [GOOD_LINE, b"", GOOD_LINE, b"x", b"1,2", GOOD_LINE, b"\r", GOOD_LINE]
    for end in (b"", b"\n", b"\r\n", b"\n1"):
        content = b"\n".join(lines) + end
        rows = count_lines(content)
        whole = parse_chunk(content, FEATURES, 7, rows)
        for part_rows in (1, 2, 3, 7, 8, 100):
            monkeypatch.setattr(parse, "_PART_ROWS", part_rows)
            parts = list(parse_parts(content, FEATURES, Chunk(0, len(content), 7, rows)))
            assert (len(parts) > 1) == (rows > part_rows)
            assert [row for part in parts for row in bits(part.accepted)] == bits(whole.accepted)
            assert [line for part in parts for line in part.refused] == whole.refused
            assert max(part.lines for part in parts) <= part_rows


def test_every_reason_is_documented_and_reached() -> None:
    """The tests above reach every reason that LINE_REASONS explains, and it explains each."""
    assert set(LINE_REASONS) == {"truncated_line", *DAMAGED, *dict(map(reversed, SHAPES))}


def test_columns_come_out_in_table_order() -> None:
    """A file with its columns in another order gives the table's order, on both paths."""
    backwards = tuple(reversed(FEATURES))
    line = b",".join(str(value).encode() for value in range(N_FEATURES)) + b"\n"
    for content, rows in ((line, 1), (line + b"\n", 2)):
        row = parse_chunk(content, backwards, 1, rows).accepted.to_pylist()[0]
        assert list(row) == ["row_no", *FEATURES]
        assert [row[name] for name in backwards] == list(range(N_FEATURES))


def test_a_chunk_of_bad_lines_keeps_its_types() -> None:
    """With nothing accepted, the table still has its columns and types."""
    nothing = parse_chunk(b"\n", FEATURES, 1, 1).accepted
    something = parse_chunk(GOOD_LINE, FEATURES, 1, 1).accepted
    assert nothing.num_rows == 0
    assert nothing.schema == something.schema
