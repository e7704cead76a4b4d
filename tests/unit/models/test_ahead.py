"""What is prepared for a stage, and when it may be used."""

from __future__ import annotations

import pytest

from iotscore.models.context import Ahead, Content
from iotscore.warehouse.side_outputs import Prepared

ONE, TWO = Content("one", "sha of one", "run"), Content("two", "sha of two", "run")
AHEAD = Ahead(Prepared(lambda _: {}, ()), "model", frozenset({ONE, TWO}))


@pytest.mark.parametrize(
    ("model_version", "wanted", "fits"),
    [
        ("model", {ONE, TWO}, True),
        ("model", {ONE, TWO, Content("left over", "sha", "earlier")}, True),
        ("model", {ONE}, False),
        ("model", {ONE, TWO._replace(sha256="another content")}, False),
        ("model", {ONE, TWO._replace(ingest_run="ingested again")}, False),
        ("other", {ONE, TWO}, False),
    ],
)
def test_all_of_it_must_be_wanted(model_version: str, wanted: set[Content], *, fits: bool) -> None:
    """By the same model, and of each file the content that was read."""
    assert AHEAD.fits(model_version, frozenset(wanted)) == fits
    assert AHEAD.file_ids == {"one", "two"}
