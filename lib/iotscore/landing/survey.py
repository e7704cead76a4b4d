"""One pass over a file's bytes: checksum, number of lines, and where to cut it into chunks.

Rows are numbered from 1 in file order. To parse a large file by many tasks and still number its
rows, the survey notes for every chunk the byte at which it starts (always just behind a line
feed) and the number of its first row.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotscore.landing.header import HEAD_BYTES, read_header
from iotscore.landing.reasons import LINE_LIMIT

if TYPE_CHECKING:
    from pyarrow import fs

_READ_BYTES = 4 << 20


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
    """What one pass over a file found.

    Attributes
    ----------
    sha256
        Checksum of the whole content, hexadecimal; None if it could not be read to the end.
    size
        Bytes read, or those that the file system states if it could not be read.
    rows
        Lines behind the header, whatever they hold; 0 if the content is no text.
    columns
        Table names of the columns in file order; empty if ``fault`` is set.
    chunks
        Where to cut, in order; together they cover every row once.
    fault
        Reason code for which the file is refused, or None.
    fault_detail
        What was found, for people.
    """

    sha256: str | None
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
        buffer = stream.read(HEAD_BYTES)
        header = read_header(buffer)
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
    found = header.fault, header.detail
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
        # The last line starts within the first chunk_bytes bytes, so this shows it to be too long.
        enough = self._chunk_bytes + LINE_LIMIT + 2
        length = min(self._position - self._start, enough)
        self.chunks.append(Chunk(self._start, length, self._first_row, self._rows))
        self._first_row += self._rows
        self._start, self._rows = self._position, 0
