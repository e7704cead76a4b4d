"""Score a file without a warehouse: ``python -m iotscore score FILE.csv --model DIR``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.cli.score_file import score_file
from iotscore.command_line import CommandParser
from iotscore.errors import IotscoreError, one_line
from iotscore.output import check_output, is_output_lost, set_up_output

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: Sequence[str]) -> int:
    """Score a file, print its scores, and return the exit code (2: the user's fault)."""
    parser = CommandParser(prog="python -m iotscore", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    score = actions.add_parser("score", help="score one CSV file with an exported model")
    score.add_argument("file", type=Path, metavar="FILE.csv", help="in the layout of N-BaIoT")
    score.add_argument(
        "--model", type=Path, required=True, metavar="DIR", help="what models export has written"
    )
    score.add_argument(
        "--device", type=_device, metavar="N", help="number of the device; else as the name says"
    )
    score.add_argument("--explain", action="store_true", help="add why a record is flagged")
    arguments = parser.parse_args(argv)
    set_up_output()
    try:
        ended = score_file(
            arguments.file,
            arguments.model,
            arguments.device,
            sys.stdout,
            is_explained=arguments.explain,
        )
        check_output()
    except IotscoreError as error:
        sys.stderr.write(f"iotscore score: {one_line(str(error))}\n")
        return 2
    if not is_output_lost():
        sys.stderr.write(f"iotscore score: {one_line(ended)}\n")
    return 0


def _device(text: str) -> int:
    if not text.isdecimal():
        message = f"{text!r} is no number of a device, 0 or more"
        raise argparse.ArgumentTypeError(message)
    return int(text)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
