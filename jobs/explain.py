"""Flagged records to the tables explanations and incidents: what was flagged, and why.

./spark-submit.sh explain --warehouse DIR [--model VERSION]
"""

from __future__ import annotations

import sys

from iotscore.cli import Job, run_job
from iotscore.cli.arguments import add_model, job_parser
from iotscore.cli.stages import explain_stage


def main(argv: list[str]) -> int:
    """Explain and return the exit code."""
    parser = job_parser("explain", "Say why records are flagged.", reads_input=False)
    add_model(parser)
    return run_job("explain", parser.parse_args(argv), _explain)


def _explain(job: Job) -> None:
    explain_stage(job, job.arguments.model)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
