"""The job ``report``: a page for people, from the tables as they are; nothing is written there."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from iotscore.cli.arguments import absolute, add_model, job_parser
from iotscore.cli.job import checked_settings, configured_warehouse, guarded, session
from iotscore.report.folder import write_report
from iotscore.report.output_folder import prepare_folder
from iotscore.report.read import read_night

if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse

_LOG = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Write the report, print where it is, and return the exit code."""
    parser = job_parser(
        "report", "Write a report of the newest day: one HTML page.", reads_input=False
    )
    add_model(parser)
    parser.add_argument(
        "--out", required=True, metavar="DIR", help="local folder for report.html and its pictures"
    )
    arguments = parser.parse_args(argv)
    return guarded("report", lambda: _run(arguments))


def report(warehouse: Warehouse, out: Path, model_version: str | None) -> Path:
    """Write the report of the newest day, by a model or the champion; return the page.

    ``out`` is what :func:`iotscore.report.output_folder.prepare_folder` has returned.
    """
    start = time.monotonic()
    night = read_night(warehouse, model_version)
    page, *pictures = write_report(night, out)
    _LOG.info(
        "report: %s by model %s, a page and %d pictures (%.1f s)",
        night.today.day,
        night.model.version,
        len(pictures),
        time.monotonic() - start,
    )
    return page


def _run(arguments: argparse.Namespace) -> None:
    settings = checked_settings(arguments)
    out = prepare_folder(arguments.out)
    with session("report") as spark:
        warehouse = configured_warehouse(spark, absolute(arguments.warehouse), settings)
        print(report(warehouse, out, arguments.model))
