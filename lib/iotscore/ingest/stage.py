"""Landing files to ``traffic``: every line becomes a record or a quarantine row, once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iotscore import failpoints
from iotscore.errors import ChangedSourceError, InputError, one_line
from iotscore.ingest.chunk_reader import ChunkReader, ReadProgress, survey_all
from iotscore.ingest.ledger import describe_refusals, ledger_row, reconcile, warn
from iotscore.ingest.plan import Plan, is_untouched, make_plan, refused_unchanged, with_event_day
from iotscore.ingest.quarantine import quarantine
from iotscore.landing.event_days import (
    EVERY_DAY,
    Days,
    captured_in,
    named_among,
    newest_plausible_day,
    screened,
)
from iotscore.landing.file_changes import changes, some
from iotscore.landing.folder import discover
from iotscore.warehouse.file_status import INGESTED, REPLACED
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.record_sums import RecordSum
from iotscore.warehouse.records import with_constants
from iotscore.warehouse.schemas import RECORD_COLUMNS, TABLES
from iotscore.warehouse.selection import rows_where

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

    from iotscore.ingest.chunk_reader import Piece
    from iotscore.ingest.plan import IngestOptions
    from iotscore.landing.folder import Landing, LandingFile
    from iotscore.models.context import Context

_NOTHING: Final = RecordSum()


@dataclass(frozen=True)
class IngestResult:
    """What became of the files of a landing folder.

    Attributes
    ----------
    rows
        Lines read of the files that were ingested now.
    files_found, files_known, files_ignored
        Files in the folder that count, ingested before, and of other kinds.
    files_still_refused
        Those that were refused before and lie there as before.
    files_reconciled
        Those whose lines ``data_summary.csv`` states.
    refusal
        Which files were refused now and why; None if none was.
    """

    rows: int
    files_found: int
    files_known: int
    files_ingested: int
    files_replaced: int
    files_refused: int
    files_still_refused: int
    files_ignored: int
    files_reconciled: int
    rows_accepted: int
    rows_quarantined: int
    refusal: str | None = None

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        return {
            name: value for name, value in vars(self).items() if name not in {"rows", "refusal"}
        }


def ingest(
    context: Context,
    folder: str,
    options: IngestOptions,
    *,
    days: Days = EVERY_DAY,
    only: frozenset[str] | None = None,
) -> IngestResult:
    """Ingest what is new in a landing folder.

    Rows are committed first and the ledger last, each in one commit, so a file is in ``traffic``
    whole or not at all (see :func:`iotscore.runs.run_log.recover`).

    Parameters
    ----------
    days
        Whose files are ingested.
    only
        Paths below the landing folder of the files that are ingested; None: of all.

    Raises
    ------
    InputError
        The folder cannot be read or holds no CSV file, or a file changed while it was read.
    ReconciliationError
        Lines read are not rows accepted plus rows quarantined.
    """
    landing = discover(folder, options.patterns, follow_links=options.follow_links)
    if not landing.files and not landing.unusable:
        message = f"the input folder {folder!r} holds no CSV file; give --input the folder of them"
        raise InputError(message)
    landing = screened(landing, newest_plausible_day(), options.most_file_bytes)
    listed = {file.file_id: reason for file, reason, _ in landing.unusable}
    refused_before = refused_unchanged(landing.deliveries, context.deliveries, options, listed)
    today = datetime.now(UTC).date()
    landing = captured_in(landing, days, today)
    if only is not None:
        landing = named_among(landing, only)
    candidates = [
        with_event_day(file, today)
        for file in landing.files
        if file.file_id not in refused_before
        and not is_untouched(file, context.ingested.get(file.file_id))
    ]
    unusable = [each for each in landing.unusable if each[0].file_id not in refused_before]
    surveys = survey_all(context.warehouse.spark, folder, candidates, options.chunk_bytes)
    plan = make_plan(candidates, surveys, unusable, context.ingested, options)
    progress = ReadProgress(context.warehouse.spark)
    accepted = _write_traffic(context, folder, plan, progress)
    _check_sources(folder, plan, progress)
    ledger = _reconciled(context, folder, plan, options, landing, accepted, progress)
    _record_ingested(context, ledger, plan)
    still_refused = [
        file.source_file for file in landing.deliveries if file.file_id in refused_before
    ]
    warn(landing, ledger, plan.shared, still_refused)
    return _result(landing, ledger, plan, len(context.ingested), len(still_refused))


def _write_traffic(
    context: Context, folder: str, plan: Plan, progress: ReadProgress
) -> dict[str, RecordSum]:
    """Write the accepted records to ``traffic``; return their number and hash sum by file id.

    Earlier records of replaced files go in the commit in which the new ones come.
    """
    if not plan.accept:
        return {}
    reader = ChunkReader(context.warehouse.spark, folder, plan.accept, progress)
    described = {file.file_id: _description(file) for file, _ in plan.accept}
    schema = TABLES["traffic"].arrow_schema
    schema = schema.remove(schema.get_field_index("ingest_run"))

    def accepted_rows(pieces: list[Piece]) -> Iterator[pa.Table]:
        for file_id, parsed in reader.read(pieces):
            yield with_constants(parsed.accepted, described[file_id], schema)
            progress.lines.add(parsed.lines)
            failpoints.hit_in_worker("ingest chunk")

    total = sum(survey.rows for _, survey in plan.accept)
    with rows_progress("ingest", progress.lines, total):
        return context.warehouse.map_tasks(
            reader.tasks,
            accepted_rows,
            "traffic",
            {"ingest_run": context.run_id},
            replacing=rows_where(file_id=plan.replaced) if plan.replaced else None,
        )


def _description(file: LandingFile) -> dict[str, Any]:
    """Return what a file's name says about all of its records."""
    known: dict[str, Any] = {} if file.label is None else dict(vars(file.label))
    known |= {"file_id": file.file_id, "source_file": file.source_file}
    return {name: known.get(name) for name in RECORD_COLUMNS if name != "row_no"}


