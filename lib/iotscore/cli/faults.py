"""Users' faults behind the errors of other libraries, as far as those can be told from bugs."""

from __future__ import annotations

from typing import Final

from py4j.protocol import Py4JJavaError, Py4JNetworkError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from iotscore.errors import DamagedFileError
from iotscore.s3_refusals import refusal

_JAVA_IS_GONE: Final = (
    "Spark's Java process has ended: it was stopped (SIGTERM) or killed, as the system does where "
    "memory runs out; run the job again, with less DRIVER_MEMORY than there is memory"
)
_KNOWN_FAULTS: Final = {
    "Permission denied": "the warehouse may not be read or written; correct its permissions",
    "No space left on device": "the disk is full; make room and run the job again",
    "DELTA_MISSING_TRANSACTION_LOG": "a table of the warehouse has lost its log; restore it",
    "DELTA_LOG_FILE_NOT_FOUND": "a table of the warehouse has lost a part of its log; restore it",
    "FAILED_READ_FILE": (
        "a file is damaged or cannot be read; restore it from a backup, and run verify, which says "
        "what else is wrong"
    ),
}


def user_fault(error: Exception) -> str | None:
    """Return what a user can correct behind an error that is not ours, None if it is a bug."""
    if isinstance(error, (PySparkException, Py4JJavaError)):
        return refusal(str(error), "the workers") or _told(str(error).strip().splitlines())
    if _is_java_gone(error):
        return _JAVA_IS_GONE
    return refusal(str(error)) if isinstance(error, OSError) else None


def _told(lines: list[str]) -> str | None:
    of_worker = f"{DamagedFileError.__name__}: "
    if line := next((line for line in lines if of_worker in line), None):
        return line.partition(of_worker)[2].strip()
    for sign, advice in _KNOWN_FAULTS.items():
        if line := next((line for line in lines if sign in line), None):
            return f"{advice} ({line[max(line.find('['), 0) :].strip()[:300]})"
    return None


def _is_java_gone(error: BaseException) -> bool:
    """Say whether an error comes of Spark's Java process having ended meanwhile."""
    while not isinstance(error, Py4JNetworkError):
        before = error.__cause__ or error.__context__
        if before is None:
            return False
        error = before
    return True
