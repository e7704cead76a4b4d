"""Open files of a folder that others write to, without following links out of it."""

from __future__ import annotations

import fcntl
import os
import stat
from pathlib import Path
from typing import BinaryIO, Final, TypeAlias

from pyarrow import fs

_GET_PATH: Final[int | None] = getattr(fcntl, "F_GETPATH", None)
_PATH_BYTES: Final = 1024


class LeadsOutError(Exception):
    """A link leads out of the landing folder, and was not allowed to."""


class Inside:
    """Opens plain files of a local folder.

    What was opened is looked at, not the path: the latter may lead elsewhere a moment later. The
    folder may itself be a link.
    """

    def __init__(self, root: str) -> None:
        self._root = os.path.realpath(root)

    def open_input_stream(self, path: str) -> BinaryIO:
        """Open a file.

        Raises
        ------
        LeadsOutError
            It lies outside of the folder.
        OSError
            It cannot be opened, or is no plain file.
        """
        # Without O_NONBLOCK a pipe in the place of the file would be waited for.
        opened = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self._check(opened, path)
            return os.fdopen(opened, "rb")
        except BaseException:
            os.close(opened)
            raise

    def _check(self, opened: int, path: str) -> None:
        if not is_inside(_path_of(opened, path), self._root):
            raise LeadsOutError(path)
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            message = "it is no file any more"
            raise OSError(message)

    open_input_file = open_input_stream


Opener: TypeAlias = Inside | fs.FileSystem
"""What opens files for reading: a stream from the start, or a file at any place."""


def opener_of(filesystem: fs.FileSystem, root: str, *, may_lead_out: bool = False) -> Opener:
    """Return what opens files below a folder, by links out of it only if they may lead there."""
    is_local = isinstance(filesystem, fs.LocalFileSystem)
    return Inside(root) if is_local and not may_lead_out else filesystem


def is_inside(path: str, root: str) -> bool:
    """Say whether a real path is a folder, or lies below it."""
    return path == root or path.startswith(root.rstrip("/") + "/")


def _path_of(opened: int, path: str) -> str:
    """Return the real path of an open file."""
    try:
        if _GET_PATH is not None:
            found = fcntl.fcntl(opened, _GET_PATH, bytes(_PATH_BYTES))
            return os.fsdecode(found.rstrip(b"\x00"))
        return str(Path(f"/proc/self/fd/{opened}").readlink())
    except FileNotFoundError:  # there is no /proc
        return os.path.realpath(path)
