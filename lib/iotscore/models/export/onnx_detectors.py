"""Detectors as ONNX operators, built from the arrays that a bundle holds.

A runtime adds up in an order of its own what the compiled kernels add up in a written one, so
scores agree up to rounding, not to the last bit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.detectors._trees import average_path_length
from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.detectors.envelope import Envelope
from iotscore.detect.detectors.isolation_forest import IsolationForestDetector
from iotscore.detect.detectors.neighbours import Neighbours
from iotscore.detect.kernels.neighbours import LARGEST
from iotscore.models.export.onnx_graph import DOUBLE, ML, WHOLE
from iotscore.models.export.onnx_network import record_errors, window_errors

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.detector import Detector
    from iotscore.models.export.onnx_graph import Graph

    Builder = Callable[[Graph, str, str, Detector], str]


def add_detector(graph: Graph, scaled: str, device: str, detector: Detector) -> str:
    """Add a fitted detector to a graph; return its scores, float64 of shape (n_rows,).

    ``scaled`` is a result, float32 rows of shape (n_rows, n_features), and so is ``device``, the
    int64 number of each row's device; one without a part of its own is pooled.
    """
    return _BUILDERS[detector.name](graph, scaled, device, detector)


def _forest(graph: Graph, scaled: str, device: str, detector: Detector) -> str:  # noqa: ARG001 one forest for all devices
    trees = detector.to_arrays()
    sizes = np.diff(trees["offsets"])
    tree = np.repeat(np.arange(sizes.size), sizes)
    node = np.arange(tree.size) - np.repeat(trees["offsets"][:-1], sizes)
    is_leaf = trees["left"] < 0
    # Compared as float64, as scikit-learn compares: a float32 threshold could be on the other side.
    totals = graph.add(
        "TreeEnsembleRegressor",
        graph.cast(scaled, DOUBLE),
        domain=ML,
        n_targets=1,
        nodes_treeids=tree.tolist(),
        nodes_nodeids=node.tolist(),
        nodes_modes=np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        nodes_featureids=np.maximum(trees["feature"], 0).tolist(),
        nodes_values_as_tensor=graph.tensor(np.where(is_leaf, 0.0, trees["threshold"])),
        nodes_truenodeids=np.maximum(trees["left"], 0).tolist(),
        nodes_falsenodeids=np.maximum(trees["right"], 0).tolist(),
        target_treeids=tree[is_leaf].tolist(),
        target_nodeids=node[is_leaf].tolist(),
        target_ids=[0] * int(is_leaf.sum()),
        target_weights_as_tensor=graph.tensor(trees["length"][is_leaf]),
    )
    longest = sizes.size * average_path_length(int(trees["shape"][0]))
    share = graph.add("Div", graph.row_sums(graph.cast(totals, DOUBLE)), graph.double(-longest))
    return graph.add("Pow", graph.double(2.0), share)


def _autoencoder(graph: Graph, scaled: str, device: str, detector: Detector) -> str:  # noqa: ARG001 one network for all devices
    arrays = detector.to_arrays()
    errors = window_errors if "window_order" in arrays else record_errors
    return errors(graph, scaled, arrays)


def _neighbours(graph: Graph, scaled: str, device: str, detector: Detector) -> str:
    arrays = detector.to_arrays()
    limit = float(LARGEST)
    rows = graph.limited(graph.cast(scaled, DOUBLE), -limit, limit, DOUBLE)
    references = np.clip(arrays["rows"], -limit, limit).astype(np.float64)
    known = graph.double(references)
    # Squared distances but for |row|^2, which is the same for all references of a row.
    products = graph.add("MatMul", rows, graph.double(-2.0 * references.T))
    order = graph.add("Add", products, graph.double((references * references).sum(axis=1)))
    part = graph.column(graph.position(device, arrays["devices"].tolist()))
    part_of = np.repeat(np.arange(arrays["devices"].size), np.diff(arrays["starts"]))
    is_own = graph.add("Equal", part, graph.constant([part_of], WHOLE))
    masked = graph.add("Where", is_own, order, graph.double(np.inf))
    k = int(detector.parameters["k"])
    _, nearest = graph.add_two("TopK", masked, graph.constant([k], WHOLE), axis=1, largest=0)
    last = graph.add("Gather", nearest, graph.constant(k - 1, WHOLE), axis=1)
    # Products choose the reference; the distance itself is taken from differences, which are exact.
    apart = graph.add("Sub", rows, graph.add("Gather", known, last, axis=0))
    return graph.add("Sqrt", graph.row_sums(graph.add("Mul", apart, apart)))


def _envelope(graph: Graph, scaled: str, device: str, detector: Detector) -> str:
    arrays = detector.to_arrays()
    low, high = arrays["low"], arrays["high"]
    weights = 1.0 / (high - low + detector.parameters["softness"])
    rows = graph.cast(scaled, DOUBLE)
    part = graph.position(device, arrays["devices"].tolist())
    least, most, unit = (
        graph.add("Gather", graph.double(values), part, axis=0) for values in (low, high, weights)
    )
    below, above = graph.add("Sub", least, rows), graph.add("Sub", rows, most)
    outside = graph.add("Max", below, above, graph.double(0.0))
    return graph.row_sums(graph.add("Mul", outside, unit))


_BUILDERS: Final[dict[str, Builder]] = {
    IsolationForestDetector.name: _forest,
    LstmAutoencoder.name: _autoencoder,
    Neighbours.name: _neighbours,
    Envelope.name: _envelope,
}
