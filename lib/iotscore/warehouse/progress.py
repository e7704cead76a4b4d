"""Tell how far a long Spark action is: a live line on a terminal, plain log lines elsewhere."""

from __future__ import annotations

import logging
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark import Accumulator

_LOG = logging.getLogger(__name__)
_POLL_SECONDS = 0.5
_LOG_EVERY_SECONDS = 15.0


@contextmanager
def rows_progress(stage: str, done: Accumulator[int], total: int) -> Iterator[None]:
    """Report ``done`` of ``total`` rows while the body runs.

    Parameters
    ----------
    stage
        What is being done.
    done
        Rows finished so far; Spark adds to it as tasks end.
    total
        Rows to do.
    """
    stop = threading.Event()
    show = _show_bar if sys.stderr.isatty() else _log_lines
    reporter = threading.Thread(target=show, args=(stage, done, total, stop), daemon=True)
    reporter.start()
    try:
        yield
    finally:
        stop.set()
        reporter.join()


def _show_bar(stage: str, done: Accumulator[int], total: int, stop: threading.Event) -> None:
    # Executors import this module with those that hand functions out, and need no terminal.
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    text = TextColumn("{task.fields[told]}")
    columns = (TextColumn(stage), BarColumn(), text, TimeElapsedColumn())
    started = time.monotonic()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(stage, total=total, told=told(0, total, 0.0))
        while not stop.wait(_POLL_SECONDS):
            rows = done.value
            line = told(rows, total, time.monotonic() - started)
            bar.update(task, completed=min(rows, total), told=line)


def _log_lines(stage: str, done: Accumulator[int], total: int, stop: threading.Event) -> None:
    started = time.monotonic()
    while not stop.wait(_LOG_EVERY_SECONDS):
        _LOG.info("%s: %s", stage, told(done.value, total, time.monotonic() - started))


def told(rows: int, total: int, seconds: float) -> str:
    """Return how far an action is.

    Parameters
    ----------
    rows, total
        Finished by tasks that have ended, and to do.
    seconds
        Since it began.
    """
    if not rows:
        # Tasks tell at their end, and the first ones have to start Python and compile.
        return f"{total:,} rows to do; workers start, and no task has ended after {seconds:.0f} s"
    share = 100 * min(rows / total, 1.0) if total else 100.0
    return f"{rows:,} of {total:,} rows ({share:.0f} %), {rows / max(seconds, 1e-9):,.0f} rows/s"
