"""A model as one ONNX graph: unscaled features and a device number in, scores out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iotscore.detect.calibration.tail import HALF
from iotscore.detect.scaling import LARGEST, MinMaxScaler
from iotscore.features import HYBRID, SEVERITY, flag_column, score_column
from iotscore.models.export.onnx_detectors import add_detector
from iotscore.models.export.onnx_fusion import add_hybrid, add_norm, add_sum
from iotscore.models.export.onnx_graph import DOUBLE, FLOAT, TRUTH, WHOLE, Graph

if TYPE_CHECKING:
    import numpy as np

    from iotscore.detect.model import Model
    from iotscore.detect.scaling import Scaler

FEATURES: Final = "features"
DEVICE: Final = "device"


def to_onnx(model: Model, version: str) -> bytes:
    """Return a model as an ONNX file.

    Inputs are ``features``, float64 (n_rows, n_features), and ``device``, int64 (n_rows,), -1
    where it is unknown. Outputs are, of each detector that has a weight, its raw score, and, unless
    normalisation is ``batch_minmax``, ``hybrid_score``, ``is_anomaly`` and, under ``tail``,
    ``severity``.

    Raises
    ------
    EnvironmentFaultError
        The package onnx is not installed.
    """
    graph = Graph()
    scaled = _scaled(graph, model.scaler)
    scores = {
        name: add_detector(graph, scaled, DEVICE, model.detectors[name])
        for name, weight in model.weights.items()
        if weight > 0.0
    }
    outputs: dict[str, tuple[str, np.dtype[Any]]]
    outputs = {score_column(name): (score, DOUBLE) for name, score in scores.items()}
    if model.calibrations:
        norms = {
            name: add_norm(graph, score, model.calibrations[name]) for name, score in scores.items()
        }
        hybrid = add_sum(graph, norms, model.weights)
        if model.hybrid_tail is not None:
            hybrid = add_hybrid(graph, hybrid, DEVICE, model.hybrid_tail)
            shifted = graph.add("Add", hybrid, graph.double(HALF))
            severity = graph.add("Div", graph.add("Mul", graph.double(100.0), hybrid), shifted)
            outputs[SEVERITY] = (severity, DOUBLE)
        flagged = graph.add("Greater", hybrid, graph.double(model.thresholds[HYBRID]))
        outputs |= {score_column(HYBRID): (hybrid, DOUBLE), flag_column(HYBRID): (flagged, TRUTH)}
    inputs: dict[str, tuple[np.dtype[Any], list[str | int]]]
    inputs = {FEATURES: (DOUBLE, ["rows", len(model.features)]), DEVICE: (WHOLE, ["rows"])}
    about = {"model_version": version, "features": ",".join(model.features)}
    return graph.finish(inputs, outputs, about)


def _scaled(graph: Graph, scaler: Scaler) -> str:
    """Add the scaling; return float32 rows."""
    if isinstance(scaler, MinMaxScaler):
        stretched = graph.add("Mul", FEATURES, graph.double(scaler.scale_))
        moved = graph.add("Add", stretched, graph.double(scaler.min_))
        low, high = -LARGEST, LARGEST
        if scaler.out_of_range == "clip":
            low, high = -scaler.clip_margin, 1.0 + scaler.clip_margin
        return graph.cast(graph.limited(moved, low, high, DOUBLE), FLOAT)
    size = graph.add("Log", graph.add("Add", graph.add("Abs", FEATURES), graph.double(1.0)))
    logs = graph.add("Mul", graph.add("Sign", FEATURES), size)
    stretched = graph.add("Mul", logs, graph.double(1.0 / scaler.scale_))
    moved = graph.add("Sub", stretched, graph.double(scaler.mean_ / scaler.scale_))
    return graph.cast(graph.limited(moved, -scaler.clip, scaler.clip, DOUBLE), FLOAT)
