"""The memory sampler: what it sees, and that nothing it meets can end a stage."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest

from iotscore.runs import memory
from iotscore.runs.memory import MemoryPeak, sampled

MIB = 2**20
GROWN = "block = b'x' * (200 << 20); print(flush=True); input()"
"""A program that takes 200 MiB, says so, and waits."""
TAKEN = """
import numpy as np
import psutil
from iotscore.runs import memory
before, peak = memory.MemoryPeak(), memory.MemoryPeak()
with memory.sampled(before):
    pass
with memory.sampled(peak):
    block = np.ones(200 << 20, dtype=np.uint8)
    memory._sample(psutil.Process(), peak)
    del block
print(before.driver, peak.driver, peak.job)
"""
"""The same in the driver, sampled: a process of its own, in which nothing else comes and goes."""


def seen(peak: MemoryPeak, size: int) -> bool:
    """Wait until the driver's peak reaches a size; give up after ten seconds."""
    end = time.monotonic() + 10
    while (peak.driver or 0) < size and time.monotonic() < end:
        time.sleep(0.001)
    return (peak.driver or 0) >= size


def test_memory_taken_for_a_while_is_seen() -> None:
    """200 MiB that the driver takes and gives back show in both peaks."""
    done = subprocess.run([sys.executable, "-c", TAKEN], capture_output=True, text=True, check=True)
    before, driver, job = map(int, done.stdout.split())
    assert 190 * MIB < driver - before < 260 * MIB
    assert job >= driver


def test_memory_is_sampled_while_the_body_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The thread looks by itself, again and again, not only at the start and at the end."""
    monkeypatch.setattr(memory, "_INTERVAL_SECONDS", 0.001)
    peak = MemoryPeak()
    with sampled(peak):
        assert seen(peak, 1)
        first = peak.driver or 0
        block = np.ones(200 * MIB, dtype=np.uint8)
        assert seen(peak, first + 150 * MIB)
        del block


def test_a_child_counts_for_the_job_and_not_for_the_driver() -> None:
    """200 MiB in another process of the job show in the job's peak alone."""
    peak = MemoryPeak()
    with subprocess.Popen(
        [sys.executable, "-c", GROWN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        child.stdout.readline()
        with sampled(peak):
            pass
        child.communicate("\n")
    assert peak.job is not None
    assert peak.driver is not None
    assert peak.job - peak.driver > 190 * MIB


@pytest.mark.parametrize(("port", "is_parent"), [(None, False), ("12345", True)])
def test_under_spark_submit_the_job_begins_with_the_parent(
    monkeypatch: pytest.MonkeyPatch, port: str | None, is_parent: bool
) -> None:
    """The JVM that started the driver belongs to the job; a shell or a test runner does not."""
    monkeypatch.delenv("PYSPARK_GATEWAY_PORT", raising=False)
    if port is not None:
        monkeypatch.setenv("PYSPARK_GATEWAY_PORT", port)
    expected = os.getppid() if is_parent else os.getpid()
    assert expected == memory._top_process().pid


class Unreadable:
    """A process of which the system tells little."""

    pid = 1

    def __init__(self, full: Exception, plain: Exception | None) -> None:
        self.full = full
        self.plain = plain

    def memory_full_info(self) -> None:
        """Refuse."""
        raise self.full

    def memory_info(self) -> object:
        """Tell the resident size, or refuse as well."""
        if self.plain is not None:
            raise self.plain
        return psutil.Process().memory_info()._replace(rss=7)


@pytest.mark.parametrize(
    ("full", "plain", "expected"),
    [
        (psutil.AccessDenied(1), None, 7),
        (PermissionError(), None, 7),
        (psutil.NoSuchProcess(1), psutil.NoSuchProcess(1), 0),
        (psutil.ZombieProcess(1), psutil.ZombieProcess(1), 0),
    ],
)
def test_a_process_that_is_gone_or_closed_counts_what_is_told(
    full: Exception, plain: Exception | None, expected: int
) -> None:
    """Without PSS the resident size counts; of a process that has ended, nothing."""
    assert memory._size(Unreadable(full, plain)) == expected


def test_a_broken_sampler_leaves_the_stage_alone(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The body ends as if nothing were; sizes stay unknown and a log line says why."""

    def fail() -> None:
        message = "no such luck"
        raise RuntimeError(message)

    monkeypatch.setattr(memory, "_top_process", fail)
    peak = MemoryPeak()
    with sampled(peak):
        pass
    assert peak == MemoryPeak(None, None)
    assert "no such luck" in caplog.text


def test_the_error_of_the_body_passes_through() -> None:
    """A stage that fails fails with its own error, and its memory is known."""
    peak = MemoryPeak()
    error = ValueError("so bad")
    with pytest.raises(ValueError, match="so bad"), sampled(peak):
        raise error
    assert peak.job is not None
