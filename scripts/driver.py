"""Runs a job's file as Python does, with signals remembered while it is imported.

scripts/driver_python.sh starts it. Imports take seconds, in which Ctrl-C would end in a traceback;
:func:`iotscore.cli.signals.stoppable` takes up what came.
"""

from __future__ import annotations

import runpy
import signal
import sys


def remember(number: int, _frame: object) -> None:
    """Note a signal; at the end of a job nobody looks, and it changes nothing."""
    received.append(number)


received: list[int] = []
remember.received = received  # type: ignore[attr-defined]

if __name__ == "__main__":
    for one in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(one) is not signal.SIG_IGN:
            signal.signal(one, remember)
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
