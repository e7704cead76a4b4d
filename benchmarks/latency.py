"""How long files wait for the job ``stream``: from measurements to rows of a table."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, Final

LEDGERS: Final = {
    "scored": "`scored_files`: they are scored",
    "explained": "`explained_files`: what is flagged is explained, and its incidents are there",
}
"""Key of a measurement, and what it means that the ledger names a file."""


@dataclass(frozen=True)
class Wait:
    """Seconds until a ledger names a file.

    Attributes
    ----------
    title
        The ledger, and what that means.
    files
        How many files, of all rounds, without the first of each.
    median, longest
        Over these files.
    first
        The longest of the files that were each the first after a start of the stream.
    """

    title: str
    files: int
    median: float
    longest: float
    first: float


def latency(entry: dict[str, Any]) -> dict[str, Any] | None:
    """Return what the document says of files that arrive one by one; None if none were measured.

    Returns
    -------
    dict
        ``rows`` of a file, ``flagged`` of a hundred records, ``every_seconds`` between two looks
        at the landing folder, ``rounds``, ``peak_gib`` of all processes, and ``waits``, a
        :class:`Wait` for each ledger.
    """
    mine = [one for one in entry["measurements"] if one["what"] == "latency"]
    if not mine:
        return None
    records = sum(one["rows"] * len(one["scored"]) for one in mine)
    return {
        "rows": mine[0]["rows"],
        "every_seconds": mine[0]["every_seconds"],
        "flagged": 100 * sum(one["flagged"] for one in mine) / records,
        "rounds": len(mine),
        "peak_gib": max(one["peak_bytes"] for one in mine) / 2**30,
        "waits": [_wait(title, [one[ledger] for one in mine]) for ledger, title in LEDGERS.items()],
    }


def _wait(title: str, rounds: list[list[float]]) -> Wait:
    later = [seconds for waits in rounds for seconds in waits[1:]]
    first = max(waits[0] for waits in rounds)
    return Wait(title, len(later), statistics.median(later), max(later), first)


def latency_lines(entry: dict[str, Any]) -> list[str]:
    """Return the same for a terminal."""
    found = latency(entry)
    if found is None:
        return []
    return [
        f"{wait.title}: median {wait.median:.1f} s, longest {wait.longest:.1f} s of {wait.files} "
        f"files of {found['rows']:,} records; {wait.first:.1f} s for the first after a start"
        for wait in found["waits"]
    ]
