"""The job ``ingest``: landing CSVs to the table traffic."""

from __future__ import annotations

from iotscore.cli.arguments import add_days, job_parser
from iotscore.cli.job import run_job
from iotscore.cli.stages import ingest_stage


def main(argv: list[str]) -> int:
    """Ingest what is new and return the exit code."""
    parser = job_parser("ingest", "Landing CSVs to the table traffic.", reads_input=True)
    add_days(parser)
    return run_job("ingest", parser.parse_args(argv), ingest_stage)
