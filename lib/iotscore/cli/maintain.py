"""The job ``maintain``: keep a warehouse small and quick, print what became of each table."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from rich.table import Table

from iotscore.cli.options import maintain_options
from iotscore.cli.summary import open_console
from iotscore.spark.maintain import maintain

if TYPE_CHECKING:
    from iotscore.cli.job import Job
    from iotscore.storage.upkeep import Upkeep

_LOG = logging.getLogger(__name__)


def maintain_stage(job: Job) -> dict[str, Upkeep]:
    """Keep up every table; return what was done, by table."""
    with job.runs.stage("maintain") as stage:
        done = maintain(job.warehouse, maintain_options(job.settings), stage)
    freed = sum(one.bytes_freed for one in done.values())
    _LOG.info("maintain: %d tables, %s freed (%.1f s)", len(done), _size(freed), stage.seconds)
    return done


def print_upkeep(done: dict[str, Upkeep]) -> None:
    """Print a row per table."""
    table = Table(title="Tables", title_justify="left")
    table.add_column("table")
    for heading in ("data files", "now", "deleted", "freed", "log files", "now"):
        table.add_column(heading, justify="right")
    for name, one in done.items():
        counts = (one.files_before, one.files_after, one.files_deleted)
        logs = (one.log_files_before, one.log_files_after)
        table.add_row(name, *map(str, counts), _size(one.bytes_freed), *map(str, logs))
    open_console().print(table)


def _size(size: int) -> str:
    return f"{size / 1e6:,.1f} MB"
