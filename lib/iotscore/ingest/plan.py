"""What ingest does about each file: pass it over, accept it, refuse it, or tell that it changed."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from iotscore.bounds import Bounds, Check, Count, Some
from iotscore.landing.file_changes import unread
from iotscore.landing.filenames import FileLabel, check_patterns
from iotscore.landing.reason_codes import (
    BAD_COUNT,
    BAD_NAME,
    CONTENT_CHANGED,
    LABEL_CONFLICT,
    LISTED,
    PASSING,
    SAME_CONTENT,
    UNREAD,
)
from iotscore.warehouse.file_status import INGESTED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from iotscore.landing.folder import LandingFile
    from iotscore.landing.scan import Survey

Surveyed = tuple["LandingFile", "Survey"]
_Content = tuple[str, str]
"""A checksum and a device. Devices may share a content, as N-BaIoT's attack files do."""
_Claims = dict[tuple[str, int], list[str]]
"""Which files say of a content that it is benign (0), and which an attack (1)."""
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True)
class Policy:
    """What is done about contents that are not simply new; ``conf/base.yaml`` explains both."""

    changed_files: Literal["refuse", "replace"]
    same_content: Literal["refuse", "accept"]

    @property
    def replaces_changed(self) -> bool:
        """Whether another content under a known path replaces its records."""
        return self.changed_files == "replace"

    @property
    def accepts_same(self) -> bool:
        """Whether a known content of the same device counts again."""
        return self.same_content == "accept"


@dataclass(frozen=True, kw_only=True)
class IngestOptions(Policy):
    """How landing files become rows of ``traffic``; ``conf/base.yaml`` explains each value."""

    patterns: Annotated[Some[str], Check(check_patterns)]
    chunk_megabytes: Annotated[float, Bounds(gt=0.0, le=1024.0)]
    quarantine_text_limit: Count
    most_file_bytes: Count
    follow_links: bool

    @property
    def chunk_bytes(self) -> int:
        """Size of what one task parses at a time."""
        return int(self.chunk_megabytes * 1_000_000)


@dataclass
class Plan:
    """What is to be done about each new file.

    Attributes
    ----------
    replaced
        Ids of those to accept that were ingested before, with another content.
    refuse
        Files that are refused as a whole, with reason code and details.
    shared
        Paths of accepted files that have the content of another device's file.
    """

    accept: list[Surveyed] = field(default_factory=list)
    replaced: set[str] = field(default_factory=set)
    refuse: list[tuple[LandingFile, Survey, str, str]] = field(default_factory=list)
    shared: list[str] = field(default_factory=list)


def with_event_day(file: LandingFile, today: date) -> LandingFile:
    """Give a file whose name tells no day the day of its ingest."""
    if file.label is None or file.label.event_day is not None:
        return file
    return replace(file, label=replace(file.label, event_day=today))


def is_untouched(file: LandingFile, row: Mapping[str, Any] | None) -> bool:
    """Say whether a file is in the ledger with the same size and time of change."""
    return row is not None and row["bytes"] == file.size and row["modified_at"] == file.modified_at


def refused_unchanged(
    files: Sequence[LandingFile],
    ledger: Sequence[dict[str, Any]],
    policy: Policy,
    listed: Mapping[str, str] = _NOTHING,
) -> set[str]:
    """Return ids of files that were refused before and would be again for the same reason.

    Parameters
    ----------
    files
        All of the landing folder: what is refused for another file is so while that lies there.
    ledger, policy
        Rows of ``ingest_files``, and what to do about changed and repeated contents.
    listed
        The reason codes of files that cannot be read by what the listing shows, by id.
    """
    by_id = {file.file_id: file for file in files}
    refused = [row for row in ledger if row["status"] == REFUSED and row["file_id"] in by_id]
    lying = [row for row in refused if is_untouched(by_id[row["file_id"]], row)]
    contested = _contested(ledger, lying)
    return {
        row["file_id"]
        for row in lying
        if not _is_mended(by_id[row["file_id"]], row, policy)
        and _is_listed_alike(row["reason"], listed.get(row["file_id"]))
        and (row["reason"] != LABEL_CONFLICT or row["sha256"] in contested)
    }


def _is_listed_alike(before: str, now: str | None) -> bool:
    """Say whether a listing that refused a file does so again, or never did."""
    return now == before if before in LISTED else now in {None, before}


def _contested(ledger: Sequence[dict[str, Any]], lying: Sequence[dict[str, Any]]) -> set[str]:
    """Return the checksums of contents that files call benign and an attack."""
    ingested = [row for row in ledger if row["status"] == INGESTED]
    waiting = [row for row in lying if row["reason"] == LABEL_CONFLICT]
    claims = {(row["sha256"], row["label"]) for row in [*ingested, *waiting] if row.get("sha256")}
    return {sha256 for sha256, label in claims if label == 0 and (sha256, 1) in claims}


