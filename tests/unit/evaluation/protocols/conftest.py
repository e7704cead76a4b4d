"""The figures of all protocols, computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from distance_protocol import SAMPLE, TWO_SETS, fit_distance
from iotscore.evaluation.protocols import PROTOCOLS, Options, evaluate

if TYPE_CHECKING:
    Row = dict[str, Any]


@pytest.fixture(scope="session")
def results() -> dict[str, list[Row]]:
    """Return the rows of every protocol."""
    options = Options(feature_sets=TWO_SETS)
    return {name: evaluate(SAMPLE, fit_distance, name, options) for name in PROTOCOLS}
