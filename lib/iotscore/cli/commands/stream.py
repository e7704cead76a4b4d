"""The job stream: the stages of a night on a few new files at a time, as they arrive."""

from __future__ import annotations

import logging
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

from iotscore.cli.arguments import absolute, job_parser
from iotscore.cli.job import checked_settings, configured_warehouse, guarded, prepare, session
from iotscore.cli.monitor import channels_of, end_night, incidents_stage
from iotscore.cli.stages import explain_stage, ingest_stage, score_stage
from iotscore.errors import (
    BusyError,
    ChangedSourceError,
    DeliveryError,
    ModelError,
    RefusalError,
)
from iotscore.explain.stage import explain_ahead
from iotscore.ingest.stream import Watch
from iotscore.landing.file_changes import some
from iotscore.landing.folder import discover
from iotscore.models.registry import champion
from iotscore.warehouse.writer_lock import writer_lock

if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterator, Sequence

    from pyspark.sql import SparkSession

    from iotscore.cli.job import Job
    from iotscore.config import Settings
    from iotscore.errors import IotscoreError
    from iotscore.landing.folder import LandingFile
    from iotscore.warehouse.writer_lock import Lock

_LOG = logging.getLogger(__name__)
_PAUSE_SECONDS: Final = 5.0
"""Between two tries to write while another job writes."""
_MOST_FAILURES: Final = 3
"""So many batches in a row may fail because their files changed while they were read."""
_MOST_LISTED: Final = 1_000
"""Up to here the ledger is asked for single files; beyond it all of it is read."""


def main(argv: list[str]) -> int:
    """Run the stream and return the exit code."""
    parser = job_parser("stream", "Ingest, score and explain files as they come.", reads_input=True)
    parser.add_argument(
        "--once",
        action="store_true",
        help="end when all files that are there, or arrive meanwhile, have been processed",
    )
    arguments = parser.parse_args(argv)
    return guarded("stream", lambda: _stream(arguments))


def _stream(arguments: argparse.Namespace) -> None:
    settings = checked_settings(arguments)
    with session("stream") as spark:
        stream = Stream(spark, arguments, settings)
        stream.require_champion()
        stream.run()


class Stream:
    """Processes the new files of a landing folder, a bounded number at a time.

    Of the arguments it reads ``input``, ``warehouse``, ``once`` and those of the configuration.
    """

    def __init__(
        self, spark: SparkSession, arguments: argparse.Namespace, settings: Settings
    ) -> None:
        self._spark, self._arguments, self._settings = spark, arguments, settings
        self.root, folder = absolute(arguments.warehouse), absolute(arguments.input)
        self._warehouse = configured_warehouse(spark, self.root, settings)
        options = settings.ingest
        self._watch = Watch(lambda: discover(folder, options.patterns), self._entries, options)
        self._batches = 0
        self._failures = 0
        self._refusals: list[IotscoreError] = []
        self._undelivered: DeliveryError | None = None
        self._channels = channels_of(settings)

    def require_champion(self) -> None:
        """Raise ModelError if there is nothing to score with."""
        if champion(self._warehouse) is None:
            message = (
                f"the warehouse {self.root} has no champion to score with: run the job nightly "
                "once, or train, then start the stream"
            )
            raise ModelError(message)

    def run(self) -> None:
        """Process files until a signal stops the job; with ``once``, until none is new.

        Raises
        ------
        RefusalError
            With ``once``, when all else is done: ingest refused files, or some are left.
        """
        # Files that a stream ingested before it was killed are not new, but may not be scored yet.
        self._process([])
        while True:
            files = self._watch.new_files(self._settings.stream.files_per_batch)
            if files and self._process(files):
                continue
            if not files and self._arguments.once:
                break
            time.sleep(self._settings.stream.seconds)
        self._raise_refusals()

    def _process(self, files: Sequence[LandingFile]) -> bool:
        """Run the stages on some files; return whether they were ingested or refused."""
        with _writing(self.root) as lock:
            job = prepare(self._spark, self.root, self._arguments, self._settings, lock)
            try:
                if files:
                    _LOG.info("stream: batch %d, %d file(s)", self._batches, len(files))
                    self._batches += 1
                    ingest_stage(job, frozenset(file.source_file for file in files))
            except RefusalError as error:
                _LOG.warning("%s", error)
                self._refusals.append(error)
            except ChangedSourceError as error:
                self._failures += 1
                if self._failures == _MOST_FAILURES:
                    raise
                _LOG.warning("%s", error)
                self._watch.forget(files)
                return False
            self._failures = 0
            version = score_stage(job, None, (explain_ahead,))
            explain_stage(job, version)
            self._notify(job, version)
        return True

    def _notify(self, job: Job, version: str) -> None:
        """Send alerts; those not delivered are due again with the next files, and at the end."""
        try:
            end_night(incidents_stage(job, version, self._channels), None)
            self._undelivered = None
        except DeliveryError as error:
            _LOG.warning("%s", error)
            self._undelivered = error

    def _entries(self, file_ids: Collection[str]) -> list[dict[str, Any]]:
        if len(file_ids) > _MOST_LISTED:
            return self._warehouse.rows("ingest_files")
        return self._warehouse.rows("ingest_files", file_id=sorted(file_ids))

    def _raise_refusals(self) -> None:
        if left := self._watch.left():
            names = some([file.source_file for file in left])
            message = (
                f"{len(left)} file(s) were not ingested: they were still being written or could "
                f"not be read: {names}; run the stream again when they are whole"
            )
            _LOG.warning("%s", message)
            self._refusals.append(RefusalError(message))
        if self._undelivered is not None:
            self._refusals.append(self._undelivered)
        if len(self._refusals) > 1:
            message = (
                f"{len(self._refusals)} times files were refused or left, or alerts not delivered, "
                f"see the warnings above; first: {self._refusals[0]}"
            )
            raise RefusalError(message)
        for refusal in self._refusals:
            raise refusal


@contextmanager
def _writing(root: str) -> Iterator[Lock]:
    """Hold the lock for a batch; wait while another job holds it, and say so once."""
    with ExitStack() as held:
        is_logged = False
        while True:
            try:
                lock = held.enter_context(writer_lock(root))
                break
            except BusyError:
                if not is_logged:
                    _LOG.info("stream: another job writes the warehouse; waiting for it to end")
                is_logged = True
                time.sleep(_PAUSE_SECONDS)
        yield lock
