"""The job ``suppress``: what people are not to hear of for a while, and why."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime, time

from iotscore.alerts.suppress import hidden, suppression
from iotscore.alerts.suppression import SCOPE
from iotscore.cli.arguments import job_parser, parse_day
from iotscore.cli.job import Job, run_job
from iotscore.errors import one_line


def main(argv: list[str]) -> int:
    """Write or preview a suppression and return the exit code."""
    parser = job_parser("suppress", "Hide alerts or flagged records.", reads_input=False)
    for name, text in (
        ("kind", "a kind of alert, or record for flagged records; all if not given"),
        ("device", "name of the device; %% stands for any text, as in the next two"),
        ("feature", "the alert's feature, or the one that contributes most to a record"),
        ("source-file", "file of a flagged record"),
    ):
        parser.add_argument(f"--{name}", metavar="PATTERN", help=text)
    parser.add_argument("--reason", required=True, metavar="TEXT", help="why")
    parser.add_argument("--author", default=getpass.getuser(), help="who; you if not given")
    parser.add_argument(
        "--expires",
        type=parse_day,
        metavar="YYYY-MM-DD",
        help="first day, UTC, on which it counts no more; never if not given",
    )
    parser.add_argument("--preview", action="store_true", help="only say what it would hide")
    return run_job("suppress", parser.parse_args(argv), _suppress)


def _suppress(job: Job) -> None:
    arguments = job.arguments
    expires = arguments.expires and datetime.combine(arguments.expires, time(), UTC)
    scope = {name: getattr(arguments, name) for name in SCOPE}
    row = suppression(scope, arguments.reason, arguments.author, expires)
    counts = hidden(job.warehouse, row)
    if not arguments.preview:
        job.warehouse.append("suppressions", [row])
    print(f"{'would hide' if arguments.preview else 'hides'} {counts.total():,}")
    for (kind, device), count in sorted(counts.items(), key=str):
        print(f"{count:>10,}  {one_line(kind)}  {one_line(device or 'all devices')}")
