"""The bytes of a bundle: a checked header, and arrays that are read only if they are whole.

Layout, all numbers little-endian::

    8 bytes   magic "IOTSCORE"
    4 bytes   format version
    4 bytes   length of the header
    8 bytes   length of the whole
    32 bytes  SHA-256 of the header
    header    JSON, UTF-8
    arrays    raw C-ordered values, one after the other, in the order of the header

The header names each array's group, name, dtype, shape and SHA-256.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import numpy as np

from iotscore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from iotscore.detect.detector import Arrays

Groups: TypeAlias = "dict[str, dict[str, npt.NDArray[Any]]]"
"""Arrays by the name of the part that they belong to, and their own."""

FORMAT_VERSION: Final = 3
"""Raised when older code could no longer read a bundle."""

_MAGIC: Final = b"IOTSCORE"
_PREAMBLE: Final = struct.Struct("<8sIIQ32s")
_DTYPES: Final = frozenset({"<f4", "<f8", "<i4", "<i8"})
_MOST_AXES: Final = 2


def pack(content: Mapping[str, Any], groups: Mapping[str, Arrays], version: int) -> bytes:
    """Return header and arrays as bytes, the same bytes for equal ones."""
    entries, blobs = [], []
    for group, arrays in groups.items():
        for name, array in arrays.items():
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            blob = little.tobytes()
            blobs.append(blob)
            entries.append(
                {
                    "group": group,
                    "name": name,
                    "dtype": little.dtype.str,
                    "shape": list(little.shape),
                    "sha256": hashlib.sha256(blob).hexdigest(),
                }
            )
    told = {"format": "iotscore model", "format_version": version, **content, "arrays": entries}
    header = json.dumps(told, allow_nan=False, separators=(",", ":")).encode()
    length = _PREAMBLE.size + len(header) + sum(map(len, blobs))
    digest = hashlib.sha256(header).digest()
    preamble = _PREAMBLE.pack(_MAGIC, version, len(header), length, digest)
    return b"".join([preamble, header, *blobs])


def checked_parts(data: bytes) -> tuple[int, bytes, memoryview]:
    """Return format version, header and the bytes of the arrays.

    Raises
    ------
    ModelError
        They are not a bundle, cut short, of a newer format, or the header is damaged.
    """
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        message = (
            f"these {len(data)} bytes are not an iotscore model bundle (they start with"
            f" {data[:8]!r}, needed {_MAGIC!r}): pass the bundle column of the models table"
        )
        raise ModelError(message)
    if len(data) < _PREAMBLE.size:
        raise _cut_short(len(data), _PREAMBLE.size)
    _, version, header_length, length, digest = _PREAMBLE.unpack_from(data)
    if version > FORMAT_VERSION:
        message = (
            f"the model bundle has format {version} and this code reads up to {FORMAT_VERSION}:"
            " update iotscore, or train again with this version"
        )
        raise ModelError(message)
    if version < 1:
        raise _damaged("it claims format 0")
    if len(data) < length:
        raise _cut_short(len(data), length)
    if len(data) > length:
        raise _damaged(f"it has more bytes than it says, {len(data)} instead of {length}")
    end = _PREAMBLE.size + header_length
    header = bytes(data[_PREAMBLE.size : end])
    if hashlib.sha256(header).digest() != digest:
        raise _damaged("its header fails the checksum")
    return version, header, memoryview(data)[end:]


def senseless(fault: str) -> ModelError:
    """Return the error for a header that says what cannot be."""
    return ModelError(f"the model bundle's header makes no sense ({fault}): train again")


def _cut_short(present: int, needed: int) -> ModelError:
    fault = f"{present} of {needed} bytes"
    return ModelError(f"the model bundle is cut short: {fault}; restore it, or train again")


def _damaged(fault: str) -> ModelError:
    return ModelError(f"the model bundle is damaged ({fault}): restore it, or train again")


def unpack(entries: list[dict[str, Any]], body: memoryview) -> Groups:
    """Return the arrays that a header names.

    Raises
    ------
    ModelError
        One is damaged, of a type or shape that cannot be, or there twice.
    """
    groups: Groups = {}
    start = 0
    for entry in entries:
        if entry["dtype"] not in _DTYPES:
            message = f"the model bundle holds an array of type {entry['dtype']!r}: train again"
            raise ModelError(message)
        dtype = np.dtype(entry["dtype"])
        stop = start + _bytes_of(entry, dtype, len(body) - start)
        blob = body[start:stop]
        if hashlib.sha256(blob).hexdigest() != entry["sha256"]:
            raise _damaged_array(entry, "fails its checksum")
        # A copy: aligned, in this machine's byte order, and independent of the bundle's memory.
        array = np.frombuffer(blob, dtype).reshape(entry["shape"]).astype(dtype.newbyteorder("="))
        if not np.isfinite(array).all():
            raise _damaged_array(entry, "holds a number that is not finite")
        if entry["name"] in groups.setdefault(entry["group"], {}):
            raise _damaged_array(entry, "is there twice")
        groups[entry["group"]][entry["name"]] = array
        start = stop
    if start != len(body):
        raise senseless(f"{len(body) - start} bytes belong to no array")
    return groups


def _bytes_of(entry: dict[str, Any], dtype: np.dtype[Any], left: int) -> int:
    """Return the length of an array before anything is made of its claimed shape."""
    shape = entry["shape"]
    is_shape = 1 <= len(shape) <= _MOST_AXES and min(shape) >= 1
    size = dtype.itemsize * math.prod(shape) if is_shape else 0
    if not 0 < size <= left:
        raise _damaged_array(entry, f"claims the shape {shape[:5]} and {left} bytes are left")
    return size


def _damaged_array(entry: dict[str, Any], fault: str) -> ModelError:
    place = f"{entry['group']}/{entry['name']}"
    shown = place if place.isprintable() else repr(place)
    return _damaged(f"array {shown} {fault}")
