"""One writer at a time: a local lock that dies with its process, a lease in an object store."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from iotscore.errors import BusyError, WarehouseError
from iotscore.object_stores import is_object_store
from iotscore.warehouse.delta_rs.files import local_folder
from iotscore.warehouse.delta_rs.lease import held_lease

if TYPE_CHECKING:
    from collections.abc import Iterator


_NAME: Final = "_writer.lock"
_OWNER_ALONE: Final = 0o600
"""Whoever can open the file can hold its lock, and so keep all writers away."""
_MOST_TRIES: Final = 100
"""So many times in a row the file may be replaced while it is being locked."""


class Lock(Protocol):
    """What keeps other writers away."""

    @property
    def epoch(self) -> int | None:
        """Number of the holder, for what commits carry; None where that is not needed."""

    @property
    def is_fenced(self) -> bool:
        """Whether no earlier holder can commit any more."""

    def fenced(self) -> None:
        """Note that every table has this holder's number."""

    def require(self) -> None:
        """Raise if another job may be writing.

        Raises
        ------
        WarehouseError
            One may.
        """


class LocalLock:
    """A warehouse's lock as its holder has it.

    Parameters
    ----------
    root
        The warehouse.
    path
        The lock file; None where nothing is locked.
    descriptor
        The locked file, open.
    """

    def __init__(self, root: str, path: Path | None, descriptor: int) -> None:
        self._root = root
        self._path = path
        self._descriptor = descriptor

    @property
    def epoch(self) -> None:
        """See :class:`Lock`."""
        return

    @property
    def is_fenced(self) -> bool:
        """See :class:`Lock`; a lock that ends with its process leaves no earlier holder."""
        return True

    def fenced(self) -> None:
        """See :class:`Lock`."""

    def require(self) -> None:
        """Raise if the file that is locked is not the one that others would lock.

        Raises
        ------
        WarehouseError
            Somebody has removed or replaced it.
        """
        if self._path is not None and not _is_at(self._path, self._descriptor):
            message = (
                f"the lock file {self._path} was removed or replaced while this job held it, so "
                "another job may be writing the warehouse: this one has stopped and writes nothing "
                "more. See that no other job is running, run the job verify, then this one again; "
                "nobody needs to remove that file, a killed job's lock ends with it"
            )
            raise WarehouseError(message)


@contextmanager
def writer_lock(root: str) -> Iterator[Lock]:
    """Hold the warehouse's lock file while the body runs.

    The operating system gives the lock up when the process ends, however it ends. In an object
    store it is a lease (:mod:`iotscore.warehouse.delta_rs.lease`). A warehouse in HDFS is not
    locked: there the scheduler must not start two writers.

    Yields
    ------
    Lock
        To ask, before each commit, whether it is still held.

    Raises
    ------
    BusyError
        Another process is writing.
    WarehouseError
        The folder cannot be written.
    """
    if is_object_store(root):
        with held_lease(root) as lease:
            yield lease
        return
    folder = local_folder(root)
    if folder is None:
        yield LocalLock(root, None, -1)
        return
    path = Path(folder) / _NAME
    descriptor = _locked(root, path)
    try:
        yield LocalLock(root, path, descriptor)
    finally:
        os.close(descriptor)


def _locked(root: str, path: Path) -> int:
    """Return the lock file, open and locked; the one that lies there once it is locked."""
    for _ in range(_MOST_TRIES):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _OWNER_ALONE)
        except OSError as error:
            message = (
                f"cannot write the warehouse {root}: {error.strerror}; give --warehouse a folder "
                "that may be written"
            )
            raise WarehouseError(message) from error
        try:
            _close_to_others(descriptor)
            _lock(root, descriptor, fcntl.LOCK_EX)
        except BaseException:
            os.close(descriptor)
            raise
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)
    message = f"the lock file {path} is replaced all the time; find out who does that, then retry"
    raise BusyError(message)


def _close_to_others(descriptor: int) -> None:
    """Take everybody else's rights from a file that an older version of the project made."""
    found = os.fstat(descriptor)
    if found.st_uid == os.geteuid() and found.st_mode & 0o077:
        os.fchmod(descriptor, _OWNER_ALONE)


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        there = path.stat()
    except FileNotFoundError:
        return False
    return os.path.samestat(there, os.fstat(descriptor))


@contextmanager
def no_writer(root: str) -> Iterator[None]:
    """Keep writers away while the body reads; several may read at a time, and nothing is written.

    In an object store one reads at a time, and its lease is the writer's. A folder without a lock
    file, such as a restored one, and HDFS are not locked. Nor is one by whoever may not open the
    file: only its owner can keep writers away.

    Raises
    ------
    BusyError
        A job is writing.
    """
    if is_object_store(root):
        with held_lease(root):
            yield
        return
    folder = local_folder(root)
    if folder is None or (descriptor := _opened(Path(folder) / _NAME)) is None:
        yield
        return
    try:
        _lock(root, descriptor, fcntl.LOCK_SH)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY)
    except (FileNotFoundError, PermissionError):
        return None


def _lock(root: str, descriptor: int, kind: int) -> None:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError as error:
        message = f"another job is writing the warehouse {root}; wait for it to end, then retry"
        raise BusyError(message) from error
