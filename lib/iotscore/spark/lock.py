"""One writer at a time: a lock on a local warehouse that dies with its process."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotscore.errors import BusyError, WarehouseError
from iotscore.storage.local_table import local_folder

if TYPE_CHECKING:
    from collections.abc import Iterator


_NAME: Final = "_writer.lock"


@contextmanager
def writer_lock(root: str) -> Iterator[None]:
    """Hold the warehouse's lock file while the body runs.

    The operating system gives the lock up when the process ends, however it ends. A warehouse
    in another storage is not locked: there the scheduler must not start two writers.

    Raises
    ------
    BusyError
        Another process is writing.
    WarehouseError
        The folder cannot be written.
    """
    folder = local_folder(root)
    if folder is None:
        yield
        return
    path = Path(folder) / _NAME
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        message = (
            f"cannot write the warehouse {root}: {error.strerror}; give --warehouse a folder that "
            "may be written"
        )
        raise WarehouseError(message) from error
    with _held(root, descriptor, fcntl.LOCK_EX):
        yield


@contextmanager
def no_writer(root: str) -> Iterator[None]:
    """Keep writers away while the body reads; several may read at a time, and nothing is written.

    A folder without a lock file, such as a restored one, and other storage are not locked.

    Raises
    ------
    BusyError
        A job is writing.
    """
    folder = local_folder(root)
    if folder is None or not (path := Path(folder) / _NAME).exists():
        yield
        return
    with _held(root, os.open(path, os.O_RDONLY), fcntl.LOCK_SH):
        yield


@contextmanager
def _held(root: str, descriptor: int, kind: int) -> Iterator[None]:
    try:
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except OSError as error:
            message = f"another job is writing the warehouse {root}; wait for it to end, then retry"
            raise BusyError(message) from error
        yield
    finally:
        os.close(descriptor)
