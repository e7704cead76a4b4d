"""A model as one self-describing sequence of bytes: readable header, raw arrays, checksums.

Equal models give equal bytes: no time, no path, no library version is in there. The
layout: :mod:`iotscore.detect.bundle_format`. Models that format 1 can hold are still written in it,
so that they keep their versions.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from iotscore.detect.bundle_format import FORMAT_VERSION, checked_parts, pack, senseless, unpack
from iotscore.detect.calibration.hybrid_tail import HybridTail
from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.calibration.tail import TailCalibration
from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.detectors.envelope import Envelope
from iotscore.detect.detectors.isolation_forest import IsolationForestDetector
from iotscore.detect.detectors.neighbours import Neighbours
from iotscore.detect.model import Model
from iotscore.detect.reference_quantiles import BenignReference
from iotscore.detect.scaling import MinMaxScaler, SignedLogScaler
from iotscore.detect.vote_windows import VoteWindows
from iotscore.errors import ConfigError, ModelError
from iotscore.features import HYBRID
from iotscore.json_validation import EACH, NUMBER, TEXT, WHOLE, form_fault, strict_json

if TYPE_CHECKING:
    from iotscore.detect.bundle_format import Groups
    from iotscore.detect.detector import Arrays, ArrayState, Detector
    from iotscore.detect.scaling import Scaler
    from iotscore.json_validation import Form

__all__ = ["DETECTORS", "FORMAT_VERSION", "from_bytes", "to_bytes", "version_of"]

_FIRST_FORMAT: Final = 1
_SECOND_FORMAT: Final = 2
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
_SECOND_HEADER: Final[Form] = {**_HEADER, "scaling": TEXT, "tails": [TEXT], "device_tails": [WHOLE]}
"""What format 2 adds: the kind of scaler, the scores that tails calibrate, and the devices that
have a tail of their own."""

_THIRD_HEADER: Final[Form] = {**_SECOND_HEADER, "benign": [TEXT]}
"""What format 3 adds: which parts there are that tell what benign traffic is like."""

_HEADERS: Final = {_FIRST_FORMAT: _HEADER, _SECOND_FORMAT: _SECOND_HEADER, 3: _THIRD_HEADER}
_LATER: Final[dict[str, Any]] = {
    "scaling": MinMaxScaler.kind,
    "tails": [],
    "device_tails": [],
    "benign": [],
}
"""What is true of models of formats that do not say it."""

_BENIGN: Final[dict[str, type[ArrayState]]] = {"reference": BenignReference, "votes": VoteWindows}
"""Parts of a model that tell what benign traffic is like, by the name of the attribute."""

DETECTORS: Final[dict[str, type[Detector]]] = {
    detector.name: detector
    for detector in (IsolationForestDetector, LstmAutoencoder, Neighbours, Envelope)
}
"""Detectors that a bundle may hold, by name."""

_SCALERS: Final[dict[str, type[Scaler]]] = {
    MinMaxScaler.kind: MinMaxScaler,
    SignedLogScaler.kind: SignedLogScaler,
}


def to_bytes(model: Model) -> bytes:
    """Return the model as bytes, the same bytes for equal models."""
    tails = _tails(model)
    groups: dict[str, Arrays] = {"scaler": model.scaler.to_arrays()}
    groups |= {name: detector.to_arrays() for name, detector in model.detectors.items()}
    groups |= {_tail_group(name): tail.to_arrays() for name, tail in tails.items()}
    linear = {
        name: asdict(value)
        for name, value in model.calibrations.items()
        if isinstance(value, ScoreCalibration)
    }
    content: dict[str, Any] = {
        "features": list(model.features),
        "scaler": model.scaler.parameters,
        "detectors": [
            {"name": name, "parameters": detector.parameters}
            for name, detector in model.detectors.items()
        ],
        "weights": model.weights,
        "calibrations": linear,
        "thresholds": model.thresholds,
    }
    is_first = all("sequence" not in one.parameters for one in model.detectors.values())
    is_first &= model.scaler.kind == MinMaxScaler.kind and not tails
    if is_first and not _benign(model):
        return pack(content, groups, _FIRST_FORMAT)
    own = [] if model.hybrid_tail is None else list(model.hybrid_tail.own)
    content |= {"scaling": model.scaler.kind, "tails": list(tails), "device_tails": own}
    benign = _benign(model)
    if not benign:
        return pack(content, groups, _SECOND_FORMAT)
    content |= {"benign": list(benign)}
    return pack(content, groups | benign, FORMAT_VERSION)


def _benign(model: Model) -> dict[str, Arrays]:
    parts = {name: getattr(model, name) for name in _BENIGN}
    return {name: part.to_arrays() for name, part in parts.items() if part is not None}


def _tails(model: Model) -> dict[str, TailCalibration]:
    curves = model.calibrations.items()
    tails = {name: one for name, one in curves if isinstance(one, TailCalibration)}
    if model.hybrid_tail is not None:
        tails[HYBRID] = model.hybrid_tail.pooled
        tails |= {_device_tail(number): one for number, one in model.hybrid_tail.own.items()}
    return tails


def _device_tail(number: int) -> str:
    return f"{HYBRID} of device {number}"


def _tail_group(name: str) -> str:
    return f"tail of {name}"


def from_bytes(data: bytes) -> Model:
    """Rebuild a model after checking every byte of it.

    Raises
    ------
    ModelError
        If the data are not a bundle, cut short, damaged, of a newer format, or hold a detector
        or an array that this code does not know.
    """
    version, header, body = checked_parts(data)
    try:
        content = strict_json(header)
        if fault := form_fault(content, _HEADERS[version], "it"):
            raise senseless(fault)
        content = {**_LATER, **content}
        groups = unpack(content["arrays"], body)
        return _rebuild(content, groups)
    except ModelError:
        raise
    except (KeyError, TypeError, ValueError, ConfigError) as error:
        raise senseless(repr(error)) from error


def version_of(data: bytes) -> str:
    """Return the model version: the first 12 hexadecimal digits of the bundle's SHA-256."""
    return hashlib.sha256(data).hexdigest()[:12]


