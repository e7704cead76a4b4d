"""Landing files to ``traffic``: every line becomes a record or a quarantine row, once."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from iotscore.errors import InputError, ReconciliationError
from iotscore.landing.discover import discover
from iotscore.spark.csv_tasks import quarantine_frame, survey_all, traffic_frame, write_traffic
from iotscore.spark.progress import rows_progress
from iotscore.spark.tasks import rows_of_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from iotscore.landing.discover import Landing, LandingFile
    from iotscore.landing.survey import Survey
    from iotscore.spark.runs import Stage
    from iotscore.spark.tables import Warehouse

_LOG = logging.getLogger(__name__)

INGESTED: Final = "ingested"
REFUSED: Final = "refused"
BAD_NAME: Final = "name_not_recognised"
BAD_COUNT: Final = "row_count_mismatch"


@dataclass(frozen=True)
class IngestOptions:
    """How to ingest; ``conf/base.yaml`` explains each value."""

    patterns: tuple[str, ...]
    chunk_bytes: int
    quarantine_text_limit: int


@dataclass
class _Plan:
    """What is to be done about each new file."""

    accept: list[tuple[LandingFile, Survey]] = field(default_factory=list)
    refuse: list[tuple[LandingFile, Survey, str, str]] = field(default_factory=list)
    changed: list[LandingFile] = field(default_factory=list)


def ingest(
    warehouse: Warehouse, folder: str, options: IngestOptions, run_id: str, stage: Stage
) -> None:
    """Ingest what is new in a landing folder.

    Rows are committed first and the ledger last, each in one commit, so a file is in ``traffic``
    whole or not at all (see :func:`iotscore.spark.runs.recover`).

    Parameters
    ----------
    warehouse
        Where to.
    folder
        Landing folder.
    options
        How.
    run_id
        Stamped on every row.
    stage
        Gets rows and counts.

    Raises
    ------
    InputError
        The folder cannot be read or holds no CSV file, or a file was changed after its ingest.
    ReconciliationError
        A file's rows disagree with ``data_summary.csv``, or lines read are not rows accepted plus
        rows quarantined.
    """
    landing = discover(folder, options.patterns)
    if not landing.files:
        message = f"the input folder {folder!r} holds no CSV file; give --input the folder of them"
        raise InputError(message)
    ledger_rows = warehouse.rows("ingest_files")
    seen = {row["file_id"]: row for row in ledger_rows if row["status"] == INGESTED}
    refused_before = _refused_unchanged(landing.files, ledger_rows)
    candidates = [
        file
        for file in landing.files
        if file.file_id not in refused_before and not _is_untouched(file, seen.get(file.file_id))
    ]
    candidates = [_with_event_day(file, datetime.now(UTC).date()) for file in candidates]
    surveys = survey_all(warehouse.spark, folder, candidates, options.chunk_bytes)
    plan = _plan(candidates, surveys, {file_id: row["sha256"] for file_id, row in seen.items()})
    accepted = _write_traffic(warehouse, folder, plan, run_id)
    ledger = _settle(warehouse, folder, plan, options, run_id, landing, accepted)
    warehouse.append_rows("ingest_files", ledger)
    _report(stage, landing, ledger, len(seen), len(refused_before))
    _raise_faults(plan)


def _with_event_day(file: LandingFile, today: date) -> LandingFile:
    """Give a file whose name tells no day the day of its ingest."""
    if file.label is None or file.label.event_day is not None:
        return file
    return replace(file, label=replace(file.label, event_day=today))


def _is_untouched(file: LandingFile, row: dict[str, Any] | None) -> bool:
    """Say whether a file is in the ledger with the same size and time of change."""
    return row is not None and row["bytes"] == file.size and row["modified_at"] == file.modified_at


def _refused_unchanged(files: Sequence[LandingFile], ledger: Sequence[dict[str, Any]]) -> set[str]:
    """Return files that were refused before and have not changed since."""
    by_id: dict[str, list[dict[str, Any]]] = {}
    for row in ledger:
        if row["status"] == REFUSED:
            by_id.setdefault(row["file_id"], []).append(row)
    return {
        file.file_id
        for file in files
        if any(_is_untouched(file, row) for row in by_id.get(file.file_id, []))
    }


def _plan(
    files: Sequence[LandingFile], surveys: dict[str, Survey], checksums: dict[str, str]
) -> _Plan:
    plan = _Plan()
    for file in files:
        survey = surveys[file.file_id]
        if file.file_id in checksums:
            if survey.sha256 != checksums[file.file_id]:
                plan.changed.append(file)
        elif file.label is None:
            plan.refuse.append((file, survey, BAD_NAME, "no pattern of ingest.patterns fits"))
        elif survey.fault is not None:
            plan.refuse.append((file, survey, survey.fault, survey.fault_detail or ""))
        elif file.rows_expected is not None and file.rows_expected != survey.rows:
            detail = f"data_summary.csv says {file.rows_expected} rows, the file has {survey.rows}"
            plan.refuse.append((file, survey, BAD_COUNT, detail))
        else:
            plan.accept.append((file, survey))
    return plan


def _write_traffic(warehouse: Warehouse, folder: str, plan: _Plan, run_id: str) -> dict[str, int]:
    """Add the accepted records to ``traffic`` in one commit; return their number by file id."""
    if not plan.accept:
        return {}
    spark = warehouse.spark
    total = sum(survey.rows for _, survey in plan.accept)
    done = spark.sparkContext.accumulator(0)
    with rows_progress("ingest", done, total):
        if warehouse.is_direct:
            warehouse.create("traffic")
            target = warehouse.local_path("traffic")
            files = write_traffic(spark, folder, plan.accept, target, run_id, done)
            warehouse.add_files("traffic", files)
            return rows_of_file(files)
        warehouse.append("traffic", traffic_frame(spark, folder, plan.accept, run_id, done))
    return _count(warehouse, "traffic", "ingest_run", run_id)


def _settle(
    warehouse: Warehouse,
    folder: str,
    plan: _Plan,
    options: IngestOptions,
    run_id: str,
    landing: Landing,
    accepted: dict[str, int],
) -> list[dict[str, Any]]:
    """Write quarantine and return the ledger's rows, once all counts agree."""
    damaged = [
        (file, survey)
        for file, survey in plan.accept
        if accepted.get(file.file_id, 0) != survey.rows
    ]
    now = datetime.now(UTC)
    refusals = [_file_refusal(file, reason, detail, run_id, now)
                for file, _, reason, detail in plan.refuse]  # fmt: skip
    if damaged or refusals:
        frame = warehouse.to_frame("quarantine", refusals)
        if damaged:
            limit = options.quarantine_text_limit
            lines = quarantine_frame(warehouse.spark, folder, damaged, run_id, limit)
            frame = frame.unionByName(lines)
        warehouse.append("quarantine", frame)
    quarantined = _count(warehouse, "quarantine", "run_id", run_id) if damaged else {}
    ledger = [
        _ledger_row(
            file,
            survey,
            accepted.get(file.file_id, 0),
            quarantined.get(file.file_id, 0),
            (INGESTED, None),
        )
        for file, survey in plan.accept
    ]
    _reconcile(ledger)
    ledger += [
        _ledger_row(file, survey, 0, survey.rows, (REFUSED, reason))
        for file, survey, reason, _ in plan.refuse
    ]
    common = {"run_id": run_id, "ingested_at": now, "is_synthetic": landing.is_synthetic}
    return [row | common for row in ledger]


