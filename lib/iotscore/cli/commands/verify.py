"""The job ``verify``: prove a warehouse, print what held and what did not."""

from __future__ import annotations

import secrets
from argparse import ArgumentTypeError
from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from iotscore.cli.arguments import absolute, job_parser
from iotscore.cli.console import open_console
from iotscore.cli.job import checked_settings, configured_warehouse, guarded, session
from iotscore.exit_codes import CHECK_FAILED, DONE
from iotscore.verify import Check, Outcome, verify_warehouse
from iotscore.warehouse.writer_lock import no_writer

if TYPE_CHECKING:
    import argparse

_SAMPLE_ROWS: Final = 1_000
_MOST_FINDINGS: Final = 5
_SEEDS: Final = 10**6
_STYLES: Final = {Outcome.HOLDS: "green", Outcome.FAILED: "bold red"}


def main(argv: list[str]) -> int:
    """Verify, print, and return the exit code."""
    parser = job_parser(
        "verify", "Prove a warehouse: counts, keys, checksums, scores.", reads_input=False
    )
    parser.add_argument(
        "--sample",
        type=_count,
        default=_SAMPLE_ROWS,
        metavar="N",
        help=f"scores of each model that are computed again; {_SAMPLE_ROWS:,} if not given",
    )
    parser.add_argument(
        "--seed",
        type=_seed,
        default=None,
        metavar="N",
        help="chooses the sample, 0 or more; if not given, a random one that is printed",
    )
    parser.add_argument(
        "--model", metavar="VERSION", help="whose scores to look at; all models' if not given"
    )
    arguments = parser.parse_args(argv)
    checks: list[Check] = []
    code = guarded("verify", lambda: checks.extend(_run(arguments)))
    if code != DONE:
        return code
    print_checks(checks)
    return exit_code(checks)


def exit_code(checks: list[Check]) -> int:
    """Return what a scheduler should see: 1 if a check failed."""
    is_wrong = any(check.outcome is Outcome.FAILED for check in checks)
    return CHECK_FAILED if is_wrong else DONE


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        message = f"{text!r} is not a number of rows, 1 or more"
        raise ArgumentTypeError(message)
    return int(text)


def _seed(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) >= _SEEDS:
        message = f"{text!r} is not a seed, a whole number from 0 to {_SEEDS - 1}"
        raise ArgumentTypeError(message)
    return int(text)


def _run(arguments: argparse.Namespace) -> list[Check]:
    settings = checked_settings(arguments)
    root = absolute(arguments.warehouse)
    seed = secrets.randbelow(_SEEDS) if arguments.seed is None else arguments.seed
    with no_writer(root), session("verify") as spark:
        warehouse = configured_warehouse(spark, root, settings)
        return verify_warehouse(warehouse, arguments.sample, arguments.model, seed)


def print_checks(checks: list[Check]) -> None:
    """Print a row per check, with its first few findings."""
    table = Table("check", "compared", "outcome", title="Checks", title_justify="left")
    for check in checks:
        lines = [check.compared, *(f"- {one}" for one in check.findings[:_MOST_FINDINGS])]
        if (more := len(check.findings) - _MOST_FINDINGS) > 0:
            lines.append(f"- and {more:,} more")
        outcome = Text(check.outcome, style=_STYLES.get(check.outcome, ""))
        table.add_row(check.name, "\n".join(lines), outcome)
    console = open_console()
    console.print(table)
    failed = sum(check.outcome is Outcome.FAILED for check in checks)
    console.print(f"{failed} of {len(checks)} checks failed" if failed else "nothing is wrong")
