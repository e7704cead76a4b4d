"""The first line of a file: the feature names in any order, or the reason why it is no header."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

from iotscore.features import FEATURES, SOURCE_FEATURES
from iotscore.landing.archives import packed_form
from iotscore.landing.line import SEPARATORS, odd_bytes
from iotscore.landing.reason_codes import COMPRESSED

HEAD_BYTES: Final = 1 << 16
"""Bytes from a file's start that :func:`read_header` wants; the header must end in them."""
BOM: Final = b"\xef\xbb\xbf"
_NAME_LIMIT: Final = 40
_COLUMN_OF: Final = dict(zip(SOURCE_FEATURES, FEATURES, strict=True))
_WIDE_MARKS: Final = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_WIDE_SAMPLE: Final = 64


@dataclass(frozen=True)
class Header:
    """The result of reading the first line.

    Attributes
    ----------
    columns
        Table names of the columns in file order; empty if ``fault`` is set.
    rows_start
        Byte at which the rows begin; None if the file has no lines of text.
    fault, detail
        Reason code for which the file is refused and what was found, or None.
    """

    columns: tuple[str, ...]
    rows_start: int | None
    fault: str | None = None
    detail: str | None = None


def read_header(head: bytes) -> Header:
    """Read the header from the first :data:`HEAD_BYTES` of a file."""
    return _not_lines(head) or _first_line(head)


def _not_lines(head: bytes) -> Header | None:
    """Return the fault of a file that holds no lines of text."""
    if not head:
        return Header((), None, "empty_file", "the file has no bytes")
    if form := packed_form(head):
        return Header((), None, COMPRESSED, f"{form}; the file begins with {head[:8]!r}")
    if _is_wide(head):
        return Header((), None, "utf16", f"the file begins with {head[:8]!r}")
    return None


def _first_line(head: bytes) -> Header:
    end = head.find(b"\n") + 1 or len(head)
    line = head[:end].removeprefix(BOM).rstrip(b"\r\n")
    if b"\r" in line and _known(_names(line.partition(b"\r")[0], b",")):
        return Header((), end, "carriage_return", "no line feed ends the first line")
    reason = odd_bytes(line)
    if end == HEAD_BYTES and not head.endswith(b"\n") and reason != "nul_bytes":
        return Header((), 0, "no_header", f"the first line is longer than {HEAD_BYTES} bytes")
    if reason in {"nul_bytes", "invalid_utf8"}:
        return Header((), 0, reason, f"the first line is {line[:80]!r}")
    names = _names(line, b",")
    if not _known(names):
        return _not_a_header(line, end)
    if detail := _column_faults(names):
        return Header((), end, "wrong_columns", detail)
    return Header(tuple(_COLUMN_OF[name] for name in names), end)


def _is_wide(head: bytes) -> bool:
    """Say whether every other byte is NUL, as in UTF-16 of plain letters, or a mark says so."""
    sample = head[:_WIDE_SAMPLE]
    halves = sample[::2], sample[1::2]
    return head.startswith(_WIDE_MARKS) or (
        len(sample) == _WIDE_SAMPLE and any(not any(half) for half in halves) and any(sample)
    )


def _not_a_header(line: bytes, end: int) -> Header:
    for mark, name in SEPARATORS.items():
        if _known(_names(line, mark)):
            detail = f"{line.count(mark) + 1} names stand between {name}"
            return Header((), end, "wrong_separator", detail)
    shown = f"the first line is {line[:80]!r}"
    if _known(_names(line.replace(b'"', b""), b",")):
        return Header((), end, "quoted", shown)
    return Header((), 0, "no_header", f"{shown}, not the feature names")


def _names(line: bytes, separator: bytes) -> list[str]:
    return [name.strip() for name in line.decode("utf-8", "replace").split(separator.decode())]


def _known(names: list[str]) -> bool:
    return not _COLUMN_OF.keys().isdisjoint(names)


def _column_faults(names: list[str]) -> str:
    times = Counter(names)
    problems = {
        "missing": [name for name in SOURCE_FEATURES if name not in times],
        "unknown": [name for name in names if name not in _COLUMN_OF],
        "repeated": sorted(name for name in times if times[name] > 1),
    }
    return "; ".join(
        f"{len(columns)} {kind}: {_shortened(columns)}"
        for kind, columns in problems.items()
        if columns
    )


def _shortened(names: list[str]) -> str:
    return ", ".join(name[:_NAME_LIMIT] or "(no name)" for name in names[:5])