def _check_sources(folder: str, plan: Plan, progress: ReadProgress) -> None:
    """Raise if a file is not what was surveyed: its rows may be of two contents."""
    if found := progress.faults.value | changes(folder, [file for file, _ in plan.accept]):
        changed = [f"{one_line(path)} ({what})" for path, what in sorted(found.items())]
        message = (
            f"{len(found)} file(s) changed, or could not be read to the end, while ingest read "
            f"them: {some(changed)}. This run has written nothing; run ingest again once they are "
            "delivered whole"
        )
        raise ChangedSourceError(message)


def _reconciled(
    context: Context,
    folder: str,
    plan: Plan,
    options: IngestOptions,
    landing: Landing,
    accepted: dict[str, RecordSum],
    progress: ReadProgress,
) -> list[dict[str, Any]]:
    """Write quarantine and return the ledger's rows, once all counts agree."""
    done = {file.file_id: accepted.get(file.file_id, _NOTHING) for file, _ in plan.accept}
    damaged = [
        (file, survey) for file, survey in plan.accept if done[file.file_id].rows != survey.rows
    ]
    if plan.replaced:
        of_lines = f"row_no IS NOT NULL AND {rows_where(file_id=plan.replaced).sql()}"
        context.warehouse.delete("quarantine", of_lines)
    now = datetime.now(UTC)
    stamp = {"run_id": context.run_id, "quarantined_at": now}
    limit = options.quarantine_text_limit
    quarantined = quarantine(
        context.warehouse, folder, damaged, plan.refuse, stamp, limit, progress
    )
    _check_sources(folder, plan, progress)
    ledger = [
        ledger_row(file, survey, done[file.file_id], quarantined.get(file.file_id, _NOTHING).rows)
        for file, survey in plan.accept
    ]
    reconcile(ledger)
    ledger += [
        ledger_row(file, survey, None, survey.rows, reason)
        for file, survey, reason, _ in plan.refuse
    ]
    common = {"run_id": context.run_id, "ingested_at": now, "is_synthetic": landing.is_synthetic}
    return [row | common for row in ledger]


def _record_ingested(context: Context, ledger: Sequence[dict[str, Any]], plan: Plan) -> None:
    """Write the ledger in one commit, in which replaced deliveries get their new status."""
    if not plan.replaced:
        context.warehouse.append("ingest_files", ledger)
        return
    kept = [
        row | {"status": REPLACED} if row["status"] == INGESTED else row
        for row in context.deliveries
        if row["file_id"] in plan.replaced
    ]
    condition = rows_where(file_id=plan.replaced) | rows_where(run_id=context.run_id)
    context.warehouse.replace("ingest_files", [*kept, *ledger], condition)


def _result(
    landing: Landing, ledger: Sequence[dict[str, Any]], plan: Plan, known: int, still_refused: int
) -> IngestResult:
    done = [row for row in ledger if row["status"] == INGESTED]
    return IngestResult(
        rows=sum(row["rows_read"] for row in done),
        files_found=len(landing.files) + len(landing.unusable),
        files_known=known,
        files_ingested=len(done),
        files_replaced=len(plan.replaced),
        files_refused=len(ledger) - len(done),
        files_still_refused=still_refused,
        files_ignored=len(landing.ignored),
        files_reconciled=sum(row["rows_expected"] is not None for row in done),
        rows_accepted=sum(row["rows_accepted"] for row in done),
        rows_quarantined=sum(row["rows_quarantined"] for row in done),
        refusal=describe_refusals(plan) if plan.refuse else None,
    )
