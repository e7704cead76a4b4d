"""The job ``monitor``: new days compared; what moved, is missing or is too much is an alert."""

from __future__ import annotations

from iotscore.cli.arguments import add_model, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.monitor import (
    add_fail_on,
    channels_of,
    end_night,
    monitor_stage,
    print_alerts,
)
from iotscore.cli.recorder import add_outcome


def main(argv: list[str]) -> int:
    """Monitor and return the exit code."""
    parser = job_parser("monitor", "Watch over drift, volumes and alert rates.", reads_input=False)
    add_model(parser)
    add_fail_on(parser)
    add_outcome(parser)
    return run_job("monitor", parser.parse_args(argv), _monitor)


def _monitor(job: Job) -> None:
    done = monitor_stage(job, job.arguments.model, channels_of(job.settings))
    print_alerts(done.alerts)
    end_night(done, job.arguments.fail_on)
