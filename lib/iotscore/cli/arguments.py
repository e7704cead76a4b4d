"""The command line of the jobs."""

from __future__ import annotations

import argparse
import os
import re
from datetime import date
from pathlib import Path
from typing import Final

from iotscore.command_line import CommandParser
from iotscore.errors import InputError
from iotscore.landing.event_days import Days

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


def job_parser(name: str, description: str, *, reads_input: bool) -> CommandParser:
    """Return the parser of a job on a warehouse, and on a landing folder if it ``reads_input``."""
    parser = CommandParser(prog=f"./spark-submit.sh {name}", description=description)
    if reads_input:
        parser.add_argument(
            "--input", required=True, metavar="DIR", help="landing folder with the CSV files"
        )
    add_settings(parser)
    return parser


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Add the warehouse and the configuration."""
    add_warehouse(parser)
    parser.add_argument(
        "--profile", default="default", help="a file in conf/profiles: default or paper"
    )
    parser.add_argument(
        "--config",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="YAML file over the profile; may be given several times, later ones win",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        dest="assignments",
        metavar="KEY=VALUE",
        help="one configuration value, such as train.max_train_rows=5000; wins over all files",
    )


def add_warehouse(parser: argparse.ArgumentParser) -> None:
    """Add the argument that every job needs."""
    parser.add_argument(
        "--warehouse", required=True, metavar="DIR", help="folder of the Delta tables"
    )


def add_model(parser: argparse.ArgumentParser) -> None:
    """Add the choice of a model version."""
    parser.add_argument(
        "--model", metavar="VERSION", help="model version; the champion if not given"
    )


def add_days(parser: argparse.ArgumentParser) -> None:
    """Add the choice of days of capture, to fill in what was missed."""
    for name, text in (
        ("--date", "only files of this day, YYYY-MM-DD; without one in its name: of today"),
        ("--since", "only files of this day and later ones"),
        ("--until", "only files of this day and earlier ones"),
    ):
        parser.add_argument(name, type=parse_day, metavar="DAY", help=text)


def parse_day(text: str) -> date:
    """Return a day that was given as an argument."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = f"{text!r} is no day; give it as YYYY-MM-DD"
        raise argparse.ArgumentTypeError(message) from None


def chosen_days(arguments: argparse.Namespace) -> Days:
    """Return the days that were asked for; all of them where a job has no such arguments.

    Raises
    ------
    InputError
        No day is left, or one day and a range were given together.
    """
    day, since, until = (getattr(arguments, name, None) for name in ("date", "since", "until"))
    if day is not None and (since is not None or until is not None):
        message = "--date is one day, --since and --until are a range; give one or the other"
        raise InputError(message)
    return Days(day or since, day or until)


def absolute(folder: str) -> str:
    """Return a local folder as an absolute path, a URI, such as ``file:/data``, as it is."""
    return folder if _URI.match(folder) else str(Path(folder).expanduser().resolve())


def home() -> Path:
    """Return the project's folder, which holds ``conf``; ``spark-submit.sh`` passes it."""
    return Path(os.environ.get("IOTSCORE_HOME", "."))
