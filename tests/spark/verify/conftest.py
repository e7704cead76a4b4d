"""A finished night for each test to damage."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.warehouse.warehouse import Warehouse


@pytest.fixture
def damaged(night_copy: Callable[[str], Warehouse]) -> Warehouse:
    """Return a private copy of a night with the default profile, whole until a test damages it."""
    return night_copy("default")
