"""Render the page: one self-contained HTML file with one script of its own.

Templates lie in the package; names and texts from tables are escaped by the template engine, and
a content security policy lets no other script run even if one got through.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
from functools import cache
from typing import TYPE_CHECKING, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from iotscore.errors import printable
from iotscore.report import formatting as words
from iotscore.report.theme import DARK, LIGHT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.report.metrics import Figures
    from iotscore.report.night import Night
    from iotscore.report.theme import Picture

_TREND_DAYS: Final = 30
_TREND_WIDTH: Final = 96
_TREND_HEIGHT: Final = 26
_TREND_EDGE: Final = 4
_BAR_WIDTH: Final = 150
_BAR_HEIGHT: Final = 16
PREVALENCES: Final = (0.01, 0.001, 0.0001)
"""Shares of attacks among all records for which the page shows the precision."""


def render(night: Night, pictures: Mapping[str, Picture]) -> str:
    """Return the page; a section whose picture is missing does without."""
    script, _, _ = _environment().loader.get_source(_environment(), "sort.js.j2")  # type: ignore[union-attr]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode("ascii")
    return _environment().get_template("report.html.j2").render(
        night=night,
        pictures=pictures,
        data=words.DATA[night.data_kind],
        evaluation=night.evaluation,
        headline=None if night.evaluation is None else night.evaluation.headline,
        script=Markup(script),  # noqa: S704 - our own, from the package
        script_digest=digest,
        light=LIGHT,
        dark=DARK,
        prevalences=PREVALENCES,
    )  # fmt: skip


def _shown(value: object) -> object:
    return printable(value) if type(value) is str else value  # Markup is ours


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("iotscore.report"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filters = (words.count, words.share, words.score, words.size, words.named, words.breakable)
    environment.filters |= {each.__name__: each for each in filters}
    environment.globals |= {
        "trend": trend,
        "interval": interval,
        "target_verdict": target_verdict,
        "policies": words.POLICIES,
        "data_names": words.DATA,
    }
    return environment


def trend(values: Sequence[int | None]) -> Markup:
    """Return a small line of flagged records per day; a gap where there is no count."""
    if len(values) == 1:
        return Markup('<span class="line">first day</span>')
    shown = values[-_TREND_DAYS:]
    text = ", ".join(words.NOTHING if one is None else f"{one:,}" for one in shown)
    highest = max((one for one in shown if one is not None), default=0) or 1
    step = (_TREND_WIDTH - 2 * _TREND_EDGE) / (len(shown) - 1)
    height = _TREND_HEIGHT - 2 * _TREND_EDGE
    places = [
        None
        if one is None
        else (_TREND_EDGE + number * step, _TREND_EDGE + height * (1 - one / highest))
        for number, one in enumerate(shown)
    ]
    parts = Markup()
    for is_gap, line in itertools.groupby(places, key=lambda place: place is None):
        if not is_gap:
            points = " ".join(f"{place[0]:.1f},{place[1]:.1f}" for place in line if place)
            parts += Markup('<polyline points="{}"/>').format(points)
    if (last := places[-1]) is not None:
        parts += Markup('<circle cx="{:.1f}" cy="{:.1f}" r="2.8"/>').format(*last)
    return Markup(
        '<svg class="trend" role="img" viewBox="0 0 {} {}" width="{}" height="{}" '
        'aria-label="flagged records per day, oldest first: {}">{}</svg>'
    ).format(_TREND_WIDTH, _TREND_HEIGHT, _TREND_WIDTH, _TREND_HEIGHT, text, parts)


def interval(low: float, value: float, high: float, mark: float | None, top: float) -> Markup:
    """Return a bar from low to high with a dot, and a line at the target; top is the right end."""

    def place(one: float) -> float:
        return 3 + (_BAR_WIDTH - 6) * min(one / top, 1.0) if top else 3.0

    line = Markup()
    text = f"{words.share(value)}, 95 % interval {words.share(low)} to {words.share(high)}"
    if mark is not None:
        text += f", target {words.share(mark)}"
        line = Markup('<line class="mark" x1="{0:.1f}" x2="{0:.1f}" y1="0" y2="{1}"/>').format(
            place(mark), _BAR_HEIGHT
        )
    middle = _BAR_HEIGHT / 2
    return Markup(
        '<svg class="interval" role="img" viewBox="0 0 {} {}" width="{}" height="{}" '
        'aria-label="{}"><line x1="{:.1f}" x2="{:.1f}" y1="{}" y2="{}"/>{}'
        '<circle cx="{:.1f}" cy="{}" r="4"/></svg>'
    ).format(
        *(_BAR_WIDTH, _BAR_HEIGHT, _BAR_WIDTH, _BAR_HEIGHT, text),
        *(place(low), place(high), middle, middle, line, place(value), middle),
    )


def target_verdict(one: Figures) -> str | None:
    """Return ``met``, ``unsure`` or ``missed`` of a target false positive rate.

    ``unsure``: the rate is above the target, which lies in the 95 % interval. None: there is no
    target, or no benign record.
    """
    if one.fpr_promised is None or one.fpr is None or one.fpr_low is None:
        return None
    if one.fpr <= one.fpr_promised:
        return "met"
    return "unsure" if one.fpr_low <= one.fpr_promised else "missed"
