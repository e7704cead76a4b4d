"""Calibration and fusion as ONNX operators: raw scores to levels, their sum and its own level.

Formulas: :mod:`iotscore.detect.calibration.tail` and
:mod:`iotscore.detect.calibration.hybrid_tail`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.calibration.tail import OFFSET
from iotscore.models.export.onnx_graph import WHOLE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.detect.calibration import Calibration
    from iotscore.detect.calibration.hybrid_tail import HybridTail
    from iotscore.detect.calibration.tail import TailCalibration
    from iotscore.models.export.onnx_graph import Graph


def add_norm(graph: Graph, scores: str, calibration: Calibration) -> str:
    """Add a detector's calibration; return the normalised scores."""
    if isinstance(calibration, ScoreCalibration):
        width = calibration.high - calibration.low
        # As ScoreCalibration has it: a range that is hardly one counts as 1.
        width = width if width >= np.finfo(np.float64).tiny else 1.0
        above = graph.add("Sub", scores, graph.double(calibration.low))
        return graph.add("Div", above, graph.double(width))
    return _levels(graph, scores, [calibration], None)


def add_sum(graph: Graph, norms: Mapping[str, str], weights: Mapping[str, float]) -> str:
    """Add the weighted sum of normalised scores, in the order of the weights."""
    terms = [graph.add("Mul", norm, graph.double(weights[name])) for name, norm in norms.items()]
    total = terms[0]
    for term in terms[1:]:
        total = graph.add("Add", total, term)
    return total


def add_hybrid(graph: Graph, summed: str, device: str, tail: HybridTail) -> str:
    """Add the hybrid score's tail, over all devices and over those that have one of their own."""
    pooled = _levels(graph, summed, [tail.pooled], None)
    if not tail.own:
        return pooled
    counted, shift = [np.inf], [0.0]
    for own in tail.own.values():
        top = float(own.levels_[-1])
        counted.append(own.score_at(top))
        least = tail.pooled.normalise(np.array(counted[-1:]))[0]
        shift.append(min(0.0, top - float(least)))
    # The pooled curve is the first: a device without a tail of its own finds it.
    which = graph.position(device, [np.iinfo(np.int64).min, *tail.own])
    most, moved = (
        graph.add("Gather", graph.double(values), which, axis=0) for values in (counted, shift)
    )
    within = _levels(
        graph, graph.add("Min", summed, most), [tail.pooled, *tail.own.values()], which
    )
    is_beyond = graph.add("Greater", summed, most)
    return graph.add(
        "Where", is_beyond, graph.add("Add", pooled, moved), graph.add("Min", pooled, within)
    )


def _levels(graph: Graph, scores: str, curves: Sequence[TailCalibration], which: str | None) -> str:
    """Return each row's level on its curve: the one at position ``which``, or the only one."""
    width = max(curve.knots_.size for curve in curves)
    knots = np.full((len(curves), width), np.inf)
    levels, slopes = np.zeros(knots.shape), np.zeros(knots.shape)
    for row, curve in enumerate(curves):
        size = curve.knots_.size
        knots[row, :size], levels[row, :size] = curve.knots_, curve.levels_
        slopes[row, : size - 1] = np.diff(curve.levels_) / np.diff(curve.knots_)

    def of_row(values: Sequence[float]) -> str:
        if which is None:
            return graph.double(values[0])
        return graph.add("Gather", graph.double(values), which, axis=0)

    logs = graph.add("Log", graph.add("Add", scores, graph.double(OFFSET)))
    own_knots = graph.double(knots)
    if which is not None:
        own_knots = graph.add("Gather", own_knots, which, axis=0)
    reached = graph.add("GreaterOrEqual", graph.column(logs), own_knots)
    place = graph.add("Sub", graph.row_sums(graph.cast(reached, WHOLE)), graph.constant(1, WHOLE))
    place = graph.add("Max", place, graph.constant(0, WHOLE))
    if which is not None:
        start = graph.add("Mul", which, graph.constant(width, WHOLE))
        place = graph.add("Add", start, place)
    knot, level, slope = (
        graph.add("Gather", graph.double(values.ravel()), place, axis=0)
        for values in (knots, levels, slopes)
    )
    risen = graph.add("Mul", slope, graph.add("Sub", logs, knot))
    between = graph.add("Add", level, risen)
    first, last = (of_row([c.knots_[end] for c in curves]) for end in (0, -1))
    lowest, highest = (of_row([c.levels_[end] for c in curves]) for end in (0, -1))
    rate = of_row([c.rate_[0] for c in curves])
    fallen = graph.add("Min", graph.add("Sub", logs, first), graph.double(0.0))
    below = graph.add("Mul", lowest, graph.add("Exp", fallen))
    above = graph.add("Add", highest, graph.add("Div", graph.add("Sub", logs, last), rate))
    is_below, is_above = graph.add("Less", logs, first), graph.add("Greater", logs, last)
    inner = graph.add("Where", is_below, below, between)
    return graph.add("Where", is_above, above, inner)
