"""Random tables with random damage: every line is told apart, on each path, however it is cut."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.features import FEATURES, N_FEATURES, SOURCE_FEATURES
from iotscore.landing import parse
from iotscore.landing.file_changes import survey_source
from iotscore.landing.folder import discover, open_folder

if TYPE_CHECKING:
    from pathlib import Path

NUMBERS = st.one_of(
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.floats(-1e6, 1e6).map("{:.3f}".format),
    st.integers(-(10**20), 10**20).map(str),
    st.sampled_from(["5e-324", "-0", "+.5", "1.", "1e-400", " 7", "1.7976931348623157e308"]),
)
BAD_CELLS = (b"", b"x", b"nan", b"-inf", b"1e400", b'"1"', b"1'000", b"\x00", b"\xff", b"1\r1")


@dataclass(frozen=True)
class Table:
    """A file, and its lines but blank ones at the end: their values, or None for a damaged one."""

    content: bytes
    rows: list[tuple[float, ...] | None]


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """Return a file with its columns in any order, any line ends, and damage in some lines."""
    start = draw(st.integers(0, N_FEATURES - 1))
    order = [(start + step * 7) % N_FEATURES for step in range(N_FEATURES)]  # 7 and 115 are coprime
    content = b"\xef\xbb\xbf" if draw(st.booleans()) else b""
    content += ",".join(SOURCE_FEATURES[place] for place in order).encode() + b"\n"
    rows: list[tuple[float, ...] | None] = []
    for _ in range(draw(st.integers(1, 12))):
        drawn = draw(st.lists(NUMBERS, min_size=1, max_size=5))
        cells = [cell.encode() for cell in (drawn * N_FEATURES)[:N_FEATURES]]
        damage = draw(st.sampled_from(["none", "none", "none", "cell", "fewer", "more", "blank"]))
        by_place = dict(zip(order, map(float, cells), strict=True))
        rows.append(tuple(by_place[place] for place in range(N_FEATURES)))
        if damage != "none":
            rows[-1] = None
            cells = _damaged(draw, cells, damage)
        content += b",".join(cells) + draw(st.sampled_from([b"\n", b"\r\n"]))
    if rows[-1] is not None and draw(st.booleans()):
        content = content.removesuffix(b"\n")
    lines = content.split(b"\n")
    while rows and not lines[len(rows)].strip():
        rows.pop()
    return Table(content, rows)


def _damaged(draw: st.DrawFn, cells: list[bytes], damage: str) -> list[bytes]:
    place = draw(st.integers(0, N_FEATURES - 1))
    if damage == "cell":
        bad = draw(st.sampled_from(BAD_CELLS))
        return [*cells[:place], bad, *cells[place + 1 :]]
    return {"fewer": cells[:place], "more": [*cells, b"1"], "blank": []}[damage]


@pytest.mark.parametrize("path", ["fast", "line by line"])
def test_lines_are_accepted_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Undamaged lines become their text's very values, damaged ones are refused, none is lost."""
    if path == "line by line":
        monkeypatch.setattr(parse, "_parse_whole", lambda *_: None)
    target = tmp_path / "1.csv"

    @settings(max_examples=60)
    @given(tables(), st.integers(0, 20_000), st.integers(1, 15))
    def check(table: Table, chunk_bytes: int, part_rows: int) -> None:
        target.write_bytes(table.content)
        (file,) = discover(str(tmp_path), [r"(?P<device>1)\.csv"]).files
        survey = survey_source(*open_folder(str(tmp_path)), file, chunk_bytes)
        assert (survey.fault, survey.rows) == (None, len(table.rows))
        monkeypatch.setattr(parse, "_PART_ROWS", part_rows)
        accepted: dict[int, bytes] = {}
        refused = []
        for chunk in survey.chunks:
            content = table.content[chunk.offset : chunk.offset + chunk.length]
            for parsed in parse.parse_parts(content, survey.columns, chunk):
                refused += [line.row_no for line in parsed.refused]
                for row in parsed.accepted.to_pylist():
                    values = [row[name] for name in FEATURES]
                    accepted[row["row_no"]] = struct.pack(f"{N_FEATURES}d", *values)
        assert len(accepted) + len(refused) == survey.rows
        numbered = dict(enumerate(table.rows, 1))
        assert refused == [row_no for row_no, row in numbered.items() if row is None]
        assert accepted == {
            row_no: struct.pack(f"{N_FEATURES}d", *row)
            for row_no, row in numbered.items()
            if row is not None
        }

    check()
