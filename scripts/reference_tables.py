"""Tables of README and docs/ that are made from code; ``make reference`` writes them there.

A page holds a comment that names a function of this module, and what the function returned last;
``make lint`` fails if it returns something else now.
"""

from __future__ import annotations

import ast
import contextlib
import io
import os
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotscore.alerts.kinds import ALERT_KINDS
from iotscore.exit_codes import EXIT_CODES
from iotscore.landing.reason_codes import FILES, LINES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_LONG: Final = "make_test_storage"
"""What marks tests that are left out of every test run."""
ROOT: Final = Path(__file__).resolve().parent.parent
_LEFT_OUT: Final = re.compile(r" \[(?:-h|--profile PROFILE|--config FILE|--set KEY=VALUE)\]")
"""What every job has, or has if it has settings."""


def exit_codes() -> str:
    """Return the exit codes with what they mean."""
    return table(("code", "meaning"), ((str(one.code), one.meaning) for one in EXIT_CODES))


def exit_codes_and_what_to_do() -> str:
    """Return the exit codes with what they mean, and what a scheduler should do."""
    rows = ((str(one.code), one.meaning, one.to_do) for one in EXIT_CODES)
    return table(("code", "meaning", "what a scheduler should do"), rows)


def reason_codes() -> str:
    """Return why lines and files are refused."""
    lines = ((f"`{one.code}`", "line", one.what) for one in LINES)
    files = ((f"`{one.code}`", "file", one.what) for one in FILES)
    return table(("code", "refused", "because"), (*lines, *files))


def line_reasons() -> str:
    """Return why lines are refused, and what to know."""
    rows = ((one.what, f"`{one.code}`", one.to_do) for one in LINES)
    return table(("line", "reason", "to know"), rows)


def file_reasons() -> str:
    """Return why files are refused, and what to do."""
    rows = ((one.what, f"`{one.code}`", one.to_do) for one in FILES)
    return table(("file", "reason", "to know"), rows)


def alert_kinds() -> str:
    """Return the kinds of alerts, what was seen and what to do."""
    rows = ((f"`{one.kind}`", one.severity, one.seen, one.to_do) for one in ALERT_KINDS)
    return table(("kind", "severity", "what was seen", "what to do"), rows)


def storage_proofs() -> str:
    """Return where tests have put data, and what they compared: a row for each of their marks."""
    rows = (row for path in sorted((ROOT / "tests").rglob("test_*.py")) for row in _proofs(path))
    return table(("place", "data", "what is compared", "run by"), sorted(rows))


def usage() -> str:
    """Return how each job is called, a line each, without what all of them have."""
    return "\n".join(["```", *(line for job in jobs() for line in _usage(job)), "```", ""])


def jobs() -> list[str]:
    """Return the names of the jobs, ``nightly`` first."""
    names = sorted(path.stem for path in (ROOT / "jobs").glob("*.py"))
    return sorted(names, key=lambda name: name != "nightly")


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _proofs(test_file: Path) -> Iterator[tuple[str, str, str, str]]:
    """Yield place, data, what is compared and when it runs of each mark ``proves_storage``."""
    module = ast.parse(test_file.read_text(encoding="utf-8"))
    of_all = [ast.unparse(one) for one in module.body if isinstance(one, ast.Assign)]
    for test in module.body:
        marks = test.decorator_list if isinstance(test, ast.FunctionDef) else []
        often = [*(one for one in of_all if one.startswith("pytestmark")), *map(ast.unparse, marks)]
        is_long = any(_LONG in one for one in often)
        for mark in marks:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(".proves_storage"):
                said = {str(one.arg): ast.literal_eval(one.value) for one in mark.keywords}
                when = "`make test-storage`" if is_long else "every test run"
                yield said["place"], said["data"], said["compared"], when


def _usage(job: str) -> list[str]:
    """Return how a job is called, or each of its actions."""
    first, *rest = _help(job)
    if " ACTION " not in first:
        return [_LEFT_OUT.sub("", first).removeprefix("usage: ")]
    actions = [match[1] for line in rest if (match := re.match(r" {4}(\w+) ", line))]
    return [_LEFT_OUT.sub("", _help(job, action)[0]).removeprefix("usage: ") for action in actions]


def _help(job: str, *action: str) -> list[str]:
    shown = io.StringIO()
    os.environ["COLUMNS"] = "1000"
    main = runpy.run_path(str(ROOT / "jobs" / f"{job}.py"))["main"]
    with contextlib.redirect_stdout(shown), contextlib.suppress(SystemExit):
        main([*action, "--help"])
    return shown.getvalue().splitlines()
