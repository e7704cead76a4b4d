"""Parse lines of numbers into columns; each line is accepted or refused with a reason.

The fast path gives a whole chunk to pyarrow. If anything in it is not plain finite numbers, the
chunk is read again line by line, which is slow but names each bad line. A line has the same
outcome on both paths; a property test checks that.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from iotscore.features import FEATURES
from iotscore.landing.header import BOM
from iotscore.landing.line import parse_line
from iotscore.landing.reason_codes import LINE_LIMIT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.landing.scan import Chunk

_BLOCK_BYTES: Final = 1 << 20
"""What pyarrow parses at a time: it stays in the processor's cache, 1.15 times as fast as 8 MB."""
_PART_ROWS: Final = 50_000
"""Most lines parsed at a time: a chunk of 8 MB may hold 8 million, all refused."""


@dataclass(frozen=True)
class RefusedLine:
    """A refused line: its row number, its bytes, a reason code and a detail."""

    row_no: int
    raw: bytes
    reason: str
    detail: str


@dataclass(frozen=True)
class ParsedChunk:
    """Accepted rows (``row_no`` int64 and the 115 features float64, table order) and the rest."""

    accepted: pa.Table
    refused: list[RefusedLine]

    @property
    def lines(self) -> int:
        """How many lines there were."""
        return int(self.accepted.num_rows) + len(self.refused)


def parse_parts(content: bytes, columns: tuple[str, ...], chunk: Chunk) -> Iterator[ParsedChunk]:
    """Parse the lines of a chunk as :func:`parse_chunk` does, in parts of bounded memory."""
    if chunk.rows <= _PART_ROWS:
        yield parse_chunk(content, columns, chunk.first_row, chunk.rows)
        return
    lines = io.BytesIO(content).readlines()
    for start in range(0, len(lines), _PART_ROWS):
        part = lines[start : start + _PART_ROWS]
        yield parse_chunk(b"".join(part), columns, chunk.first_row + start, len(part))


def parse_chunk(content: bytes, columns: tuple[str, ...], first_row: int, rows: int) -> ParsedChunk:
    """Parse a run of whole lines, of which the survey counted ``rows``.

    ``columns`` are the 115 table names in the file's order.
    """
    table = _parse_whole(content, columns, rows)
    if table is None:
        return _parse_lines(content, columns, first_row)
    return ParsedChunk(_numbered(table, range(first_row, first_row + rows)), [])


def _parse_whole(content: bytes, columns: tuple[str, ...], rows: int) -> pa.Table | None:
    # pyarrow drops a byte order mark at the start of whatever it is given, here any chunk.
    if content.startswith(BOM) or _may_hold_long_line(content):
        return None
    try:
        table = csv.read_csv(
            pa.BufferReader(content),
            read_options=csv.ReadOptions(
                column_names=list(columns), use_threads=False, block_size=_BLOCK_BYTES
            ),
            parse_options=csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.float64()), null_values=[]
            ),
        )
    except pa.ArrowInvalid:
        return None
    if table.num_rows != rows or not all(map(_all_finite, table.columns)):
        return None
    return table


def _may_hold_long_line(content: bytes) -> bool:
    """Say whether half the limit passes without a line end somewhere, as it must in a long line."""
    block = LINE_LIMIT // 2
    starts = range(0, len(content) - block + 1, block)
    return any(content.find(b"\n", start, start + block) < 0 for start in starts)


def _all_finite(column: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.is_finite(column), min_count=0).as_py())


def _parse_lines(content: bytes, columns: tuple[str, ...], first_row: int) -> ParsedChunk:
    values: list[list[float]] = []
    row_numbers: list[int] = []
    refused: list[RefusedLine] = []
    *ended, last = content.split(b"\n")
    lines = [(line, True) for line in ended] + ([(last, False)] if last or not ended else [])
    for row_no, (line, is_ended) in enumerate(lines, first_row):
        raw = line.removesuffix(b"\r")
        parsed = parse_line(raw, is_ended=is_ended)
        if isinstance(parsed, list):
            row_numbers.append(row_no)
            values.append(parsed)
        else:
            refused.append(RefusedLine(row_no, raw, *parsed))
    by_column = np.array(values, np.float64).reshape(-1, len(columns)).T
    table = pa.table(dict(zip(columns, by_column, strict=True)))
    return ParsedChunk(_numbered(table, row_numbers), refused)


def _numbered(table: pa.Table, row_numbers: range | list[int]) -> pa.Table:
    row_no = pa.array(row_numbers, pa.int64())
    return table.select(list(FEATURES)).add_column(0, "row_no", row_no)
