"""Read a file once, for its checksum, its number of lines and the chunks to parse.

Of a file that its header refuses nothing more is read: it may be a disk image under a wrong name.
Blank lines at the end of a file, as editors and exporters leave them, are none of its lines.

Rows are numbered from 1 in file order. To parse a large file by many tasks and still number its
rows, the survey notes for every chunk the byte at which it starts (always just behind a line
feed) and the number of its first row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iotscore.landing.header import HEAD_BYTES, read_header
from iotscore.landing.reason_codes import LINE_LIMIT

if TYPE_CHECKING:
    from iotscore.landing.opening import Opener

_READ_BYTES = 4 << 20
_BLANK = b" \t\r\n"


@dataclass(frozen=True)
class Chunk:
    """A run of whole lines: byte offset, length in bytes, first row's number, number of rows.

    Of a last line that is too long to be a record, the length covers the beginning only: enough
    to see that it is too long.
    """

    offset: int
    length: int
    first_row: int
    rows: int


@dataclass(frozen=True)
class Survey:
    """The result of one pass over a file.

    Attributes
    ----------
    sha256
        Checksum of the whole content, hexadecimal; None if it was not read to the end.
    size
        Number of bytes read.
    rows
        Lines behind the header up to the last that is not blank, whatever they hold; 0 if the
        content is no text, or was not read to the end.
    columns
        Table names of the columns in file order; empty if ``fault`` is set.
    chunks
        Where to cut, in order; together they cover every row once.
    fault, fault_detail
        Reason code for which the file is refused and what was found, or None.
    """

    sha256: str | None
    size: int
    rows: int
    columns: tuple[str, ...]
    chunks: tuple[Chunk, ...]
    fault: str | None
    fault_detail: str | None


def survey_file(opener: Opener, path: str, chunk_bytes: int) -> Survey:
    """Read a file once from start to end, or up to a header for which it is refused.

    A chunk has at least ``chunk_bytes`` and ends at the first line feed behind them.
    """
    with opener.open_input_stream(path) as stream:
        buffer = stream.read(HEAD_BYTES)
        header = read_header(buffer)
        found = header.fault, header.detail
        if header.fault is not None and len(buffer) == HEAD_BYTES:
            return Survey(None, len(buffer), 0, (), (), *found)
        digest, size = hashlib.sha256(buffer), len(buffer)
        cutter = _Cutter(header.rows_start or 0, chunk_bytes)
        cutter.feed(buffer[header.rows_start or 0 :])
        while buffer := stream.read(_READ_BYTES):
            digest.update(buffer)
            cutter.feed(buffer)
            size += len(buffer)
    cutter.finish()
    rows = 0 if header.rows_start is None else sum(chunk.rows for chunk in cutter.chunks)
    chunks = () if header.fault else tuple(cutter.chunks)
    return Survey(digest.hexdigest(), size, rows, header.columns, chunks, *found)


class _Cutter:
    """Counts lines and closes a chunk at the first line feed behind ``chunk_bytes`` bytes."""

    def __init__(self, offset: int, chunk_bytes: int) -> None:
        self.chunks: list[Chunk] = []
        self._chunk_bytes = chunk_bytes
        self._start = self._position = offset
        self._first_row = 1
        self._rows = 0
        self._ends_with_newline = True
        self._tail = _Tail(offset)

    def feed(self, buffer: bytes) -> None:
        self._tail.feed(buffer)
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
        self._leave_out(self._tail.blank_lines(), self._tail.end)

    def _close(self) -> None:
        # The last line starts within the first chunk_bytes bytes, so this shows it to be too long.
        enough = self._chunk_bytes + LINE_LIMIT + 2
        length = min(self._position - self._start, enough)
        self.chunks.append(Chunk(self._start, length, self._first_row, self._rows))
        self._first_row += self._rows
        self._start, self._rows = self._position, 0

    def _leave_out(self, blank: int, end: int) -> None:
        """Take the last lines, behind a byte, out of the chunks."""
        while blank:
            last = self.chunks.pop()
            if last.rows > blank:
                length = min(last.length, end - last.offset)
                self.chunks.append(replace(last, length=length, rows=last.rows - blank))
            blank -= min(last.rows, blank)


class _Tail:
    """Finds the blank lines at the end of what is fed."""

    def __init__(self, offset: int) -> None:
        # Behind the last line that is not blank, or behind the header if all are.
        self.end = self._position = offset
        self._feeds = 0
        self._is_line_open = False
        self._is_feed_last = False

    def feed(self, buffer: bytes) -> None:
        behind = 0
        if solid := len(buffer.rstrip(_BLANK)):
            self._is_line_open, self._feeds, behind = True, 0, solid
        if self._is_line_open:
            if feed := buffer.find(b"\n", behind) + 1:
                self._is_line_open, behind = False, feed
            else:
                behind = len(buffer)
            self.end = self._position + behind
        self._feeds += buffer.count(b"\n", behind)
        self._position += len(buffer)
        self._is_feed_last = buffer.endswith(b"\n")

    def blank_lines(self) -> int:
        """Return how many there are; the last may lack its line end."""
        is_begun = self._position > self.end and not self._is_feed_last
        return self._feeds + is_begun
