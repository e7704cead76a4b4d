"""Suppressions of alerts and records, before they are stored."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from iotscore.alerts.suppress import suppression
from iotscore.alerts.suppression import SCOPE
from iotscore.errors import InputError


@pytest.mark.parametrize(
    ("scope", "expires", "fault"),
    [
        ({}, None, "hide everything"),
        ({"kind": "atack"}, None, "no kind 'atack'"),
        ({"kind": "drift", "source_file": "%"}, None, "no source file"),
        ({"kind": "drift"}, datetime(2020, 1, 1, tzinfo=UTC), "past"),
    ],
)
def test_a_suppression_that_makes_no_sense_is_refused(
    scope: dict[str, str], expires: datetime | None, fault: str
) -> None:
    """One without a scope would hide everything."""
    with pytest.raises(InputError, match=fault):
        suppression(dict.fromkeys(SCOPE) | scope, "why", "me", expires)
