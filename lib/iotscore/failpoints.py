"""Failpoints: named points at which a test kills a job; otherwise they cost one look-up."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Final

POINT: Final = "IOTSCORE_FAULT"
"""Environment variable with the name of a point; only tests set it."""

HOW: Final = "IOTSCORE_FAULT_HOW"
"""What happens in a worker: "die", "executor" (its executor dies) or "linger" (it is slow)."""

ONCE: Final = "IOTSCORE_FAULT_ONCE"
"""A file that the first worker at the point makes, so that the next one passes unharmed."""

_LINGER_SECONDS: Final = 20.0
"""Longer than a second attempt of the task takes."""


def hit(point: str) -> None:
    """Kill the job, all processes of its group, if this is the point that the test named."""
    if os.environ.get(POINT) == point:
        os.killpg(os.getpgrp(), signal.SIGKILL)


def hit_in_worker(point: str) -> None:
    """Run the test's action in this Python worker, when the first worker reaches the point."""
    if os.environ.get(POINT) != point:
        return
    try:
        Path(os.environ[ONCE]).touch(exist_ok=False)
    except FileExistsError:
        return
    how = os.environ[HOW]
    if how == "linger":
        time.sleep(_LINGER_SECONDS)
    else:
        os.kill(_executor() if how == "executor" else os.getpid(), signal.SIGKILL)


def _executor() -> int:
    """Return the process that started this worker's daemon."""
    import psutil

    return int(psutil.Process(os.getppid()).ppid())
