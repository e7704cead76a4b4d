"""The job ``train``: benign records to a model, the new champion."""

from __future__ import annotations

from iotscore.cli.arguments import job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.stages import train_stage


def main(argv: list[str]) -> int:
    """Train and return the exit code."""
    parser = job_parser("train", "Benign records to a model, the new champion.", reads_input=False)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--candidate", action="store_true", help="keep the champion; models promote may change it"
    )
    which.add_argument(
        "--anew", action="store_true", help="although there are models and their champion was lost"
    )
    return run_job("train", parser.parse_args(argv), _train)


def _train(job: Job) -> None:
    arguments = job.arguments
    print(train_stage(job, is_candidate=arguments.candidate, is_anew=arguments.anew))
