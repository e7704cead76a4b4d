"""Errors that the user can correct: one line, no traceback, exit code 2.

Every message says what happened, the value found, what was needed and what to do.
Anything that is not an :class:`IotscoreError` is a bug: it keeps its traceback and exits with 1.
"""

from __future__ import annotations

import difflib
import signal
from typing import TYPE_CHECKING, Final

from iotscore.exit_codes import ALERTED, USER_FAULT

if TYPE_CHECKING:
    from collections.abc import Iterable


class IotscoreError(Exception):
    """Base of every error that the user can correct."""

    code: int = USER_FAULT
    """The exit code of a job that it ends."""


class ConfigError(IotscoreError, ValueError):
    """The configuration has faults; the message lists all of them."""


class InputError(IotscoreError):
    """The landing folder or a file in it cannot be used as it is."""


class ChangedSourceError(InputError):
    """Files changed, or could not be read to the end; nothing was written."""


class RefusalError(IotscoreError):
    """Files were refused; all others are ingested."""


class ReconciliationError(IotscoreError):
    """Counts that must agree do not: a record may have been lost or duplicated."""


class WarehouseError(IotscoreError):
    """A table of the warehouse is missing, unreadable or of another layout."""


class UnsupportedStorageError(WarehouseError):
    """What is asked for is not done in the storage that a warehouse lies in."""


class DamagedFileError(WarehouseError):
    """A data file does not hold what was written to it, or is missing."""


class RefusedAccessError(IotscoreError):
    """The storage refuses to let the workers read or write; nothing says that data are damaged."""


class BusyError(WarehouseError):
    """Another job is writing the warehouse."""


class TrainingError(IotscoreError):
    """A model cannot be fitted on the available rows."""


class ModelError(IotscoreError, ValueError):
    """A stored model is damaged, foreign, or of a version that this code cannot load."""


class PromotionError(IotscoreError):
    """A challenger may not become the champion, because a check failed."""


class QueryError(IotscoreError, ValueError):
    """A SQL statement was refused or cannot be run."""


class CatalogueError(IotscoreError):
    """Tables cannot be registered in a catalogue under these names."""


class UriError(IotscoreError):
    """The URI of a folder in an object store cannot be used as it is."""


class EnvironmentFaultError(IotscoreError):
    """Something outside the project (Java, a package, the network) is missing or too old."""


class OutcomeError(IotscoreError):
    """The summary or the metrics of a job cannot be written."""


class OutputError(IotscoreError):
    """Standard output could not be written."""


class DeliveryError(IotscoreError):
    """Alerts could not be delivered; they are in the table, and the next run tries again."""


class AlertError(IotscoreError):
    """The job has done its work and raised alerts that --fail-on names."""

    code = ALERTED


class StopError(IotscoreError):
    """A signal stopped the job; the exit code is 128 plus its number."""

    def __init__(self, message: str, number: int = signal.SIGTERM) -> None:
        super().__init__(message)
        self.code = 128 + number


class StopSignal(BaseException):
    """A signal stops the job; handlers of errors must not catch it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")


_FILLERS: Final = frozenset("\u034f\u115f\u1160\u3164\uffa0")
"""Letters and marks by their category, which nobody sees."""


def first_line(error: Exception) -> str:
    """Return what an error of another library says first, at most 300 characters."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:300]


def one_line(message: str) -> str:
    """Return a message in which line ends and other characters without a shape are escaped.

    Names of files, devices and keys are somebody else's and may hold anything: what moves a
    terminal's cursor, turns the direction of writing, or cannot be seen.
    """
    return printable(message, keep="")


def printable(text: str, keep: str = "\n\t") -> str:
    """Return a text of several lines in which characters without a shape are escaped.

    Those of ``keep`` stay as they are, because the layout needs them.
    """
    return "".join(
        each
        if (each.isprintable() and each not in _FILLERS) or each in keep
        else each.encode("unicode_escape").decode()
        for each in text
    )


def nearest(name: str, known: Iterable[str]) -> list[str]:
    """Return the known names that are spelt most like a mistyped one, at most 3, the best first."""
    return difflib.get_close_matches(name.lower(), list(known), 3)


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a bracket with what :func:`nearest` finds, or nothing."""
    close = nearest(name, known)
    return f" (did you mean {' or '.join(close)}?)" if close else ""
