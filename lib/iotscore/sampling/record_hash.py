"""The 64-bit hash of a record's key, by which records are sampled reproducibly.

It is XXH64 (https://xxhash.com) over seed, file id and row number, each hashed with the result
before it as seed, as Spark's ``xxhash64(seed, file_id, row_no)`` does: SQL and workers agree.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from xxhash import xxh64_intdigest

if TYPE_CHECKING:
    import numpy.typing as npt

_P1: Final = np.uint64(0x9E3779B185EBCA87)
_P2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_P3: Final = np.uint64(0x165667B19E3779F9)
_P4: Final = np.uint64(0x85EBCA77C2B2AE63)
_P5: Final = 0x27D4EB2F165667C5
"""The primes of XXH64."""

_SPARK_SEED: Final = 42
"""What Spark starts with."""


def record_hashes(seed: int, file_id: str, row_no: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the hashes of some records of one file.

    Parameters
    ----------
    seed
        64-bit integer; one of 32 bits is hashed as such.
    row_no
        Row numbers, shape (n_rows,).

    Returns
    -------
    int64 array of shape (n_rows,)
        Evenly spread over all signed integers.
    """
    width = 4 if -(2**31) <= seed < 2**31 else 8
    start = xxh64_intdigest(seed.to_bytes(width, "little", signed=True), _SPARK_SEED)
    return _of_longs(row_no, xxh64_intdigest(file_id.encode(), start)).view(np.int64)


def _of_longs(values: npt.NDArray[np.int64], seed: int) -> npt.NDArray[np.uint64]:
    """Return XXH64 of the eight bytes of many integers at once."""
    lanes = _rotated(values.view(np.uint64) * _P2, 31) * _P1
    total = np.uint64((seed + _P5 + 8) % 2**64) ^ lanes
    total = _rotated(total, 27) * _P1 + _P4
    total = (total ^ (total >> np.uint64(33))) * _P2
    total = (total ^ (total >> np.uint64(29))) * _P3
    return total ^ (total >> np.uint64(32))


def _rotated(values: npt.NDArray[np.uint64], bits: int) -> npt.NDArray[np.uint64]:
    return (values << np.uint64(bits)) | (values >> np.uint64(64 - bits))
