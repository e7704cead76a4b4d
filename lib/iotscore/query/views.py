"""Views over the tables, as people read them; ``conf/sql/views`` holds the text of each.

A view's text names tables and other views plainly. :func:`view_query` binds these names to what
they are called elsewhere, such as in a catalogue.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

RENAMED_VIEWS: Final = {
    "v_device_night": "v_device_day",
    "v_last_night": "v_newest_day",
    "v_alerts": "v_flagged_records",
    "v_open_flags": "v_open_flagged_records",
}
"""Views that keep their earlier name for one more version, and what they are called now."""

VIEWS: Final = (
    "v_champion",
    "v_latest_evaluation",
    "v_device_day",
    "v_newest_day",
    "v_flagged_records",
    "v_open_flagged_records",
    "v_open_alerts",
    "v_model_comparison",
    "v_quarantine_reasons",
    "v_runs",
    *RENAMED_VIEWS,
)
"""Every view; each stands behind those that it reads."""

_COMMENTS_AT_THE_TOP: Final = re.compile(r"\A(?:\s*--[^\n]*(?:\n|\Z))+")
_SOURCE: Final = re.compile(r"\b(?:FROM|JOIN)\s+(\w+)")


def read_views(folder: Path) -> dict[str, str]:
    """Return the text of each view, from files ``NAME.sql``."""
    return {name: (folder / f"{name}.sql").read_text(encoding="utf-8-sig") for name in VIEWS}


def sources(text: str) -> list[str]:
    """Return the tables and views that a view's text reads, in alphabetical order."""
    named = set(_SOURCE.findall(_COMMENTS_AT_THE_TOP.sub("", text)))
    return sorted(named & {*TABLES, *VIEWS})


def view_query(text: str, place: Callable[[str], str]) -> str:
    """Return a view's query, one SELECT statement, on tables and views of other names.

    For a plain name ``place`` gives what stands for it in SQL, such as ``main.iot.scores``.
    """
    bound = ",\n".join(f"{name} AS (SELECT * FROM {place(name)})" for name in sources(text))  # noqa: S608 - our names
    query = _COMMENTS_AT_THE_TOP.sub("", text).strip()
    return f"WITH {bound}\nSELECT * FROM (\n{query}\n)"


def mentioned(statement: str, views: Mapping[str, str]) -> set[str]:
    """Return the tables and views whose names stand in a statement, and what these views read.

    It may be too many, because a name may stand in a comment or a string, but never too few.
    """
    words = set(re.findall(r"\w+", _COMMENTS_AT_THE_TOP.sub("", statement).lower()))
    found = words & {*TABLES, *views}
    for name in reversed(VIEWS):
        if name in found:
            found.update(sources(views[name]))
    return found
