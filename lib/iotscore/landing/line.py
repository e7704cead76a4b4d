"""Parse one line into 115 numbers, or into a reason code and a detail."""

from __future__ import annotations

import math
import re
from typing import Final

from iotscore.features import N_FEATURES
from iotscore.landing.reason_codes import LINE_LIMIT

# Possessive (++): a long run of digits must not be tried in all its divisions.
_NUMBER: Final = re.compile(rb"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_NOT_FINITE: Final = re.compile(rb"[+-]?(?:nan|inf|infinity)(?:\(\w*\))?", re.IGNORECASE)
_GROUPED: Final = re.compile(
    # Apostrophes, underscores, dots and the spaces that typesetters use.
    r"[+-]?[0-9]{1,3}(?P<mark>['\u2019_. \u00a0\u2009\u202f])[0-9]{3}"
    r"(?:(?P=mark)[0-9]{3})*(?:[.,][0-9]*)?"
)
SEPARATORS: Final = {b";": "semicolons", b"\t": "tabs"}
"""What other programs put between values."""
_SHOWN: Final = 40


def parse_line(line: bytes, *, is_ended: bool) -> list[float] | tuple[str, str]:
    """Return the values, or a reason code and a detail.

    Parameters
    ----------
    line
        Its bytes, without the line end.
    is_ended
        Whether a line feed followed; the last line of a file may lack it.
    """
    if not line:
        return "empty_line", "no characters"
    if len(line) > LINE_LIMIT:
        return "line_too_long", f"more than {LINE_LIMIT:,} bytes; no record is that long"
    cells = [cell.strip(b" \t") for cell in line.split(b",")]
    if len(cells) != N_FEATURES:
        return _fault_of_shape(line, len(cells), is_ended=is_ended)
    for position, cell in enumerate(cells, 1):
        if not _NUMBER.fullmatch(cell):
            return _fault_of_value(cell), f"value {position} is {cell[:_SHOWN]!r}"
    values = [float(cell) for cell in cells]
    for position, value in enumerate(values, 1):
        if not math.isfinite(value):
            return "overflow", f"value {position} is {cells[position - 1][:_SHOWN]!r}"
    return values


def odd_bytes(text: bytes) -> str | None:
    """Return the reason code of bytes that no table of numbers holds, None for plain text."""
    for mark, reason in _ODD.items():
        if mark in text:
            return reason
    try:
        text.decode()
    except UnicodeDecodeError:
        return "invalid_utf8"
    return None


_ODD: Final = {b"\x00": "nul_bytes", b"\r": "carriage_return", b'"': "quoted"}


def _fault_of_shape(line: bytes, found: int, *, is_ended: bool) -> tuple[str, str]:
    detail = f"{found} values, needs {N_FEATURES}"
    if reason := odd_bytes(line):
        return reason, detail
    for mark, name in SEPARATORS.items():
        if line.count(mark) == N_FEATURES - 1:
            return "wrong_separator", f"{detail}; {N_FEATURES} stand between {name}"
    if found > N_FEATURES:
        return "too_many_columns", detail
    return ("too_few_columns" if is_ended else "truncated_line"), detail


def _fault_of_value(cell: bytes) -> str:
    if not cell:
        return "empty_value"
    if _NOT_FINITE.fullmatch(cell):
        return "not_finite"
    if reason := odd_bytes(cell):
        return reason
    if cell[:1] == cell[-1:] == b"'":
        return "quoted"
    return "thousands_separator" if _GROUPED.fullmatch(cell.decode()) else "not_a_number"
