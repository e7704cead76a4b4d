"""What ingest decides about a file from what was listed, found in it, and known of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from iotscore.ingest.plan import Policy, make_plan, refused_unchanged
from iotscore.landing.file_changes import unread
from iotscore.landing.filenames import FileLabel
from iotscore.landing.folder import LandingFile
from iotscore.landing.reason_codes import FILE_REASONS, LABEL_CONFLICT, LISTED, PASSING
from iotscore.landing.scan import Survey

LABEL = FileLabel(1, "Doorbell", "benign", None, 0, None)
FILE = LandingFile("id", "1.benign.csv", 9, datetime(2026, 11, 21, tzinfo=UTC), LABEL, None)
REFUSE = Policy(changed_files="refuse", same_content="refuse")
ACCEPT_SAME = Policy(changed_files="refuse", same_content="accept")
REPLACE = Policy(changed_files="replace", same_content="refuse")
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


@pytest.mark.parametrize("reason", sorted(FILE_REASONS.keys() - LISTED - {LABEL_CONFLICT}))
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


@pytest.mark.parametrize("reason", sorted(LISTED))
def test_what_a_listing_refuses_is_remembered_while_it_does(reason: str) -> None:
    """A day that has come, or links that may be followed now, let the same file in."""
    told = [refusal(reason)]
    assert refused_unchanged([FILE], told, REFUSE, {"id": reason}) == {"id"}
    assert refused_unchanged([FILE], told, REFUSE) == set()
    assert refused_unchanged([FILE], told, REFUSE, {"id": "another"}) == set()
    assert refused_unchanged([FILE], [refusal("no_header")], REFUSE, {"id": reason}) == set()


def test_packed_files_are_told_once() -> None:
    """Whether by name, which a listing shows, or by the first bytes, which it does not."""
    told = [refusal("compressed")]
    assert refused_unchanged([FILE], told, REFUSE, {"id": "compressed"}) == {"id"}
    assert refused_unchanged([FILE], told, REFUSE) == {"id"}


ATTACK = replace(
    FILE,
    file_id="other",
    source_file="2.gafgyt.udp.csv",
    label=FileLabel(2, "Camera", "gafgyt", "udp", 1, None),
)
SURVEYS = {"id": FOUND, "other": FOUND}


def reasons(*files: LandingFile, policy: Policy = REFUSE, **ingested: Any) -> dict[str, str]:  # noqa: ANN401 - a ledger's rows
    """Return why each of some files is refused."""
    surveys = {file.file_id: FOUND for file in files}
    plan = make_plan(files, surveys, [], ingested, policy)
    return {file.source_file: reason for file, _, reason, _ in plan.refuse}


@pytest.mark.parametrize("policy", [REFUSE, ACCEPT_SAME, REPLACE])
def test_one_content_is_not_benign_and_an_attack(policy: Policy) -> None:
    """Of two new files neither is learned from; what is ingested stays, and the other is named."""
    both = dict.fromkeys(["1.benign.csv", "2.gafgyt.udp.csv"], "label_conflict")
    assert reasons(FILE, ATTACK, policy=policy) == reasons(ATTACK, FILE, policy=policy) == both
    known = {"sha256": "abc", "rows_read": 3, "device": "x", "source_file": "9.mirai.ack.csv"}
    late = reasons(FILE, policy=policy, old=known | {"label": 1})
    assert late == {"1.benign.csv": "label_conflict"}
    assert reasons(FILE, policy=policy, old=known | {"label": None}) == {}
    assert reasons(FILE, policy=policy, old=known | {"label": 0}) == {}
    plan = make_plan([FILE], SURVEYS, [], {"old": known | {"label": 1}}, policy)
    assert "9.mirai.ack.csv" in plan.refuse[0][3]


def test_a_capture_without_a_label_contradicts_nothing() -> None:
    """Neither do files without rows, nor one content of an attack on several devices."""
    blank = replace(FILE, label=replace(LABEL, family=None, label=None, device="y"))
    assert reasons(blank, ATTACK) == {}
    again = replace(ATTACK, file_id="third", label=replace(LABEL, device="z", label=1))
    assert reasons(again, ATTACK) == {}
    no_rows = replace(FOUND, rows=0)
    plan = make_plan([FILE, ATTACK], {"id": no_rows, "other": no_rows}, [], {}, REFUSE)
    assert not plan.refuse


def test_a_replaced_content_contradicts_nothing() -> None:
    """A benign file that was wrong and has other content now makes room for the attack's."""
    known = {"sha256": "abc", "rows_read": 3, "device": "Doorbell", "label": 0}
    ledger = {"id": known | {"source_file": "1.benign.csv"}}
    surveys = {"id": replace(FOUND, sha256="new"), "other": FOUND}
    plan = make_plan([FILE, ATTACK], surveys, [], ledger, REPLACE)
    assert not plan.refuse
    plan = make_plan([FILE, ATTACK], surveys, [], ledger, REFUSE)
    assert {reason for *_, reason, _ in plan.refuse} == {"content_changed", "label_conflict"}


def test_a_contradiction_is_told_once_and_ends_with_one_of_the_files() -> None:
    """Both lie there: both stay refused; the wrong one goes: the other is read."""
    mine = refusal("label_conflict", label=0, sha256="abc")
    other = refusal("label_conflict", label=1, sha256="abc", file_id="other")
    assert refused_unchanged([FILE, ATTACK], [mine, other], REFUSE) == {"id", "other"}
    assert refused_unchanged([FILE], [mine, other], REFUSE) == set()
    assert refused_unchanged([replace(ATTACK, size=8), FILE], [mine, other], REFUSE) == set()
    ingested = other | {"status": "ingested", "reason": None}
    assert refused_unchanged([FILE], [mine, ingested], REFUSE) == {"id"}
    assert refused_unchanged([FILE], [mine, ingested | {"status": "replaced"}], REFUSE) == set()


def test_a_known_file_whose_header_went_has_changed() -> None:
    """It was not read to the end, and is another one nevertheless."""
    cut = replace(FOUND, sha256=None, fault="no_header", fault_detail="told")
    assert decided(FILE, cut, id="abc") == "content_changed"
    assert decided(FILE, cut) == "no_header"
