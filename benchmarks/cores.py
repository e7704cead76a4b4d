"""Worker processes, one a core, for contenders without Spark."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Task = TypeVar("Task")


ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)
"""Environment of processes that own one core each."""


def core_count() -> int:
    """Return the cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_on_cores(
    work: Callable[[Task], int], tasks: Sequence[Task], prepare: Callable[[], None]
) -> dict[str, Any]:
    """Work off tasks on as many processes as cores, each taking the next one when it is free.

    Parameters
    ----------
    work
        Does a task and returns its rows.
    tasks
        In this order: the largest first keeps all cores busy to the end.
    prepare
        Called in this process before the clock starts, and once in each worker: forked workers,
        which share this one's memory, find everything prepared.

    Returns
    -------
    dict
        Rows of all tasks, and seconds from the start of the workers.
    """
    # Not on a Mac: its system libraries do not survive a fork.
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    prepare()
    started = time.perf_counter()
    with context.Pool(min(core_count(), len(tasks)), prepare) as pool:
        rows = sum(pool.imap_unordered(work, tasks))
        seconds = time.perf_counter() - started
    return {"rows": rows, "seconds": seconds}
