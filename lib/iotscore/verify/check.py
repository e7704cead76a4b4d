"""What a check compared, and what came out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Outcome(StrEnum):
    """How a check ended; only :attr:`FAILED` means that the warehouse is wrong."""

    HOLDS = "holds"
    FAILED = "FAILED"
    SKIPPED = "not checked"
    NOTE = "note"


@dataclass(frozen=True)
class Check:
    """A finished check: what was compared, with numbers, and how it ended.

    Findings are each fault with both numbers, why it was skipped, or what there is to note.
    """

    name: str
    compared: str
    outcome: Outcome
    findings: tuple[str, ...] = ()


def judged(name: str, compared: str, faults: Sequence[str]) -> Check:
    """Return a check that holds if there are no faults."""
    return Check(name, compared, Outcome.FAILED if faults else Outcome.HOLDS, tuple(faults))
