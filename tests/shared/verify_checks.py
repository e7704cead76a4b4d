"""The checks of ``verify`` by name, and which of them failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.cli.commands.verify import exit_code
from iotscore.verify import Check, Outcome, verify_warehouse

if TYPE_CHECKING:
    from iotscore.warehouse.warehouse import Warehouse

ALL_ROWS = 1_000


def verified(warehouse: Warehouse, version: str | None = None) -> dict[str, Check]:
    """Verify all scores; return the checks by name."""
    return {check.name: check for check in verify_warehouse(warehouse, ALL_ROWS, version)}


def outcomes(checks: dict[str, Check], outcome: Outcome) -> list[str]:
    """Return the names of the checks that ended so."""
    return [name for name, check in checks.items() if check.outcome is outcome]


def failing(warehouse: Warehouse, *others: str) -> list[str]:
    """Return the findings of the check that fails, its name first; others must fail besides."""
    checks = verified(warehouse)
    assert exit_code(list(checks.values())) == 1
    (name,) = (each for each in outcomes(checks, Outcome.FAILED) if each not in others)
    assert {name, *others} == set(outcomes(checks, Outcome.FAILED))
    return [name, *checks[name].findings]
