"""The bundle of a model of long ago, and forgeries of it whose checksums are right."""

from __future__ import annotations

import copy
import hashlib
import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from iotscore.detect.bundle import from_bytes

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
DATA = (GOLDEN / "model_v1.iotscore").read_bytes()
PREAMBLE = struct.Struct("<8sIIQ32s")
HEADER_END = PREAMBLE.size + PREAMBLE.unpack_from(DATA)[2]
HEADER: dict[str, Any] = json.loads(DATA[PREAMBLE.size : HEADER_END])


def sealed(header: bytes, body: bytes = DATA[HEADER_END:]) -> bytes:
    """Return a bundle with any header and body, whose length and header checksum are right."""
    length = PREAMBLE.size + len(header) + len(body)
    digest = hashlib.sha256(header).digest()
    return PREAMBLE.pack(b"IOTSCORE", 1, len(header), length, digest) + header + body


def changed(value: object, *place: str | int) -> bytes:
    """Return the golden bundle with one value of its header replaced."""
    content = copy.deepcopy(HEADER)
    inner: Any = content
    for part in place[:-1]:
        inner = inner[part]
    inner[place[-1]] = value
    return sealed(json.dumps(content).encode())


def with_arrays(change: dict[str, np.ndarray]) -> bytes:
    """Return the golden bundle with arrays replaced by name, and every checksum right."""
    content = copy.deepcopy(HEADER)
    ends = np.cumsum([HEADER_END, *(_size(entry) for entry in content["arrays"])]).tolist()
    blobs = [DATA[start:stop] for start, stop in pairwise(ends)]
    for position, entry in enumerate(content["arrays"]):
        if (array := change.get(entry["name"])) is not None:
            blobs[position] = array.tobytes()
            entry["dtype"], entry["shape"] = array.dtype.str, list(array.shape)
            entry["sha256"] = hashlib.sha256(blobs[position]).hexdigest()
    return sealed(json.dumps(content).encode(), b"".join(blobs))


def _size(entry: dict[str, Any]) -> int:
    return int(np.dtype(entry["dtype"]).itemsize * np.prod(entry["shape"]))


def array_of(name: str) -> np.ndarray:
    """Return an array of the golden bundle."""
    model = from_bytes(DATA)
    for part in (model.scaler, *model.detectors.values()):
        if name in part.to_arrays():
            return np.array(part.to_arrays()[name])
    raise KeyError(name)
