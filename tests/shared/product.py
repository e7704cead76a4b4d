"""Detectors and fits with the product's values, those of ``conf/``, but for what a test says."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from iotscore.config import load_settings
from iotscore.config.fit import fit_settings
from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.detectors.envelope import Envelope
from iotscore.detect.detectors.isolation_forest import IsolationForestDetector
from iotscore.detect.detectors.neighbours import Neighbours
from iotscore.evaluation.protocols.evaluate import ProtocolRun

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.detector import Detector
    from iotscore.detect.fit import FitSettings

CONF = Path(__file__).resolve().parents[2] / "conf"
DEFAULT = load_settings(CONF, "default")
PAPER = load_settings(CONF, "paper")
_FIT = fit_settings(DEFAULT)
_RUN = ProtocolRun("", DEFAULT.protocol, DEFAULT.train, DEFAULT.seed, _FIT)
PLAN = _RUN.plan
"""How protocols cut benign files."""


def _values(section: object, kind: type, changes: dict[str, Any]) -> dict[str, Any]:
    own = {field.name for field in fields(kind)}
    known = {name: value for name, value in vars(section).items() if name in own}
    return {**known, **changes}


def forest(**changes: Any) -> IsolationForestDetector:
    """Return the isolation forest."""
    values = _values(DEFAULT.detectors.iforest, IsolationForestDetector, changes)
    return IsolationForestDetector(**{"random_state": DEFAULT.seed, **values})


def autoencoder(**changes: Any) -> LstmAutoencoder:
    """Return the autoencoder of the published reports."""
    values = _values(PAPER.detectors.lstm, LstmAutoencoder, changes)
    return LstmAutoencoder(**{"random_state": PAPER.seed, **values})


def neighbours(**changes: Any) -> Neighbours:
    """Return the search for neighbours."""
    return Neighbours(**_values(DEFAULT.detectors.neighbours, Neighbours, changes))


def envelope(**changes: Any) -> Envelope:
    """Return the envelope."""
    return Envelope(**_values(DEFAULT.detectors.envelope, Envelope, changes))


def fit_of_product(
    detectors: Sequence[Detector], weights: dict[str, float], **changes: Any
) -> FitSettings:
    """Return how these detectors are fitted and calibrated."""
    return replace(_FIT, detectors=tuple(detectors), weights=weights, **changes)


def protocol_run(name: str, model: FitSettings = _FIT, **changes: Any) -> ProtocolRun:
    """Return an evaluation by a protocol, with other options where changes say so."""
    options = replace(DEFAULT.protocol, **changes)
    return replace(_RUN, name=name, model=model, options=options)
