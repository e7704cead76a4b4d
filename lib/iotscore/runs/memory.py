"""Peak memory of a job's processes on the driver's machine while a stage runs."""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOG = logging.getLogger(__name__)

_INTERVAL_SECONDS: Final = 0.5
_BUSY_SHARE: Final = 0.05
"""Most of a core's time that sampling may take; large processes are sampled less often."""
_LAST_SAMPLE_SECONDS: Final = 5.0
"""How long a stage's end waits for the last sample; the kernel may keep a read waiting."""


@dataclass
class MemoryPeak:
    """The largest sizes seen so far, in bytes; None before the first sample.

    That of the job is of all its processes at one time, without executors on other machines; that
    of the driver is of its Python process alone.
    """

    job: int | None = None
    driver: int | None = None


@contextmanager
def sampled(peak: MemoryPeak) -> Iterator[None]:
    """Keep ``peak`` up to date while the body runs; a process that cannot be read counts 0.

    A process's size is its proportional set size (PSS): what it shares with others, such as the
    pages that a forked worker has from its parent, is split among them, so sizes add up. Where
    the system does not tell it, the unique size (USS), else the resident size (RSS) is taken.
    A peak between two samples, 0.5 s apart, is not seen.
    """
    stop = threading.Event()
    sampler = threading.Thread(target=_watch, args=(peak, stop), name="memory", daemon=True)
    sampler.start()
    try:
        yield
    finally:
        stop.set()
        sampler.join(_LAST_SAMPLE_SECONDS)


def _watch(peak: MemoryPeak, stop: threading.Event) -> None:
    """Sample until told to stop, and once more then: a short stage has a size too."""
    try:
        top, ending = _top_process(), False
        while not ending:
            ending = stop.is_set()
            started = time.thread_time()
            _sample(top, peak)
            stop.wait(max(_INTERVAL_SECONDS, (time.thread_time() - started) / _BUSY_SHARE))
    except Exception as error:  # noqa: BLE001 - a measurement must never end a stage
        _LOG.warning("memory is not measured for the rest of this stage: %r", error)


def _top_process() -> Any:  # noqa: ANN401 - psutil has no types
    """Return the process that started all others of this job.

    spark-submit's JVM starts the driver's Python and tells it this port; without spark-submit it
    is the driver's Python that starts the JVM.
    """
    driver = psutil.Process()
    return (driver.parent() or driver) if "PYSPARK_GATEWAY_PORT" in os.environ else driver


def _sample(top: Any, peak: MemoryPeak) -> None:  # noqa: ANN401 - psutil has no types
    sizes = {one.pid: _size(one) for one in (top, *top.children(recursive=True))}
    peak.job = max(peak.job or 0, sum(sizes.values())) or None
    peak.driver = max(peak.driver or 0, sizes.get(os.getpid(), 0)) or None


def _size(process: Any) -> int:  # noqa: ANN401 - psutil has no types
    """Return a process's size in bytes, 0 if it has ended or must not be read."""
    with suppress(psutil.Error, OSError):
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.uss))
    with suppress(psutil.Error, OSError):
        return int(process.memory_info().rss)
    return 0
