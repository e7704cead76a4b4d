"""The hash of a record's key, against XXH64 itself."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from xxhash import xxh64

from iotscore.sampling.record_hash import record_hashes

LOWEST, HIGHEST = -(2**63), 2**63 - 1
LONGS = st.integers(LOWEST, HIGHEST)
INTS = st.integers(-(2**31), 2**31 - 1)


def chained(*parts: bytes) -> int:
    """Hash each part, byte by byte, with the digest before it as seed, 42 at first; signed."""
    digest = 42
    for part in parts:
        state = xxh64(seed=digest)
        for position in range(len(part)):
            state.update(part[position : position + 1])
        digest = state.intdigest()
    return digest - 2**64 if digest >= 2**63 else digest


def slow_hash(seed: int, file_id: str, row_no: int) -> int:
    """Return the hash of a record: an int of 4 bytes if it fits, the text, a long of 8 bytes."""
    start = struct.pack("<i" if -(2**31) <= seed < 2**31 else "<q", seed)
    return chained(start, file_id.encode("utf-8"), struct.pack("<q", row_no))


def fast_hashes(seed: int, file_id: str, row_no: list[int]) -> list[int]:
    """Hash with the module, where any overflow that numpy would tell of is an error."""
    with np.errstate(all="raise"):
        found = record_hashes(seed, file_id, np.array(row_no, dtype=np.int64))
    assert (found.dtype, found.shape) == (np.dtype(np.int64), (len(row_no),))
    return [int(value) for value in found]


def test_the_slow_way_is_that_of_spark() -> None:
    """Spark's SQL reference gives this value for xxhash64('Spark', array(123), 2)."""
    assert chained(b"Spark", struct.pack("<i", 123), struct.pack("<i", 2)) == 5602566077635097486


@given(INTS | LONGS, st.text(), st.lists(LONGS, max_size=20))
@example(42, "", [0])
@example(2**31 - 1, "f", [LOWEST, -1, 0, 1, HIGHEST])
@example(2**31, "f", [LOWEST, -1, 0, 1, HIGHEST])
@example(-(2**31), "f", [1])
@example(-(2**31) - 1, "f", [1])
@example(LOWEST, "\0", [1])
@example(HIGHEST, "日本 é 🐍" * 20, [1])
def test_hashes_are_xxh64_of_the_key(seed: int, file_id: str, row_no: list[int]) -> None:
    """Any seed, text and row numbers hash as the bytes of seed, text and number, chained."""
    assert fast_hashes(seed, file_id, row_no) == [slow_hash(seed, file_id, row) for row in row_no]


@pytest.mark.parametrize("length", [1, 3, 4, 7, 8, 16, 31, 32, 33, 100])
def test_texts_of_any_length_are_hashed(length: int) -> None:
    """XXH64 treats 32, 8, 4 and single bytes differently; so does no length of a file id."""
    file_id = "0123456789abcdef"[: length % 16] + "x" * (length - length % 16)
    assert fast_hashes(42, file_id, [7]) == [slow_hash(42, file_id, 7)]


def test_any_layout_of_row_numbers_is_read() -> None:
    """Every second row, backwards or read-only, is hashed as it reads, and stays as it is."""
    rows = np.arange(100, dtype=np.int64)
    rows.flags.writeable = False
    hashes = record_hashes(1, "f", rows)
    assert np.array_equal(record_hashes(1, "f", rows[::2]), hashes[::2])
    assert np.array_equal(record_hashes(1, "f", rows[::-1]), hashes[::-1])
    assert np.array_equal(rows, np.arange(100))


def test_hashes_are_spread_evenly() -> None:
    """Any tenth of the integers gets a tenth of 100,000 records, give or take 4 sigma."""
    hashes = record_hashes(42, "1b4f0e9851971998", np.arange(1, 100_001))
    counts, _ = np.histogram(hashes.astype(np.float64), bins=10, range=(-(2.0**63), 2.0**63))
    assert counts.sum() == 100_000
    assert np.abs(counts - 10_000).max() < 4 * np.sqrt(100_000 * 0.1 * 0.9)
    assert len(np.unique(hashes)) == 100_000


@pytest.mark.parametrize("other", [(43, "f"), (42, "g"), (42, "f\0"), (2**32 + 42, "f")])
def test_seed_and_file_change_every_hash(other: tuple[int, str]) -> None:
    """Another seed or file chooses other records."""
    rows = np.arange(1_000)
    assert not np.isin(record_hashes(*other, rows), record_hashes(42, "f", rows)).any()
