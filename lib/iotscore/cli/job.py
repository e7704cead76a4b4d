"""Run a job: configuration, session, lock, and an exit code that schedulers understand."""

from __future__ import annotations

import logging
import os
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from iotscore.cli.arguments import absolute, chosen_days, home
from iotscore.cli.faults import user_fault
from iotscore.cli.recorder import Recorder
from iotscore.cli.signals import stoppable
from iotscore.config import Settings, load_settings
from iotscore.errors import IotscoreError, one_line, printable
from iotscore.exit_codes import BUG, DONE, USER_FAULT, gravest
from iotscore.landing.folder import open_folder
from iotscore.models.context import Ahead, Context
from iotscore.output import check_output, set_up_output
from iotscore.redaction import masked
from iotscore.report.output_folder import prepare_folder
from iotscore.runs.run_log import RunLog, recover
from iotscore.warehouse.migrate import migrate
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.session import open_session
from iotscore.warehouse.writer_lock import writer_lock

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.landing.event_days import Days
    from iotscore.warehouse.warehouse import Warehouse
    from iotscore.warehouse.writer_lock import Lock

_LOG = logging.getLogger("iotscore")


@dataclass(frozen=True)
class Job:
    """What a job's body works with."""

    arguments: argparse.Namespace
    settings: Settings
    warehouse: Warehouse
    runs: RunLog
    ahead: dict[str, Ahead] = field(default_factory=dict)

    def context(self, model_version: str | None = None) -> Context:
        """Return what a stage works with; every stage gets its own, but for what is prepared."""
        return Context(self.warehouse, self.runs.run_id, model_version, self.ahead)

    def details(self, stage: str) -> dict[str, Any]:
        """Return what a stage reported in this run; nothing if it did not run."""
        return next((one.details for one in self.runs.stages if one.name == stage), {})

    @property
    def input(self) -> str:
        """The landing folder, absolute."""
        return absolute(self.arguments.input)

    @property
    def days(self) -> Days:
        """Whose files are worked on."""
        return chosen_days(self.arguments)


def run_job(name: str, arguments: argparse.Namespace, body: Callable[[Job], None]) -> int:
    """Run a body that may write the warehouse, and return the exit code.

    Configuration, landing folder and the report's folder are checked before Spark starts. What an
    earlier, killed run left half done is undone first. How it went is written where the arguments
    say.
    """
    recorder = Recorder(name, arguments)
    code = guarded(name, lambda: _run(name, arguments, recorder, body), recorder.note)
    # It needs no Java, and a stop that comes now, or again, is to change nothing.
    recorded = _exit_code(name, lambda: _record_outcome(recorder, code))
    return gravest(code, recorded)


def _record_outcome(recorder: Recorder, code: int) -> None:
    recorder.write(code)
    check_output()


def guarded(
    name: str,
    action: Callable[[], None],
    note: Callable[[BaseException], None] = lambda _: None,
) -> int:
    """Run a job's work, which a signal ends in order, and return the exit code.

    A user's fault is reported in one line, a bug by its traceback, both without secrets; ``note``
    gets the error.
    """
    set_up_logging()
    set_up_output()

    def noted() -> None:
        try:
            stoppable(action)
            check_output()
        except BaseException as error:
            note(error)
            raise

    return _exit_code(name, noted)


def _exit_code(name: str, action: Callable[[], None]) -> int:
    """Run an action, report what it raises, and return the exit code."""
    try:
        action()
    except IotscoreError as error:
        _report(name, str(error))
        return error.code
    except Exception as error:  # noqa: BLE001 - Python itself would print it with its secrets
        fault = user_fault(error)
        return _report_bug() if fault is None else _report(name, fault)
    return DONE


def _report(name: str, fault: str) -> int:
    # A terminal that was closed takes nothing any more, and that changes no exit code.
    with suppress(OSError):
        print(f"iotscore {name}: {one_line(masked(fault))}", file=sys.stderr, flush=True)
    return USER_FAULT


def _report_bug() -> int:
    print(printable(masked(traceback.format_exc())), file=sys.stderr, end="")
    return BUG


def _run(
    name: str, arguments: argparse.Namespace, recorder: Recorder, body: Callable[[Job], None]
) -> None:
    settings = checked_settings(arguments)
    root = absolute(arguments.warehouse)
    with writer_lock(root) as lock, session(name) as spark:
        job = prepare(spark, root, arguments, settings, lock)
        recorder.follow(job.runs)
        body(job)


def checked_settings(arguments: argparse.Namespace) -> Settings:
    """Return a job's settings; check its arguments, as far as that needs no Spark."""
    settings = load_settings(
        home() / "conf", arguments.profile, arguments.config, arguments.assignments
    )
    chosen_days(arguments)
    if "input" in arguments:
        open_folder(absolute(arguments.input))
    if getattr(arguments, "report", None) is not None:
        prepare_folder(arguments.report)
    return settings


def session(name: str) -> SparkSession:
    """Return the session of a job, which stops at the end of a ``with`` statement."""
    return open_session(f"iotscore {name}")


def configured_warehouse(
    spark: SparkSession, root: str, settings: Settings, lock: Lock | None = None
) -> Warehouse:
    """Return a warehouse, read and written as ``storage`` says."""
    storage = settings.storage
    return open_warehouse(
        spark, root, direct=storage.direct, transport=storage.transport, lock=lock
    )


def prepare(
    spark: SparkSession,
    root: str,
    arguments: argparse.Namespace,
    settings: Settings,
    lock: Lock | None = None,
) -> Job:
    """Undo what killed runs left, give older tables today's layout, and return the job."""
    warehouse = configured_warehouse(spark, root, settings, lock)
    warehouse.keep_out_earlier_writers()
    for run_id in recover(warehouse):
        _LOG.warning("the run %s was interrupted; what it left half done is undone", run_id)
    # Only now: undoing makes tables what they were, and that may have been an older layout.
    for line in migrate(warehouse):
        _LOG.info("%s", line)
    runs = RunLog(warehouse, arguments.profile, settings.checksum)
    return Job(arguments, settings, warehouse, runs)


class _MaskingFormatter(logging.Formatter):
    """Formats a record, in one line, and its traceback, without secrets."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own
        return one_line(super().formatMessage(record))

    def format(self, record: logging.LogRecord) -> str:
        return printable(masked(super().format(record)))


def set_up_logging() -> None:
    """Send the project's log lines to standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_MaskingFormatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler], level=logging.WARNING)
    _LOG.setLevel(os.environ.get("IOTSCORE_LOG_LEVEL", "INFO"))
