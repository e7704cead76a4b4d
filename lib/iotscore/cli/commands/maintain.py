"""The job ``maintain``: delete expired rows, keep tables small and quick, print the result."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from iotscore.cli.arguments import job_parser
from iotscore.cli.console import figures_table, open_console
from iotscore.cli.job import Job, run_job
from iotscore.maintenance.clock import require_steady_clock
from iotscore.maintenance.stage import maintain

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.maintenance.retention import Expired
    from iotscore.warehouse.compaction import Compaction

_LOG = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Maintain and return the exit code."""
    parser = job_parser("maintain", "Keep the tables small and quick.", reads_input=False)
    parser.add_argument(
        "--after-pause",
        action="store_true",
        help="although no job ran for longer than maintain.pause_days, or the clock was corrected",
    )
    return run_job("maintain", parser.parse_args(argv), _maintain)


def _maintain(job: Job) -> None:
    print_upkeep(maintain_stage(job))


def maintain_stage(job: Job) -> Mapping[str, Compaction]:
    """Delete what has expired, compact every table; return what was done, by table.

    Where tables cannot be compacted, rows expire all the same.

    Raises
    ------
    WarehouseError
        The times of the last runs are far apart, and nobody says that it was a pause.
    """
    options = job.settings.maintain
    if not job.arguments.after_pause:
        require_steady_clock(job.warehouse, options.pause_days, datetime.now(UTC))
    with job.runs.stage("maintain") as stage:
        done = maintain(job.context(), options, options)
        stage.report(done)
    if done.expired is not None:
        _log_expired(done.expired)
    if done.unsupported is not None:
        _LOG.warning("maintain: no table was compacted: %s", done.unsupported)
        return {}
    freed = sum(table.bytes_freed for table in done.tables.values())
    _LOG.info(
        "maintain: %d tables, %s freed (%.1f s)", len(done.tables), _size(freed), stage.seconds
    )
    return done.tables


def _log_expired(expired: Expired) -> None:
    for ledger, rows in expired.rows.items():
        _LOG.info("maintain: %s: %d rows have expired", ledger.removesuffix("_files"), rows)
    if expired.uncounted:
        _LOG.warning(
            "maintain: scores of %d files are old enough to go and stay, because no evaluation has "
            "counted them: run the job evaluate",
            expired.uncounted,
        )
    if expired.models:
        _LOG.info("maintain: bundles of %s have expired", ", ".join(expired.models))


def print_upkeep(done: Mapping[str, Compaction]) -> None:
    """Print a row per table."""
    headings = ("table", "data files", "now", "deleted", "freed", "log files", "now")
    table = figures_table("Tables", headings, texts=("table",))
    for name, one in done.items():
        counts = (one.files_before, one.files_after, one.files_deleted)
        logs = (one.log_files_before, one.log_files_after)
        table.add_row(name, *map(str, counts), _size(one.bytes_freed), *map(str, logs))
    open_console().print(table)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
