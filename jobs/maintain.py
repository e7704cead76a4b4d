"""Keep the tables small and quick: merge small files, delete dead ones, shorten the logs.

./spark-submit.sh maintain --warehouse DIR [--after-pause]
"""

from __future__ import annotations

import sys

from iotscore.cli.arguments import job_parser
from iotscore.cli.commands.maintain import maintain_stage, print_upkeep
from iotscore.cli.job import Job, run_job


def main(argv: list[str]) -> int:
    """Maintain and return the exit code."""
    parser = job_parser("maintain", "Keep the tables small and quick.", reads_input=False)
    parser.add_argument(
        "--after-pause",
        action="store_true",
        help="although no job ran for longer than maintain.pause_days, or the clock was mended",
    )
    return run_job("maintain", parser.parse_args(argv), _maintain)


def _maintain(job: Job) -> None:
    print_upkeep(maintain_stage(job))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
