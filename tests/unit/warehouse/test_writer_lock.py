"""The writer's lock, with real processes: who is kept out, and who keeps nobody out."""

from __future__ import annotations

import fcntl
import os
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from iotscore.errors import BusyError, WarehouseError
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.writer_lock import no_writer, writer_lock

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark.sql import SparkSession

HOLDS = """
import sys
from iotscore.warehouse.writer_lock import no_writer, writer_lock
with {lock}(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""
"""A process that holds a lock until it is told to end."""


@contextmanager
def held(lock: str, root: Path) -> Iterator[subprocess.Popen[str]]:
    """Let another process hold a lock while the body runs."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDS.format(lock=lock), root],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        process.communicate("\n")


@pytest.mark.parametrize("other", ["writer_lock", "no_writer"])
def test_another_process_keeps_a_writer_out(tmp_path: Path, other: str) -> None:
    """While another job writes, or verifies, none begins; once it is killed, one may."""
    with writer_lock(str(tmp_path)):
        pass
    refused = pytest.raises(BusyError, match="another job is writing")
    with held(other, tmp_path) as process:
        with refused, writer_lock(str(tmp_path)):
            pass
        process.kill()
        process.wait()
        with writer_lock(str(tmp_path)):
            pass


def test_the_lock_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Nobody else can open it and so keep writers away, also if an older version made it."""
    file = tmp_path / "_writer.lock"
    for mode in (None, 0o644, 0o666):
        if mode is not None:
            file.chmod(mode)
        with writer_lock(str(tmp_path)):
            assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_who_may_not_open_the_file_reads_without_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's verify neither fails nor keeps a writer out."""
    with writer_lock(str(tmp_path)):
        pass
    opened = os.open

    def refuse(path: Path, flags: int, *rest: int) -> int:
        if flags == os.O_RDONLY and Path(path).name == "_writer.lock":
            raise PermissionError(13, "Permission denied")
        return opened(path, flags, *rest)

    monkeypatch.setattr(os, "open", refuse)  # the tests may run as root, whom nothing is refused
    with no_writer(str(tmp_path)), writer_lock(str(tmp_path)):
        pass


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_lock_that_was_taken_away_stops_its_holder(tmp_path: Path, is_replaced: bool) -> None:
    """A second writer gets in once the file is removed; the first one learns of it."""
    with writer_lock(str(tmp_path)) as lock:
        lock.require()
        (tmp_path / "_writer.lock").unlink()
        if is_replaced:
            with held("writer_lock", tmp_path), pytest.raises(WarehouseError) as caught:
                lock.require()
        else:
            with pytest.raises(WarehouseError) as caught:
                lock.require()
    told = str(caught.value)
    assert told.startswith(f"the lock file {tmp_path}/_writer.lock was removed or replaced while")
    assert "run the job verify" in told


WRITES = """
import sys
from iotscore.warehouse.writer_lock import writer_lock
from iotscore.warehouse.open import open_warehouse
with writer_lock(sys.argv[1]) as lock:
    warehouse = open_warehouse(None, sys.argv[1], lock=lock)
    for line in sys.stdin:
        warehouse.append("suppressions", [{"reason": line.strip()}])
        print("written", flush=True)
"""
"""A process that writes what it is told to."""


def test_a_writer_whose_lock_was_taken_away_writes_nothing_more(tmp_path: Path) -> None:
    """The second writer is alone from then on."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITES, tmp_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdin.write("before\n")
        first.stdin.flush()
        assert first.stdout.readline() == "written\n"
        (tmp_path / "_writer.lock").unlink()
        with writer_lock(str(tmp_path)) as lock:
            told = first.communicate("after\n")[1]
            second = open_warehouse(cast("SparkSession", None), str(tmp_path), lock=lock)
            second.append("suppressions", [{"reason": "second"}])
            assert second.values("suppressions", "reason") == {"before", "second"}
    assert first.returncode != 0
    assert "was removed or replaced while this job held it" in told


def test_a_file_that_is_replaced_while_it_is_locked_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opened a file that lies there no more locks the one that does."""
    file = tmp_path / "_writer.lock"
    locked = fcntl.flock
    calls = []

    def replace_first(descriptor: int, kind: int) -> None:
        if not calls:
            file.unlink()
            file.touch()
        calls.append(kind)
        locked(descriptor, kind)

    monkeypatch.setattr(fcntl, "flock", replace_first)
    with writer_lock(str(tmp_path)) as lock:
        lock.require()
    assert len(calls) == 2


def test_other_storage_is_never_taken_away() -> None:
    """What is not locked needs no looking after."""
    with writer_lock("hdfs://nowhere/warehouse") as lock:
        lock.require()
