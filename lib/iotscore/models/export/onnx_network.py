"""The autoencoder as ONNX operators, in float32 as the compiled kernels compute it.

Formulas: :mod:`iotscore.detect.detectors._network` and
:mod:`iotscore.detect.detectors._window_network`. ONNX's own LSTM is not used: runtimes differ in
which of its activations they know, and five unrolled steps are short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.detect.kernels.autoencoder import LARGEST_HIDDEN
from iotscore.models.export.onnx_graph import DOUBLE, FLOAT, WHOLE

if TYPE_CHECKING:
    from iotscore.detect.detector import Arrays
    from iotscore.models.export.onnx_graph import Graph


def record_errors(graph: Graph, scaled: str, arrays: Arrays) -> str:
    """Return mean squared errors of the network that takes a record as its one timestep."""
    hidden = scaled
    for number, units in ((1, arrays["kernel_2"].shape[0]), (2, arrays["kernel_3"].shape[0])):
        i, g, o = _gates(graph, _dense(graph, hidden, arrays, number), units, 3)
        limit = float(LARGEST_HIDDEN)
        opened = graph.add("Mul", graph.add("Sigmoid", i), graph.limited(g, 0.0, limit, FLOAT))
        hidden = graph.add("Mul", graph.add("Sigmoid", o), opened)
    rebuilt = _dense(graph, hidden, arrays, 3)
    return _mean(graph, [_squares(graph, scaled, rebuilt)], arrays["kernel_1"].shape[0])


def window_errors(graph: Graph, scaled: str, arrays: Arrays) -> str:
    """Return mean squared errors of the network that takes five decay windows as timesteps."""
    order = arrays["window_order"]
    units = int(arrays["kernel_3"].shape[0])
    windows = [
        graph.add("Gather", scaled, graph.constant(columns, WHOLE), axis=1) for columns in order
    ]
    seen = [_dense(graph, window, arrays, 1) for window in windows]
    hidden = _states(graph, seen, arrays, "recurrent_1", units)[-1]
    repeated = _dense(graph, hidden, arrays, 2)
    states = _states(graph, [repeated] * len(windows), arrays, "recurrent_2", units)
    squares = [
        _squares(graph, window, _dense(graph, state, arrays, 3))
        for window, state in zip(windows, states, strict=True)
    ]
    return _mean(graph, squares, order.size)


def _states(graph: Graph, inputs: list[str], arrays: Arrays, memory: str, units: int) -> list[str]:
    """Return an LSTM layer's hidden state after each of its inputs, from states of 0."""
    recurrent = graph.constant(arrays[memory], FLOAT)
    states: list[str] = []
    cell = None
    for arrived in inputs:
        z = arrived
        if states:
            z = graph.add("Add", arrived, graph.add("MatMul", states[-1], recurrent))
        i, f, g, o = _gates(graph, z, units, 4)
        added = graph.add("Mul", graph.add("Sigmoid", i), graph.add("Tanh", g))
        if cell is None:
            cell = added
        else:
            cell = graph.add("Add", graph.add("Mul", graph.add("Sigmoid", f), cell), added)
        states.append(graph.add("Mul", graph.add("Sigmoid", o), graph.add("Tanh", cell)))
    return states


def _dense(graph: Graph, rows: str, arrays: Arrays, number: int) -> str:
    kernel, bias = (
        graph.constant(arrays[f"{name}_{number}"], FLOAT) for name in ("kernel", "bias")
    )
    return graph.add("Add", graph.add("MatMul", rows, kernel), bias)


def _gates(graph: Graph, z: str, units: int, count: int) -> list[str]:
    """Cut the columns into gates of as many units each."""
    axis = graph.constant([1], WHOLE)
    ends = [graph.constant([place * units], WHOLE) for place in range(count + 1)]
    return [graph.add("Slice", z, *ends[at : at + 2], axis) for at in range(count)]


def _squares(graph: Graph, rows: str, rebuilt: str) -> str:
    apart = graph.cast(graph.add("Sub", rows, rebuilt), DOUBLE)
    return graph.row_sums(graph.add("Mul", apart, apart))


def _mean(graph: Graph, sums: list[str], n_features: int) -> str:
    return graph.add("Div", graph.add("Sum", *sums), graph.double(n_features))
