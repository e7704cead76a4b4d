"""The pictures of counted records: composition, ROC curves, scorecard, spread of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from iotscore.errors import one_line
from iotscore.features import HYBRID
from iotscore.report.formatting import SCORECARD, compact, named, share
from iotscore.report.score_histogram import width_of
from iotscore.report.theme import INK, MUTED, PAPER, colour, finished, new_figure, style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from iotscore.report.metrics import Curve, Evaluation, Figures
    from iotscore.report.night import Shape
    from iotscore.report.operations import Composition
    from iotscore.report.theme import Picture

COMPOSITION: Final = "dataset_composition"
ROC: Final = "comparative_roc_curve"
SCORE: Final = "performance_scorecard"
_MOST_DEVICES: Final = 30
_LETTERS: Final = 34
_ZOOM: Final = (0.10, 0.80)
"""The part of a ROC curve that is enlarged: FPR up to the first, TPR from the second."""


def composition_picture(found: Composition, data: str) -> Picture:
    """Draw the ingested records by device and kind of traffic."""
    devices = found.devices[:_MOST_DEVICES]
    totals = [sum(counts) for _, counts in devices]
    columns = zip(*(counts for _, counts in devices), strict=True)
    by_kind = dict(zip(found.kinds, columns, strict=True))
    with style():
        figure = new_figure(7.2, 1.25 + 0.34 * len(devices))
        axes = figure.subplots()
        left = np.zeros(len(devices))
        places = np.arange(len(devices))
        for kind, counts in by_kind.items():
            axes.barh(
                places, counts, left=left, height=0.68, color=colour(kind), label=one_line(kind),
                edgecolor=PAPER, linewidth=0.8,
            )  # fmt: skip
            left += np.array(counts)
        for place, total in zip(places, totals, strict=True):
            axes.annotate(
                compact(total), (total, place), (4, 0), textcoords="offset points", va="center",
                color=INK,
            )  # fmt: skip
        _name_bars(axes, [_short(name) for name, _ in devices])
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: compact(value)))
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.margins(x=0.1)
        axes.set_xlabel("records")
        figure.legend(loc="outside upper left", ncols=4)
        summary = ", ".join(f"{sum(counts):,} {kind}" for kind, counts in by_kind.items())
        more = len(found.devices) - len(devices)
        alternative = (
            f"Bars: ingested records of {len(devices)} devices by kind of traffic: {summary}. "
            f"{f'{more} more devices are not shown. ' if more else ''}Data: {data}."
        )
        return finished(COMPOSITION, alternative, figure)


def roc_picture(evaluation: Evaluation, data: str) -> Picture | None:
    """Draw the ROC curves, with the thresholds in use; None without curves."""
    if not evaluation.curves:
        return None
    areas = {one.detector: one.roc_auc for one in evaluation.figures}
    curves = sorted(
        evaluation.curves, key=lambda one: (one.detector == HYBRID, areas.get(one.detector) or 0.0)
    )
    with style():
        figure = new_figure(5.6, 4.9)
        axes = figure.subplots()
        zoom = axes.inset_axes((0.42, 0.14, 0.55, 0.55))
        for each in (axes, zoom):
            _draw_curves(each, curves, areas, evaluation.at_use)
            for ticks in (each.xaxis, each.yaxis):
                ticks.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=(0, (2, 3)))
        axes.set(xlim=(-0.01, 1.0), ylim=(0.0, 1.01))
        zoom.set(xlim=(-0.001, _ZOOM[0]), ylim=(_ZOOM[1], 1.004))
        zoom.set_facecolor(PAPER)
        zoom.set_title(
            "enlarged: few false positives", fontsize=8.5, fontweight="normal", color=MUTED
        )
        zoom.tick_params(labelsize=8)
        zoom.set_xticks(np.linspace(0, _ZOOM[0], 3))
        zoom.set_yticks(np.linspace(_ZOOM[1], 1, 5))
        marked = axes.indicate_inset_zoom(zoom, edgecolor=MUTED, alpha=0.6)
        for connector in marked.connectors or ():
            connector.set_visible(False)
        axes.set_xlabel("false positive rate: flagged share of benign records")
        axes.set_ylabel("detection rate: flagged share of attack records")
        handles, names = axes.get_legend_handles_labels()
        figure.legend(handles[::-1], names[::-1], loc="outside upper left", ncols=2)
        summary = ", ".join(
            f"{named(one.detector)} {areas.get(one.detector) or 0.0:.4f}" for one in curves[::-1]
        )
        alternative = (
            f"ROC curves. Area under the curve: {summary}. Dots: the thresholds in use. Labels "
            f"were used. Data: {data}."
        )
        return finished(ROC, alternative, figure)


def _draw_curves(
    axes: Axes,
    curves: Sequence[Curve],
    areas: dict[str, float | None],
    at_use: Sequence[Figures],
) -> None:
    for one in curves:
        is_hybrid = one.detector == HYBRID
        axes.plot(
            one.fpr, one.tpr, color=colour(one.detector), linewidth=2.6 if is_hybrid else 1.4,
            label=f"{named(one.detector)}, AUC {areas.get(one.detector) or 0.0:.4f}",
        )  # fmt: skip
    for figures in sorted(at_use, key=lambda one: one.detector == HYBRID):
        if figures.fpr is not None and figures.recall_attack is not None:
            axes.plot(
                figures.fpr, figures.recall_attack, "o", color=colour(figures.detector),
                markersize=8 if figures.detector == HYBRID else 5.5, markeredgecolor=PAPER,
                clip_on=True,
            )  # fmt: skip


def scorecard_picture(evaluation: Evaluation, data: str) -> Picture | None:
    """Draw the hybrid score's figures as bars, the detectors' as dots; None if one is missing."""
    hybrid = evaluation.headline
    if hybrid is None or not hybrid.has_both:
        return None
    places = np.arange(len(SCORECARD))
    with style():
        figure = new_figure(5.8, 4.4)
        axes = figure.subplots()
        values = [getattr(hybrid, name) or 0.0 for name in SCORECARD]
        axes.barh(places, values, height=0.56, color=colour(HYBRID), label=named(HYBRID))
        for one in evaluation.at_use:
            if one.detector != HYBRID:
                dots = [getattr(one, name) for name in SCORECARD]
                axes.plot(
                    [np.nan if dot is None else dot for dot in dots], places, "o",
                    color=colour(one.detector), markersize=6.5, markeredgecolor=PAPER,
                    label=named(one.detector),
                )  # fmt: skip
        for place, name in enumerate(SCORECARD):
            axes.text(1.02, place, share(getattr(hybrid, name)), va="center", fontweight="bold")
        _name_bars(axes, list(SCORECARD.values()))
        axes.set_xlim(0, 1.14)
        axes.set_xticks(np.linspace(0, 1, 6))
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.spines["bottom"].set_visible(False)
        figure.legend(loc="outside upper left", ncols=3)
        summary = ", ".join(
            f"{text} {share(getattr(hybrid, name))}" for name, text in SCORECARD.items()
        )
        by = "with labels" if hybrid.uses_labels else "without labels"
        alternative = (
            f"Scorecard of the hybrid score at the threshold set {by}: {summary}. The figures were "
            f"measured with labels. Data: {data}."
        )
        return finished(SCORE, alternative, figure)


def spread_picture(shape: Shape, data: str) -> Picture:
    """Draw how scores are spread by kind of traffic, with the threshold."""
    with style():
        figure = new_figure(4.1, 2.3)
        axes = figure.subplots()
        for kind, counts in shape.counts.items():
            shares = counts / counts.sum()
            axes.stairs(shares, shape.edges, fill=True, color=colour(kind), alpha=0.28)
            axes.stairs(shares, shape.edges, color=colour(kind), linewidth=1.4, label=kind)
        axes.set_xscale("asinh", linear_width=width_of(shape.threshold))
        axes.set_xlim(shape.edges[0], shape.edges[-1])
        axes.set_yscale("function", functions=(np.sqrt, np.square))
        axes.set_ylim(0, None)
        axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.yaxis.set_major_locator(MaxNLocator(3))
        axes.set_xticks(_ticks(shape))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.minorticks_off()
        if shape.threshold is not None:
            axes.axvline(shape.threshold, color=INK, linewidth=1.4, linestyle=(0, (4, 2)))
            axes.annotate(
                f"threshold {shape.threshold:.3g}", (shape.threshold, 1), (4, -2),
                xycoords=("data", "axes fraction"), textcoords="offset points", va="top",
                fontsize=8.5, color=INK,
            )  # fmt: skip
        axes.set_title(named(shape.detector))
        axes.grid(visible=False, axis="x")
        axes.tick_params(labelsize=8.5)
        figure.legend(loc="outside upper right", ncols=3, fontsize=8.5)
        return finished(f"scores_{shape.detector}", _spread_in_words(shape, data), figure)


def _ticks(shape: Shape) -> list[float]:
    """Return about five round scores, equally far apart in the picture."""
    width = width_of(shape.threshold)
    low, high = np.arcsinh(shape.edges[[0, -1]] / width).tolist()
    wanted = np.sinh(np.linspace(low, high, 6)) * width
    return sorted({float(f"{one:.1g}") for one in wanted if one <= shape.edges[-1]})


def _spread_in_words(shape: Shape, data: str) -> str:
    parts = []
    for kind, counts in shape.counts.items():
        middle = shape.edges[np.searchsorted(np.cumsum(counts), counts.sum() / 2)]
        parts.append(f"{counts.sum():,.0f} {kind} records, half of them above {middle:.3g}")
    at = "no threshold" if shape.threshold is None else f"threshold {shape.threshold:.3g}"
    return f"Distribution of the {named(shape.detector)}: {'; '.join(parts)}; {at}. Data: {data}."


def _name_bars(axes: Axes, names: list[str]) -> None:
    """Name horizontal bars, the first one at the top."""
    axes.set_yticks(np.arange(len(names)), names, color=INK)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.spines["left"].set_visible(False)


def _short(name: str) -> str:
    text = one_line(name)
    return text if len(text) <= _LETTERS else f"{text[: _LETTERS - 1]}…"
