"""Lines of numbers to columns: every line is either accepted whole or refused with a reason.

The fast path gives a whole chunk to pyarrow. If anything in it is not plain finite numbers, the
chunk is read again line by line, which is slow but names each bad line. A line has the same
outcome on both paths; a property test checks that.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv

from iotscore.columns import FEATURES, N_FEATURES

_NUMBER = re.compile(rb"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOM = b"\xef\xbb\xbf"
_BLOCK_BYTES = 1 << 20
"""What pyarrow parses at a time: it stays in the processor's cache, 1.15 times as fast as 8 MB."""
_NOT_FINITE = re.compile(rb"[+-]?(?:nan|inf|infinity)(?:\(\w*\))?", re.IGNORECASE)

REASONS: Final[dict[str, str]] = {
    "empty_line": "the line holds nothing",
    "too_few_columns": f"fewer than {N_FEATURES} values",
    "too_many_columns": f"more than {N_FEATURES} values",
    "empty_value": "a value is missing between two commas",
    "not_finite": "a value is NaN or infinite",
    "overflow": "a number is too large for a 64-bit float",
    "not_a_number": "a value is no number",
}
"""Reason codes of refused lines."""


@dataclass(frozen=True)
class RefusedLine:
    """A line that is no record: its row number, its bytes, a reason code and what was found."""

    row_no: int
    raw: bytes
    reason: str
    detail: str


@dataclass(frozen=True)
class ParsedChunk:
    """Accepted rows (``row_no`` int64 and the 115 features float64, table order) and the rest."""

    accepted: pa.Table
    refused: list[RefusedLine]


def parse_chunk(content: bytes, columns: tuple[str, ...], first_row: int, rows: int) -> ParsedChunk:
    """Parse a run of whole lines.

    Parameters
    ----------
    content
        The lines, without the header.
    columns
        The 115 table names in the file's order.
    first_row, rows
        Number of the first row, and how many lines the survey counted.
    """
    table = _parse_whole(content, columns, rows)
    if table is None:
        return _parse_lines(content, columns, first_row)
    return ParsedChunk(_numbered(table, range(first_row, first_row + rows)), [])


def _parse_whole(content: bytes, columns: tuple[str, ...], rows: int) -> pa.Table | None:
    # pyarrow drops a byte order mark at the start of whatever it is given, here any chunk.
    if content.startswith(_BOM):
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


def _all_finite(column: pa.ChunkedArray) -> bool:
    return bool(pc.all(pc.is_finite(column), min_count=0).as_py())


def _parse_lines(content: bytes, columns: tuple[str, ...], first_row: int) -> ParsedChunk:
    values: list[list[float]] = []
    row_numbers: list[int] = []
    refused: list[RefusedLine] = []
    for row_no, line in enumerate(content.removesuffix(b"\n").split(b"\n"), first_row):
        raw = line.removesuffix(b"\r")
        parsed = _parse_line(raw)
        if isinstance(parsed, list):
            row_numbers.append(row_no)
            values.append(parsed)
        else:
            refused.append(RefusedLine(row_no, raw, *parsed))
    by_column = zip(*values, strict=True) if values else [()] * len(columns)
    table = pa.table(
        {
            name: pa.array(column, pa.float64())
            for name, column in zip(columns, by_column, strict=True)
        }
    )
    return ParsedChunk(_numbered(table, row_numbers), refused)


def _parse_line(line: bytes) -> list[float] | tuple[str, str]:
    """Return the values, or a reason code and what was found."""
    if not line:
        return "empty_line", "no characters"
    cells = [cell.strip(b" \t") for cell in line.split(b",")]
    if len(cells) != N_FEATURES:
        reason = "too_few_columns" if len(cells) < N_FEATURES else "too_many_columns"
        return reason, f"{len(cells)} values, needs {N_FEATURES}"
    for position, cell in enumerate(cells, 1):
        if not _NUMBER.fullmatch(cell):
            return _reason_of(cell), f"value {position} is {cell[:40]!r}"
    values = [float(cell) for cell in cells]
    for position, value in enumerate(values, 1):
        if not math.isfinite(value):
            return "overflow", f"value {position} is {cells[position - 1][:40]!r}"
    return values


def _reason_of(cell: bytes) -> str:
    if not cell:
        return "empty_value"
    return "not_finite" if _NOT_FINITE.fullmatch(cell) else "not_a_number"


def _numbered(table: pa.Table, row_numbers: range | list[int]) -> pa.Table:
    row_no = pa.array(row_numbers, pa.int64())
    return table.select(list(FEATURES)).add_column(0, "row_no", row_no)
