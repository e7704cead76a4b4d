"""The exit codes of jobs: what each means, and what a scheduler should do about it."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final

DONE: Final = 0
BUG: Final = 1
USER_FAULT: Final = 2
ALERTED: Final = 3
HUNG_UP: Final = 128 + signal.SIGHUP
INTERRUPTED: Final = 128 + signal.SIGINT
STOPPED: Final = 128 + signal.SIGTERM

CHECK_FAILED: Final = 1
"""Of ``verify``: the job did its work, and the warehouse is wrong."""

OVER_LIMIT: Final = 124
"""Of ``deploy/nightly.sh``, as of ``timeout``."""


@dataclass(frozen=True)
class ExitCode:
    """An exit code, what has happened, and what a scheduler should do about it.

    The meaning names the command if it is the code of one alone.
    """

    code: int
    meaning: str
    to_do: str


EXIT_CODES: Final = (
    ExitCode(DONE, "done", "nothing"),
    ExitCode(
        BUG,
        "a bug, with a traceback",
        "report it; a retry may help if the machine was at fault",
    ),
    ExitCode(
        CHECK_FAILED,
        "of `verify`: a check failed; standard output says which",
        "call a person, before the next run if possible",
    ),
    ExitCode(
        USER_FAULT,
        "something to correct: configuration, input, refused files, undelivered alerts, "
        "permissions, another job writing; one line on standard error",
        "call a person",
    ),
    ExitCode(
        ALERTED,
        "all work is done, and there is a new alert as severe as `--fail-on` says; refused files "
        "and undelivered alerts are named on standard error as well",
        "call a person to look at the alert",
    ),
    ExitCode(
        OVER_LIMIT,
        "of `deploy/nightly.sh`: not done within `LIMIT` seconds; stopped, and killed if it was "
        "not gone `GRACE` (60) seconds later",
        "call a person; the next run continues where this one ended",
    ),
    ExitCode(
        HUNG_UP,
        "stopped by SIGHUP: the terminal was closed; not if it was started by `nohup`",
        "run it again",
    ),
    ExitCode(INTERRUPTED, "stopped by SIGINT, such as by Ctrl-C", "run it again"),
    ExitCode(134, "Spark's Java process crashed, mostly for lack of memory", "run it again"),
    ExitCode(
        137,
        "killed by SIGKILL, mostly for lack of memory",
        "run it again; if it happens again, give it more memory",
    ),
    ExitCode(STOPPED, "stopped by SIGTERM", "run it again"),
)
"""All that a scheduler may see, by number."""


def gravest(*codes: int) -> int:
    """Return the most important of several exit codes of a job.

    A stop comes before a bug, a bug before an alert, and an alert before what a user can correct:
    an attack must not be hidden behind a file that was refused in the same night.
    """
    return next((code for code in _BY_GRAVITY if code in codes), max(codes, default=DONE))


_BY_GRAVITY: Final = (STOPPED, INTERRUPTED, HUNG_UP, BUG, ALERTED, USER_FAULT, DONE)
