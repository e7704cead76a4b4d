"""A model as one self-describing sequence of bytes: readable header, raw arrays, checksums.

Layout, all numbers little-endian::

    8 bytes   magic "IOTSCORE"
    4 bytes   format version
    4 bytes   length of the header
    8 bytes   length of the whole
    32 bytes  SHA-256 of the header
    header    JSON, UTF-8
    arrays    raw C-ordered values, one after the other, in the order of the header

The header names the detectors, their parameters, the features, and each array's name, dtype, shape
and SHA-256. Equal models give equal bytes: no time, no path, no library version is in there.
"""

from __future__ import annotations

import hashlib
import json
import math
import struct
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.autoencoder import LstmAutoencoder
from iotscore.detect.calibration import ScoreCalibration
from iotscore.detect.forest import IsolationForestDetector
from iotscore.detect.model import Model
from iotscore.detect.scaling import MinMaxScaler
from iotscore.errors import ConfigError, ModelError
from iotscore.json_form import EACH, NUMBER, TEXT, WHOLE, form_fault, strict_json

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.protocol import Detector
    from iotscore.json_form import Form

FORMAT_VERSION: Final = 1
"""Raised when older code could no longer read a bundle."""

_MAGIC: Final = b"IOTSCORE"
_PREAMBLE: Final = struct.Struct("<8sIIQ32s")
_DTYPES: Final = frozenset({"<f4", "<f8", "<i4", "<i8"})
_MOST_AXES: Final = 2
_SETTINGS: Final = {EACH: (int, float, str)}
_HEADER: Final[Form] = {
    "features": [TEXT],
    "scaler": _SETTINGS,
    "detectors": [{"name": TEXT, "parameters": _SETTINGS}],
    "weights": {EACH: NUMBER},
    "calibrations": {EACH: {"low": NUMBER, "high": NUMBER}},
    "thresholds": {EACH: NUMBER},
    "arrays": [{"group": TEXT, "name": TEXT, "dtype": TEXT, "shape": [WHOLE], "sha256": TEXT}],
}

DETECTORS: Final[dict[str, type[Detector]]] = {
    detector.name: detector for detector in (IsolationForestDetector, LstmAutoencoder)
}
"""Detectors that a bundle may hold, by name."""


def to_bytes(model: Model) -> bytes:
    """Return the model as bytes, the same bytes for equal models."""
    groups = {"scaler": model.scaler.to_arrays()}
    groups |= {name: detector.to_arrays() for name, detector in model.detectors.items()}
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
    header = _header(model, entries)
    length = _PREAMBLE.size + len(header) + sum(map(len, blobs))
    digest = hashlib.sha256(header).digest()
    preamble = _PREAMBLE.pack(_MAGIC, FORMAT_VERSION, len(header), length, digest)
    return b"".join([preamble, header, *blobs])


def _header(model: Model, entries: list[dict[str, Any]]) -> bytes:
    content = {
        "format": "iotscore model",
        "format_version": FORMAT_VERSION,
        "features": list(model.features),
        "scaler": model.scaler.parameters,
        "detectors": [
            {"name": name, "parameters": detector.parameters}
            for name, detector in model.detectors.items()
        ],
        "weights": model.weights,
        "calibrations": {name: asdict(value) for name, value in model.calibrations.items()},
        "thresholds": model.thresholds,
        "arrays": entries,
    }
    return json.dumps(content, allow_nan=False, separators=(",", ":")).encode()


def from_bytes(data: bytes) -> Model:
    """Rebuild a model after checking every byte of it.

    Raises
    ------
    ModelError
        If the data are not a bundle, cut short, damaged, of a newer format, or hold a detector
        or an array that this code does not know.
    """
    header, body = _checked_parts(data)
    try:
        content = strict_json(header)
        if fault := form_fault(content, _HEADER, "it"):
            raise _senseless(fault)
        groups = _arrays(content["arrays"], body)
        return _rebuild(content, groups)
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise _senseless(repr(error)) from error


def version_of(data: bytes) -> str:
    """Return the model version: the first 12 hexadecimal digits of the bundle's SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]


def _checked_parts(data: bytes) -> tuple[bytes, memoryview]:
    if data[: len(_MAGIC)] != _MAGIC[: len(data)] or not data:
        message = (
            f"these {len(data)} bytes are not an iotscore model bundle (they start with"
            f" {data[:8]!r}, needed {_MAGIC!r}): pass the bundle column of the models table"
        )
        raise ModelError(message)
    if len(data) < _PREAMBLE.size:
        raise _truncated(len(data), _PREAMBLE.size)
    _, version, header_length, length, digest = _PREAMBLE.unpack_from(data)
    if version > FORMAT_VERSION:
        message = (
            f"the model bundle has format {version} and this code reads up to {FORMAT_VERSION}:"
            " update iotscore, or train again with this version"
        )
        raise ModelError(message)
    if version < 1:
        message = "the model bundle is damaged (it claims format 0): train again"
        raise ModelError(message)
    if len(data) < length:
        raise _truncated(len(data), length)
    end = _PREAMBLE.size + header_length
    header = bytes(data[_PREAMBLE.size : end])
    if len(data) > length:
        message = (
            f"the model bundle has more bytes than it says, {len(data)} instead of {length}:"
            " restore it, or train again"
        )
        raise ModelError(message)
    if hashlib.sha256(header).digest() != digest:
        message = (
            "the model bundle is damaged (its header fails the checksum): restore it, or train"
            " again"
        )
        raise ModelError(message)
    return header, memoryview(data)[end:]


def _senseless(fault: str) -> ModelError:
    return ModelError(f"the model bundle's header makes no sense ({fault}): train again")


def _truncated(found: int, needed: int) -> ModelError:
    return ModelError(
        f"the model bundle is cut short: {found} of {needed} bytes; restore it, or train again"
    )


def _arrays(
    entries: list[dict[str, Any]], body: memoryview
) -> dict[str, dict[str, npt.NDArray[Any]]]:
    groups: dict[str, dict[str, npt.NDArray[Any]]] = {}
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
        raise _senseless(f"{len(body) - start} bytes belong to no array")
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
    return ModelError(
        f"the model bundle is damaged (array {shown} {fault}): restore it, or train again"
    )


def _rebuild(content: dict[str, Any], groups: dict[str, dict[str, npt.NDArray[Any]]]) -> Model:
    detectors: dict[str, Detector] = {}
    for entry in content["detectors"]:
        name = entry["name"]
        if name not in DETECTORS or name in detectors:
            message = (
                f"the model bundle holds a detector {name!r} and this code knows"
                f" {sorted(DETECTORS)}, each once: update iotscore, or train again"
            )
            raise ModelError(message)
        detectors[name] = DETECTORS[name].from_arrays(groups[name], entry["parameters"])
    model = Model(
        scaler=MinMaxScaler.from_arrays(groups["scaler"], content["scaler"]),
        detectors=detectors,
        weights=content["weights"],
        calibrations={
            name: ScoreCalibration(value["low"], value["high"])
            for name, value in content["calibrations"].items()
        },
        thresholds=content["thresholds"],
        features=tuple(content["features"]),
    )
    for name, detector in detectors.items():
        if detector.n_features != len(model.features):
            message = (
                f"the model bundle's detector {name} was fitted on {detector.n_features} columns"
                f" and the model has {len(model.features)} features: train again"
            )
            raise ModelError(message)
    return model
