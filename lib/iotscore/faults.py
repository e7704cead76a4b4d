"""Named points at which a test kills a job; in any other run they cost one look-up."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Final

VARIABLE: Final = "IOTSCORE_FAULT"
"""Environment variable with the name of a point; only tests set it."""

ONCE: Final = "IOTSCORE_FAULT_ONCE"
"""Environment variable with a file that is made when a worker dies, so that the next one lives."""


def reach(point: str) -> None:
    """Kill the job, all processes of its group, if this is the point that the test named."""
    if os.environ.get(VARIABLE) == point:
        os.killpg(os.getpgrp(), signal.SIGKILL)


def reach_in_worker(point: str) -> None:
    """Kill this Python worker, and it alone, the first time that it comes by the point."""
    if os.environ.get(VARIABLE) == point:
        try:
            Path(os.environ[ONCE]).touch(exist_ok=False)
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)
