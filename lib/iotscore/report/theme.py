"""Colours and canvas: each picture is drawn once, kept as PNG on white and as SVG in the page.

In the page an SVG takes its colours from the style sheet, so it follows a dark mode; the colours
here are those of the light one. Contrast with the background is 4.5 or more for texts, 3 or more
for lines and areas (WCAG 2.2, 1.4.3 and 1.4.11), in both modes.
"""

from __future__ import annotations

import io
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import matplotlib as mpl
from markupsafe import Markup, escape
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Iterator

_COLOURS: Final = {
    "ink": ("#18222d", "#e8edf3"),
    "muted": ("#566272", "#a7b3c1"),
    "grid": ("#dde3ea", "#323d4a"),
    "paper": ("#ffffff", "#161d26"),
    "benign": ("#14786a", "#4ec7b2"),
    "attack": ("#c2410d", "#ff9466"),
    "unlabelled": ("#6d7785", "#9aa6b4"),
    "gafgyt": ("#c2410e", "#ff9466"),
    "mirai": ("#8a2f6b", "#e08fc4"),
    "hybrid": ("#0a5cb8", "#6fb4ff"),
    "iforest": ("#8d6100", "#d9a93f"),
    "lstm": ("#7a3fd0", "#bb9bff"),
    "neighbours": ("#3b7d23", "#8fcf72"),
    "envelope": ("#00728f", "#5cc4e0"),
}
"""Each name's colour in the light and in the dark mode; no two are equal in the light one."""
LIGHT: Final = {name: light for name, (light, _) in _COLOURS.items()}
DARK: Final = {name: dark for name, (_, dark) in _COLOURS.items()}
INK, MUTED, GRID, PAPER = (LIGHT[name] for name in ("ink", "muted", "grid", "paper"))

_PNG_DPI: Final = 160
_STYLE: Final[dict[Any, Any]] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib, so pictures are the same everywhere
    "font.size": 9.5,
    "text.color": INK,
    "text.parse_math": False,  # a device may be called $x$
    "axes.edgecolor": GRID,
    "axes.labelcolor": MUTED,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "figure.facecolor": "none",
    "svg.fonttype": "none",
    "svg.hashsalt": "iotscore",  # the same picture has the same bytes
}


@dataclass(frozen=True)
class Picture:
    """A picture of the report.

    Attributes
    ----------
    name
        Its file's, without the ending.
    alternative
        What it shows, in words, for those who do not see it.
    inline
        The picture in the page: SVG in the page's colours, or an image in a data URI.
    """

    name: str
    alternative: str
    png: bytes
    inline: Markup


@contextmanager
def style() -> Iterator[None]:
    """Draw in the report's style while the body runs."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # A device's name may hold letters that the font lacks; the page has them.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font", append=False)
        yield


def colour(name: str) -> str:
    """Return the colour of a kind of traffic, a detector or a part of a picture."""
    return LIGHT.get(name, MUTED)


def new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of this size, in inch."""
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def finished(name: str, alternative: str, figure: Figure) -> Picture:
    """Return a figure as a picture; call it inside :func:`style`."""
    _freeze_layout(figure)
    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=_PNG_DPI, facecolor=PAPER, metadata={"Software": None})
    svg = io.BytesIO()
    figure.savefig(
        svg,
        format="svg",
        transparent=True,
        metadata={"Date": None, "Creator": None, "Format": None, "Type": None},
    )
    return Picture(name, alternative, png.getvalue(), _inline(name, alternative, svg.getvalue()))


def _freeze_layout(figure: Figure) -> None:
    """Lay a figure out, once; the solver's last digits differ from run to run, so they go."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    for axes in figure.axes:
        axes.set_position(tuple(round(one, 3) for one in axes.get_position().bounds))


def _inline(name: str, alternative: str, svg: bytes) -> Markup:
    """Return an SVG for the page: named, without a fixed size, with names and colours of its own.

    matplotlib escapes texts; what is changed here are its own marks.
    """
    text = svg.decode("utf-8")
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # Several pictures share a page, and names in a page must be unique.
    text = re.sub(r'(\bid="|xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    for each, value in LIGHT.items():
        text = text.replace(f": {value}", f": var(--{each})")
    view = re.search(r'viewBox="0 0 ([\d.]+) [\d.]+"', text)
    width = 0.0 if view is None else float(view[1])
    start = (
        f'<svg role="img" aria-label="{escape(alternative)}" class="picture" '
        f'style="max-width: {width * 4 / 3:.0f}px"'
    )
    opening, rest = text.split(">", 1)
    opening = re.sub(r'\s(?:width|height)="[\d.]+pt"', "", opening).replace("<svg", start, 1)
    return Markup(f"{opening}>{rest}")  # noqa: S704 - matplotlib has escaped every text
