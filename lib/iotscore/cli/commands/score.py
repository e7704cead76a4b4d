"""The job ``score``: records to the table scores."""

from __future__ import annotations

from iotscore.cli.arguments import add_days, add_model, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.stages import score_stage


def main(argv: list[str]) -> int:
    """Score and return the exit code."""
    parser = job_parser("score", "Score what the model has not scored yet.", reads_input=False)
    add_model(parser)
    add_days(parser)
    return run_job("score", parser.parse_args(argv), _score)


def _score(job: Job) -> None:
    score_stage(job, job.arguments.model)
