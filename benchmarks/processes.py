"""Run a command and measure the memory of all its processes together."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import psutil

from iotscore.errors import IotscoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import IO

INTERVAL: Final = 0.2
"""Seconds between two samples of memory."""

STOP_SECONDS: Final = 120.0
"""Longest that a command may take to end after SIGTERM."""

_LARGEST_SHARE: Final = 0.03
"""Most of a core that sampling may take: adding up a large Java heap takes milliseconds."""


class BenchmarkError(IotscoreError):
    """A measurement could not be taken, or measured something else than it should."""


@dataclass(frozen=True)
class Outcome:
    """What a finished command printed and cost.

    Attributes
    ----------
    stdout
        Its standard output.
    wall_seconds
        From its start to its end.
    peak_bytes
        Largest sum over all its processes at one moment: proportional set sizes, so that shared
        pages count once, where the system tells them; else resident set sizes.
    """

    stdout: str
    wall_seconds: float
    peak_bytes: int

    def last_json(self) -> dict[str, Any]:
        """Return the last line of the standard output, which must be a JSON object."""
        lines = self.stdout.strip().splitlines()
        try:
            found: dict[str, Any] = json.loads(lines[-1])
        except (IndexError, ValueError) as error:
            message = f"a contender printed {self.stdout[-300:]!r}; its last line must be JSON"
            raise BenchmarkError(message) from error
        return found


def run(
    command: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None
) -> Outcome:
    """Run a command to its end; its standard error goes to the end of a log file.

    Raises
    ------
    BenchmarkError
        The command failed.
    """
    with log.open("a", encoding="utf-8") as errors:
        started, process = _start(command, subprocess.PIPE, errors, environment)
        sampler = _Sampler(process.pid)
        sampler.start()
        stdout, _ = process.communicate()
        wall = time.perf_counter() - started
        sampler.stop()
    if process.returncode != 0:
        message = (
            f"{' '.join(map(str, command))} ended with exit code {process.returncode}; "
            f"the end of {log} says why"
        )
        raise BenchmarkError(message)
    return Outcome(stdout, wall, sampler.peak_bytes)


class Service:
    """A command that runs until it is told to stop, and the memory of all its processes."""

    def __init__(self, process: subprocess.Popen[str], name: str, log: Path) -> None:
        self._process, self._name, self._log = process, name, log
        self._root = psutil.Process(process.pid)
        self._family: list[psutil.Process] = []
        self._sampler = _Sampler(process.pid)
        self._sampler.start()

    @property
    def peak_bytes(self) -> int:
        """Largest sum so far, as in :class:`Outcome`."""
        return self._sampler.peak_bytes

    def check(self) -> None:
        """Raise BenchmarkError if it has ended by itself."""
        if self._process.poll() is not None:
            message = (
                f"{self._name} ended by itself with exit code {self._process.returncode}; the end "
                f"of {self._log} says why"
            )
            raise BenchmarkError(message)

    def stop(self) -> int:
        """Send SIGTERM, wait for the end of all its processes and return its exit code."""
        self._remember_family()
        self._process.terminate()
        try:
            code = self._process.wait(STOP_SECONDS)
            psutil.wait_procs(self._family, STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            message = f"{self._name} still runs {STOP_SECONDS:.0f} s after SIGTERM"
            raise BenchmarkError(message) from error
        return code

    def kill(self) -> None:
        """End all its processes, if there are any left, and the sampling."""
        if self._process.poll() is None:
            self._remember_family()
            self._process.kill()
            self._process.wait()
        for one in self._family:
            with suppress(psutil.NoSuchProcess):
                one.kill()
        self._sampler.stop()

    def _remember_family(self) -> None:
        """Note what it started: afterwards nothing tells whose they were."""
        with suppress(psutil.NoSuchProcess):
            self._family = self._root.children(recursive=True)


@contextmanager
def serving(command: Sequence[str | Path], log: Path) -> Iterator[Service]:
    """Start a command that does not end by itself; after the body nothing of it is left."""
    with log.open("a", encoding="utf-8") as errors:
        _, process = _start(command, subprocess.DEVNULL, errors, None)
        service = Service(process, " ".join(map(str, command)), log)
        try:
            yield service
        finally:
            service.kill()


def _start(
    command: Sequence[str | Path],
    stdout: int,
    errors: IO[str],
    environment: Mapping[str, str] | None,
) -> tuple[float, subprocess.Popen[str]]:
    """Start a command; return when that was, too."""
    # What earlier commands wrote must not be written back at this one's expense.
    os.sync()
    started = time.perf_counter()
    process = subprocess.Popen(  # noqa: S603 - our own scripts
        list(map(str, command)),
        stdout=stdout,
        stderr=errors,
        text=True,
        env={**os.environ, **(environment or {})},
    )
    return started, process


class _Sampler(threading.Thread):
    """Adds up the memory of a process and its descendants until it is told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.peak_bytes = 0
        self._root = psutil.Process(pid)
        self._ended = threading.Event()

    def run(self) -> None:
        pause = 0.0
        while not self._ended.wait(pause):
            started = time.thread_time()
            self.peak_bytes = max(self.peak_bytes, tree_bytes(self._root))
            pause = max(INTERVAL, (time.thread_time() - started) / _LARGEST_SHARE)

    def stop(self) -> None:
        self._ended.set()
        self.join()


def tree_bytes(root: psutil.Process) -> int:
    """Return the memory of a process and its descendants now; 0 if they are gone."""
    try:
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return 0
    return sum(map(_bytes, family))


def _bytes(process: psutil.Process) -> int:
    try:
        with open(f"/proc/{process.pid}/smaps_rollup", encoding="ascii") as lines:  # noqa: PTH123 - five times a second
            for line in lines:
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass
    try:
        return int(process.memory_info().rss)
    except psutil.Error:
        return 0
