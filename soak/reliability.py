"""What a soak found, as a page: ``docs/reliability.md``."""

from __future__ import annotations

import math
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from machine import machine, versions
from pages import templates

if TYPE_CHECKING:
    from collections.abc import Sequence

HERE: Final = Path(__file__).resolve().parent
_PART: Final = 10
"""Nights at the start and at the end that are compared."""


def middle(nights: Sequence[dict[str, Any]], what: str, kind: str | None = None) -> float:
    """Return the median of a figure over some nights, NaN if there is none of that kind."""
    found = [night[what] for night in nights if kind in (None, night["kind"])]
    return float(median(found)) if found else math.nan


def write_report(results: dict[str, Any], document: Path) -> None:
    """Write the page anew."""
    environment = templates(HERE)
    nights = results["nights"]
    page = environment.get_template("reliability.md.j2").render(
        **results,
        machine=machine(),
        versions=versions(),
        first=nights[:_PART],
        last=nights[-_PART:],
        middle=middle,
    )
    document.write_text(page, encoding="utf-8")
