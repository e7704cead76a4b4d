"""The job ``nightly``: ingest, train if there is no champion yet, score, and what follows."""

from __future__ import annotations

from iotscore.cli.arguments import add_days, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.monitor import (
    add_fail_on,
    channels_of,
    end_night,
    monitor_stage,
    print_alerts,
)
from iotscore.cli.recorder import add_outcome
from iotscore.cli.stages import (
    evaluate_stage,
    explain_stage,
    ingest_stage,
    report_stage,
    score_stage,
    train_stage,
)
from iotscore.cli.tables.night import print_nightly
from iotscore.errors import RefusalError
from iotscore.explain.stage import explain_ahead
from iotscore.models.registry import champion
from iotscore.monitoring.tasks import count_ahead


def main(argv: list[str]) -> int:
    """Run the stages in order, stop at the first failure, and return the exit code.

    Files that ingest refused are no reason not to score the others; the exit code says so.
    """
    description = (
        "Ingest what is new, train if there is no champion, score, evaluate, explain, monitor, and "
        "write the report if it is asked for."
    )
    parser = job_parser("nightly", description, reads_input=True)
    parser.add_argument("--train", action="store_true", help="train a new champion first")
    parser.add_argument("--report", metavar="DIR", help="write a report into this folder")
    add_days(parser)
    add_fail_on(parser)
    add_outcome(parser)
    return run_job("nightly", parser.parse_args(argv), _nightly)


def _nightly(job: Job) -> None:
    # A receiver that cannot be named must not wait for the night's end.
    channels = channels_of(job.settings)
    refusal = None
    try:
        ingest_stage(job)
    except RefusalError as error:
        refusal = error
    if job.arguments.train or champion(job.warehouse) is None:
        train_stage(job)
    version = score_stage(job, None, (explain_ahead, count_ahead))
    evaluation_id = evaluate_stage(job, version)
    explain_stage(job, version)
    done = monitor_stage(job, version, channels)
    print_nightly(job, version, evaluation_id)
    print_alerts(done.alerts)
    if job.arguments.report is not None:
        report_stage(job, job.arguments.report, version)
    end_night(done, job.arguments.fail_on, refusal)
