"""Landing files to ``traffic``: every line becomes a record or a quarantine row, once."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iotscore.errors import ChangedSourceError, InputError, RefusalError, one_line
from iotscore.ingest.chunk_reader import ReadNews
from iotscore.ingest.ledger import (
    file_condition,
    file_refusal,
    ledger_row,
    reconcile,
    tell_refusals,
    warn,
)
from iotscore.ingest.plan import (
    INGESTED,
    REFUSED,
    REPLACED,
    Plan,
    is_untouched,
    make_plan,
    refused_unchanged,
    with_event_day,
)
from iotscore.ingest.quarantine import quarantine
from iotscore.ingest.tasks import survey_all, traffic_frame, write_traffic
from iotscore.landing.event_days import (
    EVERY_DAY,
    Days,
    captured_in,
    named_among,
    newest_plausible_day,
)
from iotscore.landing.file_changes import changes, some
from iotscore.landing.folder import discover
from iotscore.landing.screen import screened
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.record_sums import RecordSum
from iotscore.warehouse.tasks import sums_by_query, sums_of_file

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.ingest.plan import IngestOptions
    from iotscore.landing.folder import Landing
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.tables import Warehouse


_NOTHING: Final = RecordSum()


def ingest(
    warehouse: Warehouse,
    folder: str,
    options: IngestOptions,
    run_id: str,
    stage: Stage,
    *,
    days: Days = EVERY_DAY,
    only: frozenset[str] | None = None,
) -> None:
    """Ingest what is new in a landing folder.

    Rows are committed first and the ledger last, each in one commit, so a file is in ``traffic``
    whole or not at all (see :func:`iotscore.runs.run_log.recover`).

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
    days
        Whose files are ingested.
    only
        Paths below the landing folder of the files that are ingested; None: of all.

    Raises
    ------
    InputError
        The folder cannot be read or holds no CSV file, or a file changed while it was read.
    RefusalError
        Files were refused that were not before, or not for this reason; everything else is
        ingested.
    ReconciliationError
        Lines read are not rows accepted plus rows quarantined.
    """
    landing = discover(folder, options.patterns, follow_links=options.follow_links)
    if not landing.files and not landing.unusable:
        message = f"the input folder {folder!r} holds no CSV file; give --input the folder of them"
        raise InputError(message)
    landing = screened(landing, newest_plausible_day(), options.most_file_bytes)
    ledger_rows = warehouse.rows("ingest_files")
    seen = {row["file_id"]: row for row in ledger_rows if row["status"] == INGESTED}
    listed = {file.file_id: reason for file, reason, _ in landing.unusable}
    lying = [*landing.files, *(file for file, *_ in landing.unusable)]
    refused_before = refused_unchanged(lying, ledger_rows, options, listed)
    today = datetime.now(UTC).date()
    landing = captured_in(landing, days, today)
    if only is not None:
        landing = named_among(landing, only)
    candidates = [
        with_event_day(file, today)
        for file in landing.files
        if file.file_id not in refused_before and not is_untouched(file, seen.get(file.file_id))
    ]
    unusable = [each for each in landing.unusable if each[0].file_id not in refused_before]
    surveys = survey_all(warehouse.spark, folder, candidates, options.chunk_bytes)
    plan = make_plan(candidates, surveys, unusable, seen, options)
    news = ReadNews(warehouse.spark)
    accepted = _write_traffic(warehouse, folder, plan, run_id, news)
    _check_sources(folder, plan, news)
    ledger = _settle(warehouse, folder, plan, options, run_id, landing, accepted, news)
    _enter(warehouse, ledger, ledger_rows, plan, run_id)
    still_refused = [
        file.source_file
        for file in [*landing.files, *(file for file, *_ in landing.unusable)]
        if file.file_id in refused_before
    ]
    _report(stage, landing, ledger, plan, len(seen), len(still_refused))
    warn(landing, ledger, plan.shared, still_refused)
    _raise_faults(plan)


def _write_traffic(
    warehouse: Warehouse, folder: str, plan: Plan, run_id: str, news: ReadNews
) -> dict[str, RecordSum]:
    """Write the accepted records to ``traffic``; return their number and hash sum by file id.

    Earlier records of replaced files go in the commit in which the new ones come.
    """
    if not plan.accept:
        return {}
    total = sum(survey.rows for _, survey in plan.accept)
    with rows_progress("ingest", news.lines, total):
        if warehouse.is_direct:
            return _write_data_files(warehouse, folder, plan, run_id, news)
        return _write_by_query(warehouse, folder, plan, run_id, news)


def _write_data_files(
    warehouse: Warehouse, folder: str, plan: Plan, run_id: str, news: ReadNews
) -> dict[str, RecordSum]:
    warehouse.create("traffic")
    target = warehouse.local_path("traffic")
    files = write_traffic(warehouse.spark, folder, plan.accept, target, run_id, news)
    if plan.replaced:
        warehouse.exchange_files("traffic", files, plan.replaced)
    else:
        warehouse.add_files("traffic", files)
    return sums_of_file(files)


def _write_by_query(
    warehouse: Warehouse, folder: str, plan: Plan, run_id: str, news: ReadNews
) -> dict[str, RecordSum]:
    new = [(file, survey) for file, survey in plan.accept if file.file_id not in plan.replaced]
    changed = [(file, survey) for file, survey in plan.accept if file.file_id in plan.replaced]
    if any(survey.rows for _, survey in new):
        rows = traffic_frame(warehouse.spark, folder, new, run_id, news)
        warehouse.append("traffic", rows)
    if changed:
        rows = traffic_frame(warehouse.spark, folder, changed, run_id, news)
        warehouse.replace("traffic", rows, file_condition(plan.replaced))
    written = warehouse.frame("traffic", ingest_run=run_id)
    return {file_id: found for (file_id,), found in sums_by_query(written).items()}


def _check_sources(folder: str, plan: Plan, news: ReadNews) -> None:
    """Raise if a file is not what was surveyed: its rows may be of two contents."""
    if found := news.faults.value | changes(folder, plan.accepted_files):
        told = [f"{one_line(path)} ({what})" for path, what in sorted(found.items())]
        message = (
            f"{len(found)} file(s) changed, or could not be read to the end, while ingest read "
            f"them: {some(told)}. Nothing of this run was kept; run ingest again once they are "
            "delivered whole"
        )
        raise ChangedSourceError(message)


def _settle(
    warehouse: Warehouse,
    folder: str,
    plan: Plan,
    options: IngestOptions,
    run_id: str,
    landing: Landing,
    accepted: dict[str, RecordSum],
    news: ReadNews,
) -> list[dict[str, Any]]:
    """Write quarantine and return the ledger's rows, once all counts agree."""
    damaged = [
        (file, survey)
        for file, survey in plan.accept
        if accepted.get(file.file_id, _NOTHING).rows != survey.rows
    ]
    if plan.replaced:
        of_lines = f"row_no IS NOT NULL AND {file_condition(plan.replaced)}"
        warehouse.delete("quarantine", of_lines)
    now = datetime.now(UTC)
    refusals = [file_refusal(file, reason, detail) for file, _, reason, detail in plan.refuse]
    stamp = {"run_id": run_id, "quarantined_at": now}
    limit = options.quarantine_text_limit
    quarantined = quarantine(warehouse, folder, damaged, refusals, stamp, limit, news)
    _check_sources(folder, plan, news)
    ledger = [
        ledger_row(
            file,
            survey,
            accepted.get(file.file_id, _NOTHING).rows,
            quarantined.get(file.file_id, 0),
            (INGESTED, None),
        )
        | {"records_hash": accepted.get(file.file_id, _NOTHING).records_hash}
        for file, survey in plan.accept
    ]
    reconcile(ledger)
    ledger += [
        ledger_row(file, survey, 0, survey.rows, (REFUSED, reason))
        for file, survey, reason, _ in plan.refuse
    ]
    common = {"run_id": run_id, "ingested_at": now, "is_synthetic": landing.is_synthetic}
    return [row | common for row in ledger]


