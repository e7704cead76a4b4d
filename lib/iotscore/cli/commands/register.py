"""The job ``register``: tables and views under names in a catalogue."""

from __future__ import annotations

import logging

from iotscore.cli.arguments import home, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.query.catalogue import SESSION_CATALOGUE, check_lasts, check_plain, register
from iotscore.query.views import read_views

_LOG = logging.getLogger(__name__)


def main(argv: list[str]) -> int:
    """Register and return the exit code."""
    parser = job_parser("register", "Register tables and views.", reads_input=False)
    parser.add_argument("--schema", required=True, metavar="NAME", help="made if it is not there")
    parser.add_argument(
        "--catalog",
        default=SESSION_CATALOGUE,
        metavar="NAME",
        help=f"{SESSION_CATALOGUE}, the session's own, if not given",
    )
    return run_job("register", parser.parse_args(argv), _register)


def _register(job: Job) -> None:
    catalogue, schema = job.arguments.catalog, job.arguments.schema
    views = read_views(home() / "conf" / "sql" / "views")
    check_lasts(job.warehouse.spark, check_plain("--catalog", catalogue))
    done = register(job.warehouse, catalogue, schema, views)
    _LOG.info(
        "register: %d tables (%d new) and %d views in %s",
        *(done.tables, len(done.new_tables), done.views, done.schema),
    )
    print(done.schema)
