"""One writer at a time: a lock on a local warehouse that dies with its process."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.errors import WarehouseError

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def writer_lock(root: str) -> Iterator[None]:
    """Hold the warehouse's lock file while the body runs.

    The operating system gives the lock up when the process ends, however it ends. A warehouse
    behind a URI is not locked: there the scheduler must not start two writers.

    Raises
    ------
    WarehouseError
        Another process is writing, or the folder cannot be written.
    """
    if "://" in root:
        yield
        return
    path = Path(root) / "_writer.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        message = (
            f"cannot write the warehouse {root}: {error.strerror}; give --warehouse a folder that "
            "may be written"
        )
        raise WarehouseError(message) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            message = f"another job is writing the warehouse {root}; wait for it to end, then retry"
            raise WarehouseError(message) from error
        yield
    finally:
        os.close(descriptor)