def _count(warehouse: Warehouse, table: str, run_column: str, run_id: str) -> dict[str, int]:
    """Count this run's record rows of a table by file."""
    mine = (F.col(run_column) == run_id) & F.col("row_no").isNotNull()
    counts = warehouse.read(table).where(mine).groupBy("file_id").count()
    return {row["file_id"]: row["count"] for row in counts.collect()}


def _ledger_row(
    file: LandingFile,
    survey: Survey,
    accepted: int,
    quarantined: int,
    outcome: tuple[str, str | None],
) -> dict[str, Any]:
    status, reason = outcome
    label = {} if file.label is None else vars(file.label)
    return {
        **label,
        "file_id": file.file_id,
        "source_file": file.source_file,
        "bytes": survey.size,
        "sha256": survey.sha256,
        "modified_at": file.modified_at,
        "rows_read": survey.rows,
        "rows_accepted": accepted,
        "rows_quarantined": quarantined,
        "rows_expected": file.rows_expected,
        "status": status,
        "reason": reason,
    }


def _file_refusal(
    file: LandingFile, reason: str, detail: str, run_id: str, now: datetime
) -> dict[str, Any]:
    return {
        "file_id": file.file_id,
        "source_file": file.source_file,
        "reason": reason,
        "detail": detail,
        "run_id": run_id,
        "quarantined_at": now,
    }


def _reconcile(ledger: Sequence[dict[str, Any]]) -> None:
    wrong = [
        f"{row['source_file']}: read {row['rows_read']}, accepted {row['rows_accepted']}, "
        f"quarantined {row['rows_quarantined']}"
        for row in ledger
        if row["rows_read"] != row["rows_accepted"] + row["rows_quarantined"]
    ]
    if wrong:
        message = (
            f"lines read must be rows accepted plus rows quarantined; {len(wrong)} file(s) "
            f"disagree: {'; '.join(wrong[:5])}. Did the file change while it was read? Nothing "
            "was kept; run ingest again"
        )
        raise ReconciliationError(message)


def _report(
    stage: Stage, landing: Landing, ledger: Sequence[dict[str, Any]], known: int, refused: int
) -> None:
    done = [row for row in ledger if row["status"] == INGESTED]
    stage.rows = sum(row["rows_read"] for row in done)
    stage.details = {
        "files_found": len(landing.files),
        "files_known": known,
        "files_ingested": len(done),
        "files_refused": len(ledger) - len(done),
        "files_refused_before": refused,
        "files_reconciled": sum(row["rows_expected"] is not None for row in done),
        "rows_accepted": sum(row["rows_accepted"] for row in done),
        "rows_quarantined": sum(row["rows_quarantined"] for row in done),
    }
    for row in ledger:
        if row["status"] == REFUSED:
            _LOG.warning(
                "refused %s: %s; see the table quarantine", row["source_file"], row["reason"]
            )


def _raise_faults(plan: _Plan) -> None:
    if plan.changed:
        names = ", ".join(file.source_file for file in plan.changed[:5])
        message = (
            f"{len(plan.changed)} file(s) changed after their ingest: {names}. Their records in "
            "traffic are those of the first delivery; deliver changed data under a new name, or "
            "put the old file back"
        )
        raise InputError(message)
    if counts := [
        f"{file.source_file}: {detail}"
        for file, _, reason, detail in plan.refuse
        if reason == BAD_COUNT
    ]:
        message = (
            f"{len(counts)} file(s) do not have the rows that data_summary.csv states and were "
            f"refused: {'; '.join(counts[:5])}. Deliver them whole, or mend data_summary.csv; the "
            "other files are ingested"
        )
        raise ReconciliationError(message)