def _rebuild(content: dict[str, Any], groups: Groups) -> Model:
    detectors: dict[str, Detector] = {}
    for entry in content["detectors"]:
        name = entry["name"]
        if name not in DETECTORS or name in detectors:
            message = (
                f"the model bundle holds a detector {name!r} and this version of iotscore knows"
                f" {sorted(DETECTORS)}, each once: train again, or use the version that trained it"
            )
            raise ModelError(message)
        detectors[name] = DETECTORS[name].from_arrays(groups[name], entry["parameters"])
    if content["scaling"] not in _SCALERS:
        message = (
            f"the model bundle scales by {content['scaling']!r} and this code knows"
            f" {sorted(_SCALERS)}: update iotscore, or train again"
        )
        raise ModelError(message)
    tails = {
        name: TailCalibration.from_arrays(groups[_tail_group(name)]) for name in content["tails"]
    }
    own = {number: tails.pop(_device_tail(number)) for number in content["device_tails"]}
    pooled = tails.pop(HYBRID, None)
    linear = {
        name: ScoreCalibration(value["low"], value["high"])
        for name, value in content["calibrations"].items()
    }
    named = [name for name in _BENIGN if name in content["benign"]]
    benign: dict[str, Any] = {name: _BENIGN[name].from_arrays(groups[name]) for name in named}
    model = Model(
        scaler=_SCALERS[content["scaling"]].from_arrays(groups["scaler"], content["scaler"]),
        detectors=detectors,
        weights=content["weights"],
        calibrations={**linear, **tails},
        thresholds=content["thresholds"],
        features=tuple(content["features"]),
        hybrid_tail=None if pooled is None else HybridTail(pooled, own),
        **benign,
    )
    widths = {name: detector.n_features for name, detector in detectors.items()}
    if model.reference is not None:
        widths["reference"] = model.reference.n_features
    for name, width in widths.items():
        if width != len(model.features):
            message = (
                f"the model bundle's part {name} was fitted on {width} columns"
                f" and the model has {len(model.features)} features: train again"
            )
            raise ModelError(message)
    return model
