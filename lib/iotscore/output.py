"""Checked standard output: a failed write is an error."""

from __future__ import annotations

import io
import os
import stat
import sys
from typing import Final

from iotscore.errors import OutputError

_STDOUT: Final = 1


class _Checked(io.RawIOBase):
    """Writes a descriptor until that fails; remembers why, and drops what comes after.

    A job whose output nobody reads goes on with its work. How it ends is :func:`check_output`'s.
    """

    def __init__(self) -> None:
        super().__init__()
        self.fault: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return _STDOUT

    def isatty(self) -> bool:
        return os.isatty(_STDOUT)

    def write(self, content: object) -> int:
        data = memoryview(content).cast("B")  # type: ignore[arg-type]
        if self.fault is None:
            try:
                return os.write(_STDOUT, data)
            except OSError as error:
                self.fault = error
        return len(data)

    def sync(self) -> None:
        """Have a file's last bytes written, so that a full disk shows now."""
        try:
            if self.fault is None and stat.S_ISREG(os.fstat(_STDOUT).st_mode):
                os.fsync(_STDOUT)
        except OSError as error:
            self.fault = error


_state: Final[list[_Checked]] = []


def set_up_output() -> None:
    """Replace standard output by the checked stream, unless it is captured."""
    if _state or sys.stdout is not sys.__stdout__:
        return
    if sys.stdout is not None:
        sys.stdout.flush()
    _state.append(_Checked())
    buffered = io.BufferedWriter(_state[0])
    sys.stdout = io.TextIOWrapper(
        buffered, "utf-8", "surrogateescape", line_buffering=os.isatty(_STDOUT)
    )


def is_output_lost() -> bool:
    """Say whether standard output is closed, so that the rest need not be computed."""
    return bool(_state) and _state[0].fault is not None


def check_output() -> None:
    """Flush standard output, and raise an error if that fails.

    A reader that has gone, such as ``head``, had enough: that is no fault.

    Raises
    ------
    OutputError
        Something could not be written.
    """
    if not _state:
        return
    sys.stdout.flush()
    _state[0].sync()
    fault = _state[0].fault
    if fault is not None and not isinstance(fault, BrokenPipeError):
        message = (
            f"standard output could not be written ({fault.strerror}), so what was printed is not "
            "all there; make room or send it elsewhere, and run it again"
        )
        raise OutputError(message)
