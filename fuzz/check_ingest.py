"""What must hold of any bytes that ingest is given as a file; the tests replay it too."""

from __future__ import annotations

import math
import os
import struct
import tempfile
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from pyarrow import fs

from iotscore.features import FEATURES, N_FEATURES, SOURCE_FEATURES
from iotscore.landing import parse
from iotscore.landing.event_days import screened
from iotscore.landing.folder import discover
from iotscore.landing.parse import ParsedChunk, parse_chunk
from iotscore.landing.reason_codes import FILE_REASONS, LINE_LIMIT, LINE_REASONS
from iotscore.landing.scan import survey_file
from iotscore.warehouse.records import feature_matrix

if TYPE_CHECKING:
    from iotscore.landing.scan import Chunk

HEADER = ",".join(SOURCE_FEATURES).encode()
SEEDS = (
    b"\x00" + HEADER + b"\r\n" + b",".join([b"1.5e-3"] * N_FEATURES) + b"\n",
    b"\x011,2,3\n\n\xef\xbb\xbf" + b",".join([b"0"] * N_FEATURES),
    b'\x02-1.25e+300,1\'000,nan,1e400,.5,\x00,"1",5e-324,',
    b"\x03" + bytes(range(100, 120)) + b"\x80\x02\x7f\x03\xff\x01",
    b"\x02 7 ,\t8,0x1,1_0,\xff,1\r,inf,00.10,1.e5",
)
"""Where the fuzzer starts."""
NAMES = (
    *(b"1.2026-11-20.csv", b"1.2099-01-01.CSV", b"2.2026-02-30.csv", b"\xd9\xa3.benign.csv"),
    *(b"a.csv.gz", b"b.rar", b"README", b".x.zip", b"\xff.csv", b"device_info.txt"),
)
"""Names of files in a landing folder that the fuzzer fills."""
PATTERNS = (r"(?P<device_id>\d+)\.(?P<event_day>[\d-]+)\.csv", r"(?P<device_id>\d)\.benign\.csv")
NEWEST = date(2026, 11, 28)
MOST_BYTES = 40

Outcome = tuple[list[tuple[int, bytes]], list[tuple[int, str]]]
"""Row numbers with the bits of the values, and row numbers with reason codes."""


def file_of(data: bytes) -> tuple[bytes, int]:
    """Make a file, and the bytes of a chunk, from what the fuzzer gives.

    The first byte chooses: anything at all; anything behind a good header; or lines of the right
    width, whose values are what stands between commas.
    """
    kind, rest = data[:1], data[1:]
    chunk_bytes = rest[-1] * 64 if rest else 0
    if kind == b"\x00":
        return rest, chunk_bytes
    if kind == b"\x01":
        return HEADER + b"\n" + rest, chunk_bytes
    cells = rest.split(b",") if rest else [b"1"]
    lines = [b",".join([cell, *([b"1"] * (N_FEATURES - 1))]) for cell in cells]
    lines.append(b",".join((cells * N_FEATURES)[:N_FEATURES]))
    return HEADER + b"\n" + b"\n".join(lines), chunk_bytes


def check(data: bytes) -> None:
    """Survey and parse a file; every line must come out once, the same on both paths."""
    if data[:1] == b"\x03":
        _check_listing(data[1:])
        return
    content, chunk_bytes = file_of(data)
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        Path(file.name).write_bytes(content)
        survey = survey_file(fs.LocalFileSystem(), file.name, chunk_bytes)
    _require(survey.size == len(content), "size")
    if survey.fault:
        _require(survey.fault in FILE_REASONS, "reason of the file")
        _require(not survey.chunks, "a refused file has no chunks")
        return
    outcomes = [_check_chunk(content, chunk, survey.columns) for chunk in survey.chunks]
    found = sorted(row_no for good, bad in outcomes for row_no, _ in [*good, *bad])
    _require(found == list(range(1, survey.rows + 1)), "every line once")


def _check_listing(data: bytes) -> None:
    """Fill a folder with files, links, and odd times; each comes out once, none from elsewhere."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place, "in")
        folder.mkdir()
        elsewhere = Path(place, "elsewhere")
        elsewhere.write_bytes(b"secret")
        for name, seconds, kind in zip(NAMES, data[::2], data[1::2], strict=False):
            path = folder / os.fsdecode(name)
            if kind & 1:
                path.symlink_to(elsewhere if kind & 2 else folder / "nothing")
                continue
            path.write_bytes(data[:kind])
            os.utime(path, ns=(0, (seconds - 128) << 56))
        landing = screened(discover(str(folder), PATTERNS), NEWEST, MOST_BYTES)
    refused = {file.source_file: (reason, told) for file, reason, told in landing.unusable}
    read = [file.source_file for file in landing.files]
    _require(
        len({*read, *refused, *landing.ignored}) == len([*read, *refused, *landing.ignored]), "once"
    )
    _require({reason for reason, _ in refused.values()} <= set(FILE_REASONS), "reason of a listing")
    _require("secret" not in str(refused), "nothing from elsewhere")
    for file in landing.files:
        _require(file.size <= MOST_BYTES and not file.leads_out, "what is read is allowed")
        day = file.label.event_day if file.label else None
        _require(day is None or day <= NEWEST, "no day to come")


def _check_chunk(content: bytes, chunk: Chunk, columns: tuple[str, ...]) -> Outcome:
    body = content[chunk.offset : chunk.offset + chunk.length]
    whole = _outcome(parse_chunk(body, columns, chunk.first_row, chunk.rows))
    if not whole[1]:
        slow = _outcome(parse._parse_lines(body, columns, chunk.first_row))
        _require(whole == slow, "fast and slow path agree")
    lines = body.split(b"\n")
    for row_no, bits in whole[0]:
        line = lines[row_no - chunk.first_row]
        _require(len(line) <= LINE_LIMIT + 1, "length of an accepted line")
        by_name = dict(zip(columns, map(float, line.split(b",")), strict=True))
        values = [by_name[name] for name in FEATURES]
        _require(bits == struct.pack(f"{N_FEATURES}d", *values), "values are those of the text")
        _require(all(map(math.isfinite, values)), "values are finite")
    _require({reason for _, reason in whole[1]} <= set(LINE_REASONS), "reason of a line")
    return whole


def _outcome(parsed: ParsedChunk) -> Outcome:
    packed = [row.tobytes() for row in feature_matrix(parsed.accepted)]
    refused = [(line.row_no, line.reason) for line in parsed.refused]
    return list(zip(parsed.accepted["row_no"].to_pylist(), packed, strict=True)), refused


def _require(holds: bool, what: str) -> None:  # noqa: FBT001 - a condition
    if not holds:
        raise AssertionError(what)