def _is_mended(file: LandingFile, row: Mapping[str, Any], policy: Policy) -> bool:
    reason = row["reason"]
    return (
        reason in PASSING
        or (reason == BAD_NAME and file.label is not None)
        or (reason == BAD_COUNT and row["rows_expected"] != file.rows_expected)
        or (reason == CONTENT_CHANGED and policy.replaces_changed)
        or (reason == SAME_CONTENT and policy.accepts_same)
    )


def make_plan(
    files: Sequence[LandingFile],
    surveys: Mapping[str, Survey],
    unusable: Sequence[tuple[LandingFile, str, str]],
    ingested: Mapping[str, Mapping[str, Any]],
    policy: Policy,
) -> Plan:
    """Decide about each file.

    Parameters
    ----------
    files, surveys
        Those that are new or look changed, and what was found in them, by file id.
    unusable
        What was not even read, with reason code and details.
    ingested
        The ledger's rows of files that were ingested before, by file id.
    policy
        What to do about changed and repeated contents.
    """
    plan = Plan(
        refuse=[(file, unread(file, why, detail), why, detail) for file, why, detail in unusable]
    )
    known = {
        (row["sha256"], row["device"]): (file_id, row["source_file"])
        for file_id, row in ingested.items()
        if row["rows_read"]
    }
    contents = {checksum for checksum, _ in known}
    claims = _claims(files, surveys, ingested, policy)
    # Of two new files with one content the older one is the original.
    for file in sorted(files, key=lambda file: (file.modified_at, file.source_file)):
        survey = surveys[file.file_id]
        before = ingested.get(file.file_id)
        if before is not None and survey.sha256 == before["sha256"]:
            continue
        if fault := _fault(file, survey, before, known, claims, policy):
            plan.refuse.append((file, survey, *fault))
            continue
        plan.accept.append((file, survey))
        if before is not None:
            plan.replaced.add(file.file_id)
        if survey.rows and file.label and survey.sha256:
            of_device = (survey.sha256, file.label.device)
            if of_device not in known and survey.sha256 in contents:
                plan.shared.append(file.source_file)
            known.setdefault(of_device, (file.file_id, file.source_file))
            contents.add(survey.sha256)
    plan.accept.sort(key=lambda pair: pair[0].source_file)
    return plan


def _claims(
    files: Sequence[LandingFile],
    surveys: Mapping[str, Survey],
    ingested: Mapping[str, Mapping[str, Any]],
    policy: Policy,
) -> _Claims:
    """Return what files say of contents with rows, as they will be once new ones are accepted."""
    claims: _Claims = {}
    new: set[str] = set()
    for file in files:
        survey, is_known = surveys[file.file_id], file.file_id in ingested
        label = None if file.label is None else file.label.label
        if survey.fault is None and survey.sha256 and (policy.replaces_changed or not is_known):
            new.add(file.file_id)
            if survey.rows and label is not None:
                claims.setdefault((survey.sha256, label), []).append(file.source_file)
    for file_id, row in ingested.items():
        if file_id not in new and row["rows_read"] and (label := row.get("label")) is not None:
            claims.setdefault((row["sha256"], label), []).append(row["source_file"])
    return claims


def _fault(
    file: LandingFile,
    survey: Survey,
    before: Mapping[str, Any] | None,
    known: Mapping[_Content, tuple[str, str]],
    claims: _Claims,
    policy: Policy,
) -> tuple[str, str] | None:
    """Return why a file is refused, a code and details; None if it is accepted."""
    if survey.fault in UNREAD:
        return survey.fault, survey.fault_detail or ""
    if before is not None and not policy.replaces_changed:
        found = survey.sha256 or f"{survey.fault} ({survey.fault_detail})"
        return CONTENT_CHANGED, f"ingested with the checksum {before['sha256']}, found {found}"
    if file.label is None:
        return BAD_NAME, file.name_fault or ""
    if survey.fault is not None:
        return survey.fault, survey.fault_detail or ""
    return _mistake(file, file.label, survey, {} if policy.accepts_same else known, claims)


def _mistake(
    file: LandingFile,
    label: FileLabel,
    survey: Survey,
    known: Mapping[_Content, tuple[str, str]],
    claims: _Claims,
) -> tuple[str, str] | None:
    """Return why a file that can be read is not what was meant to be delivered."""
    sha256 = survey.sha256 or ""
    if label.label is not None and (others := claims.get((sha256, 1 - label.label))):
        said = ("benign", "attack")
        return LABEL_CONFLICT, (
            f"its name says {said[label.label]}; that of {others[0]}, which has the same content, "
            f"says {said[1 - label.label]}"
        )
    if file.rows_expected is not None and file.rows_expected != survey.rows:
        return BAD_COUNT, (
            f"data_summary.csv says {file.rows_expected} rows, the file has {survey.rows}"
        )
    original_id, original = known.get((sha256, label.device), (file.file_id, ""))
    return None if original_id == file.file_id else (SAME_CONTENT, f"the same as {original}")
