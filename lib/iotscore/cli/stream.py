"""The job stream: the stages of a night on a few new files at a time, as they arrive."""

from __future__ import annotations

import logging
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from iotscore.cli.arguments import absolute, home, job_parser
from iotscore.cli.job import Job, guarded, prepare
from iotscore.cli.recorder import stoppable
from iotscore.cli.stages import explain_stage, ingest_stage, score_stage
from iotscore.config import load_settings
from iotscore.errors import BusyError, ModelError, RefusalError
from iotscore.landing.discover import open_folder
from iotscore.spark.lock import writer_lock
from iotscore.spark.registry import champion
from iotscore.spark.session import open_session
from iotscore.spark.stream import stream_files
from iotscore.spark.tables import Warehouse

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

    from iotscore.config import Settings

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 5.0
"""Between two tries to write while another job writes."""


def main(argv: list[str]) -> int:
    """Run the stream and return the exit code."""
    parser = job_parser("stream", "Ingest, score and explain files as they come.", reads_input=True)
    parser.add_argument(
        "--once", action="store_true", help="end when all files that are there have been taken up"
    )
    arguments = parser.parse_args(argv)
    return guarded("stream", lambda: stoppable(lambda: _stream(arguments)))


def _stream(arguments: argparse.Namespace) -> None:
    settings = load_settings(
        home() / "conf", arguments.profile, arguments.config, arguments.assignments
    )
    folder, root = absolute(arguments.input), absolute(arguments.warehouse)
    open_folder(folder)
    spark = open_session("iotscore stream")
    try:
        _require_champion(spark, root, settings)
        refusals: list[RefusalError] = []

        def take(number: int, names: frozenset[str]) -> None:
            with _writing(root):
                job = prepare(spark, root, arguments, settings)
                _LOG.info("stream: batch %d, %d file(s)", number, len(names))
                refusals.extend(_take_up(job, names))

        chosen = settings.stream
        seconds = None if arguments.once else chosen.seconds
        stream_files(spark, folder, root, chosen.files_per_batch, seconds, take)
        if refusals:
            raise refusals[0]
    finally:
        spark.stop()


def _require_champion(spark: SparkSession, root: str, settings: Settings) -> None:
    warehouse = Warehouse(spark, root, direct=settings.storage.direct == "auto")
    if champion(warehouse) is None:
        message = (
            f"the warehouse {root} has no champion to score with: run the job nightly once, or "
            "train, then start the stream"
        )
        raise ModelError(message)


def _take_up(job: Job, names: frozenset[str]) -> list[RefusalError]:
    """Run the stages on some files; what ingest refuses keeps the others from nothing."""
    refused = []
    try:
        ingest_stage(job, names)
    except RefusalError as error:
        _LOG.warning("%s", error)
        refused.append(error)
    version = score_stage(job, None)
    explain_stage(job, version)
    return refused


@contextmanager
def _writing(root: str) -> Iterator[None]:
    """Hold the lock for a batch; wait while another job holds it."""
    while True:
        try:
            with writer_lock(root):
                yield
                return
        except BusyError:
            time.sleep(_PAUSE_SECONDS)
