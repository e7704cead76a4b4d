"""How short a horizon the job maintain may be told."""

from __future__ import annotations

from pathlib import Path

import pytest

from iotscore.config import load_settings
from iotscore.errors import ConfigError

CONF = Path(__file__).resolve().parents[3] / "conf"


def hours(*assignments: str) -> int:
    """Return the horizon that the settings come to."""
    return load_settings(CONF, "default", (), assignments).maintain.vacuum_hours


def test_a_week_unless_told() -> None:
    """Readers have a week, Delta's own measure, if nobody says otherwise."""
    assert hours() == 168


def test_a_day_may_be_told() -> None:
    """A day is short, but a choice."""
    assert hours("maintain.vacuum_hours=24") == 24


def test_less_than_a_day_has_to_be_allowed() -> None:
    """One number alone cannot take the files from those who read."""
    with pytest.raises(ConfigError, match="vacuum_hours is 23; below 24 a reader may lose"):
        hours("maintain.vacuum_hours=23")
    assert hours("maintain.vacuum_hours=0", "maintain.allow_short_vacuum=true") == 0
