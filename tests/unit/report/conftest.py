"""Nights to report, and their pages."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.report.folder import draw
from iotscore.report.page import render

if TYPE_CHECKING:
    from iotscore.report.night import Night
    from iotscore.report.theme import Picture


@pytest.fixture(scope="session")
def nights() -> dict[str, Any]:
    """Return the makers of nights."""
    return runpy.run_path(str(Path(__file__).with_name("nights.py")))


@pytest.fixture(scope="session")
def labelled(nights: dict[str, Any]) -> Night:
    """Return a night with all that a report can say."""
    return nights["labelled_night"]()


@pytest.fixture(scope="session")
def unlabelled(nights: dict[str, Any]) -> Night:
    """Return a first night without labels."""
    return nights["unlabelled_night"]()


@pytest.fixture(scope="session")
def pictures(labelled: Night) -> dict[str, Picture]:
    """Return the pictures of the labelled night."""
    return draw(labelled)


@pytest.fixture(scope="session")
def page(labelled: Night, pictures: dict[str, Picture]) -> str:
    """Return the page of the labelled night."""
    return render(labelled, pictures)


@pytest.fixture(scope="session")
def plain_page(unlabelled: Night) -> str:
    """Return the page of the unlabelled night."""
    return render(unlabelled, draw(unlabelled))
