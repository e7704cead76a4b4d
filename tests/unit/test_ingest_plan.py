"""What ingest decides about a file from what was listed, found in it, and known of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from iotscore.labels import FileLabel
from iotscore.landing.discover import LandingFile
from iotscore.landing.reasons import FILE_REASONS, PASSING
from iotscore.landing.sources import unread
from iotscore.landing.survey import Survey
from iotscore.spark.ingest_plan import Policy, make_plan, refused_unchanged

LABEL = FileLabel(1, "Doorbell", "benign", None, 0, None)
FILE = LandingFile("id", "1.benign.csv", 9, datetime(2026, 11, 21, tzinfo=UTC), LABEL, None)
REFUSE = Policy(replaces_changed=False, accepts_same=False)
FOUND = Survey("abc", 9, 3, ("x",), (), None, None)


def decided(file: LandingFile, survey: Survey, **checksums: str) -> str:
    """Return what is decided about one file: accept, pass, or a reason to refuse it."""
    ingested = {
        file_id: {
            "device": "bell",
            "sha256": sha256,
            "source_file": file.source_file,
            "rows_read": 3,
        }
        for file_id, sha256 in checksums.items()
    }
    plan = make_plan([file], {file.file_id: survey}, [], ingested, REFUSE)
    if plan.accept:
        return "accept"
    return plan.refuse[0][2] if plan.refuse else "pass"


@pytest.mark.parametrize("reason", sorted(PASSING))
def test_a_known_file_that_was_not_read_has_not_changed(reason: str) -> None:
    """Without its content nobody can say that a file is another one; it is refused and tried."""
    assert decided(FILE, FOUND, id="abc") == "pass"
    assert decided(FILE, FOUND, id="other") == "content_changed"
    assert decided(FILE, unread(FILE, reason, "told"), id="abc") == reason


def test_what_was_not_read_is_told_before_its_name() -> None:
    """A file that was not read is refused for that, whatever else is wrong with it."""
    nameless = replace(FILE, label=None)
    assert decided(nameless, FOUND) == "name_not_recognised"
    assert decided(nameless, unread(nameless, "unreadable", "told")) == "unreadable"


def test_counts_are_compared_with_the_summary() -> None:
    """Only a stated count that is another one refuses a file."""
    assert decided(FILE, FOUND) == "accept"
    assert decided(replace(FILE, rows_expected=3), FOUND) == "accept"
    assert decided(replace(FILE, rows_expected=2), FOUND) == "row_count_mismatch"
    assert decided(FILE, replace(FOUND, fault="no_header")) == "no_header"


def refusal(reason: str, **other: Any) -> dict[str, Any]:  # noqa: ANN401 - a ledger's values
    """Return a row of the ledger about the file."""
    known = {"bytes": 9, "modified_at": FILE.modified_at, "rows_expected": None}
    return {"file_id": "id", "status": "refused", "reason": reason} | known | other


@pytest.mark.parametrize("reason", FILE_REASONS)
def test_a_refusal_is_remembered_until_something_is_mended(reason: str) -> None:
    """A refused file is left alone while nothing has changed that it was refused for."""
    file = replace(FILE, label=None) if reason.startswith("name") else FILE
    remembered = set() if reason in PASSING else {"id"}
    assert refused_unchanged([file], [refusal(reason)], REFUSE) == remembered
    assert refused_unchanged([replace(file, size=8)], [refusal(reason)], REFUSE) == set()
    later = datetime(2026, 11, 22, tzinfo=UTC)
    assert refused_unchanged([replace(file, modified_at=later)], [refusal(reason)], REFUSE) == set()
    assert refused_unchanged([file], [refusal(reason, status="ingested")], REFUSE) == set()
    named = refused_unchanged([replace(file, label=LABEL)], [refusal(reason)], REFUSE)
    assert named == (set() if reason == "name_not_recognised" else remembered)
    counted = refused_unchanged([replace(file, rows_expected=3)], [refusal(reason)], REFUSE)
    assert counted == (set() if reason == "row_count_mismatch" else remembered)
