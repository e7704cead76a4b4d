"""One pass over a file's bytes: checksum, number of lines, and where to cut it into chunks.

Rows are numbered from 1 in file order. To parse a large file by many tasks and still number its
rows, the survey notes for every chunk the byte at which it starts (always just behind a line
feed) and the number of its first row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotscore.columns import FEATURES, SOURCE_FEATURES

if TYPE_CHECKING:
    from pyarrow import fs

_READ_BYTES = 4 << 20
_HEADER_LIMIT = 1 << 16
_NAME_LIMIT = 40
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Chunk:
    """A run of whole lines: byte offset, length in bytes, first row's number, number of rows."""

    offset: int
    length: int
    first_row: int
    rows: int


@dataclass(frozen=True)
class Survey:
    """What one pass over a file found.

    Attributes
    ----------
    sha256
        Checksum of the whole content, hexadecimal.
    size
        Bytes read.
    rows
        Lines behind the header, whatever they hold.
    columns
        Table names of the columns in file order; empty if ``fault`` is set.
    chunks
        Where to cut, in order; together they cover every row once.
    fault
        Reason code for which the file is refused, or None.
    fault_detail
        What was found, for people.
    """

    sha256: str
    size: int
    rows: int
    columns: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    fault: str | None
    fault_detail: str | None


def survey_file(filesystem: fs.FileSystem, path: str, chunk_bytes: int) -> Survey:
    """Read a file once from start to end.

    Parameters
    ----------
    filesystem, path
        Where the file is.
    chunk_bytes
        Least bytes of a chunk; it ends at the first line feed behind them.
    """
    with filesystem.open_input_stream(path) as stream:
        buffer = stream.read(_HEADER_LIMIT)
        columns, header_end, fault, detail = _read_header(buffer)
        digest = hashlib.sha256(buffer)
        cutter = _Cutter(header_end, chunk_bytes)
        cutter.feed(buffer[header_end:])
        size = len(buffer)
        while buffer := stream.read(_READ_BYTES):
            digest.update(buffer)
            cutter.feed(buffer)
            size += len(buffer)
    cutter.finish()
    rows = sum(chunk.rows for chunk in cutter.chunks)
    chunks = () if fault else tuple(cutter.chunks)
    return Survey(digest.hexdigest(), size, rows, columns, chunks, fault, detail)


class _Cutter:
    """Counts lines and closes a chunk at the first line feed behind ``chunk_bytes`` bytes."""

    def __init__(self, offset: int, chunk_bytes: int) -> None:
        self.chunks: list[Chunk] = []
        self._chunk_bytes = chunk_bytes
        self._start = self._position = offset
        self._first_row = 1
        self._rows = 0
        self._ends_with_newline = True

    def feed(self, buffer: bytes) -> None:
        while buffer:
            wanted = self._start + self._chunk_bytes - self._position
            cut = buffer.find(b"\n", max(wanted - 1, 0)) + 1
            piece = buffer[:cut] if cut else buffer
            self._rows += piece.count(b"\n")
            self._position += len(piece)
            self._ends_with_newline = piece.endswith(b"\n")
            if cut:
                self._close()
            buffer = buffer[len(piece) :]

    def finish(self) -> None:
        if not self._ends_with_newline:
            self._rows += 1
        if self._position > self._start:
            self._close()

    def _close(self) -> None:
        length = self._position - self._start
        self.chunks.append(Chunk(self._start, length, self._first_row, self._rows))
        self._first_row += self._rows
        self._start, self._rows = self._position, 0


def _read_header(head: bytes) -> tuple[tuple[str, ...], int, str | None, str | None]:
    """Return columns in file order, where the rows begin, reason code and detail of a fault."""
    end = head.find(b"\n") + 1 or len(head)
    line = head[:end].removeprefix(_BOM).rstrip(b"\r\n")
    if not head:
        return (), 0, "empty_file", "the file has no bytes"
    if end == _HEADER_LIMIT and not head.endswith(b"\n"):
        return (), 0, "no_header", f"the first line is longer than {_HEADER_LIMIT} bytes"
    names = [name.strip() for name in line.decode("utf-8", "replace").split(",")]
    known = dict(zip(SOURCE_FEATURES, FEATURES, strict=True))
    if not set(names) & known.keys():
        return (), 0, "no_header", f"the first line is {line[:80]!r}, not the feature names"
    problems = {
        "missing": [name for name in SOURCE_FEATURES if name not in names],
        "unknown": [name for name in names if name not in known],
        "repeated": sorted({name for name in names if names.count(name) > 1}),
    }
    if found := {kind: columns for kind, columns in problems.items() if columns}:
        detail = "; ".join(
            f"{len(columns)} {kind}: {_shortened(columns)}" for kind, columns in found.items()
        )
        return (), end, "wrong_columns", detail
    return tuple(known[name] for name in names), end, None, None


def _shortened(names: list[str]) -> str:
    return ", ".join(name[:_NAME_LIMIT] or "(no name)" for name in names[:5])
