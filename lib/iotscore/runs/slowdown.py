"""Tell when a stage took longer per row than it usually does."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SLOWER: Final = 0.3
"""A stage that is slower than usual by more than this share is worth a warning."""
_RUNS: Final = 10
"""How many earlier runs say what is usual."""
_FEWEST_RUNS: Final = 3
"""With fewer, one odd run would decide; a shared machine's speed varies by a factor of 2."""
_ROWS_FACTOR: Final = 10
"""Runs with more or fewer rows by this factor do not compare: fixed costs weigh differently."""


@dataclass(frozen=True)
class Pace:
    """How long a stage took for its records, of which there is one at least, on how many cores.

    ``kind`` is :func:`kind_of` the run: a pass that prepares other stages' work takes longer.
    """

    rows: int
    seconds: float
    cores: int
    kind: str = ""

    @property
    def seconds_per_row(self) -> float:
        """Duration per record."""
        return self.seconds / self.rows


def slow_warning(stage: str, now: Pace, earlier: Iterable[Pace]) -> str | None:
    """Say that a stage was more than 30 % slower per row than usual; None if it was not.

    Earlier runs of the stage are in order, the newest first. The last ten of the same kind, on as
    many cores and with a similar number of rows (within a factor of 10) count; of fewer than three
    nothing is concluded.
    """
    alike = [one.seconds_per_row for one in earlier if _comparable(one, now)][:_RUNS]
    if len(alike) < _FEWEST_RUNS:
        return None
    usual = median(alike)
    if now.seconds_per_row <= (1 + _SLOWER) * usual:
        return None
    return (
        f"{stage} took {now.seconds_per_row * 1e6:,.1f} us per row, "
        f"{now.seconds_per_row / usual - 1:.0%} more than the median of its last {len(alike)} "
        f"comparable runs, {usual * 1e6:,.1f} us; look for other work on the machine, then "
        "compare rows, memory, profile and code version: sql --query runs_recent"
    )


def _comparable(one: Pace, now: Pace) -> bool:
    similar = now.rows <= one.rows * _ROWS_FACTOR and one.rows <= now.rows * _ROWS_FACTOR
    return similar and (one.cores, one.kind) == (now.cores, now.kind)


def kind_of(details: Mapping[str, Any]) -> str:
    """Return what a stage did with records, by its details: only runs of one kind compare.

    Either for which stages it prepared their work, or whether all of its own was prepared; empty
    for a stage that does neither, and for versions that did not note it.
    """
    prepared = details.get("prepared", "")
    return f"{prepared == details['files'] if isinstance(prepared, int) else prepared}"