def _report(
    stage: Stage,
    landing: Landing,
    ledger: Sequence[dict[str, Any]],
    plan: Plan,
    known: int,
    still_refused: int,
) -> None:
    done = [row for row in ledger if row["status"] == INGESTED]
    stage.rows = sum(row["rows_read"] for row in done)
    stage.details = {
        "files_found": len(landing.files) + len(landing.unusable),
        "files_known": known,
        "files_ingested": len(done),
        "files_replaced": len(plan.replaced),
        "files_refused": len(ledger) - len(done),
        "files_still_refused": still_refused,
        "files_ignored": len(landing.ignored),
        "files_reconciled": sum(row["rows_expected"] is not None for row in done),
        "rows_accepted": sum(row["rows_accepted"] for row in done),
        "rows_quarantined": sum(row["rows_quarantined"] for row in done),
    }


def _enter(
    warehouse: Warehouse,
    ledger: Sequence[dict[str, Any]],
    earlier: Sequence[dict[str, Any]],
    plan: Plan,
    run_id: str,
) -> None:
    """Write the ledger in one commit, in which replaced deliveries get their new status."""
    if not plan.replaced:
        warehouse.append_rows("ingest_files", ledger)
        return
    kept = [
        row | {"status": REPLACED} if row["status"] == INGESTED else row
        for row in earlier
        if row["file_id"] in plan.replaced
    ]
    condition = f"{file_condition(plan.replaced)} OR run_id = '{run_id}'"
    warehouse.replace_rows("ingest_files", [*kept, *ledger], condition)


def _raise_faults(plan: Plan) -> None:
    """Raise if files were refused."""
    if plan.refuse:
        raise RefusalError(tell_refusals(plan))
