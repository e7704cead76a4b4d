"""Tables and views under names in the session's catalogue, such as a Hive metastore.

./spark-submit.sh register --warehouse DIR --schema NAME [--catalog NAME]
"""

from __future__ import annotations

import sys

from iotscore.cli.arguments import job_parser
from iotscore.cli.commands.register import register_all
from iotscore.cli.job import Job, run_job
from iotscore.spark.catalogue import SESSION_CATALOGUE


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
    print(register_all(job))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
