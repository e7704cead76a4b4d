"""The figures of all protocols, computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distance_protocol import SAMPLE, fit_distance, run_of
from iotscore.evaluation.protocols.evaluate import PROTOCOLS, evaluate

if TYPE_CHECKING:
    Row = dict[str, Any]


@pytest.fixture(scope="session")
def results() -> dict[str, list[Row]]:
    """Return the rows of every protocol."""
    sets = ("all", "no_clock")
    return {
        name: evaluate(SAMPLE, fit_distance, run_of(name, feature_sets=sets)) for name in PROTOCOLS
    }
