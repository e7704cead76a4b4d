"""Make demo data: ``python -m iotscore.simulate --rows 200000 --out DIR --seed 1``."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.command_line import CommandParser
from iotscore.errors import ConfigError, IotscoreError, one_line
from iotscore.output import check_output, set_up_output
from iotscore.simulate.generate import generate
from iotscore.simulate.layout import FILES, FULL_ROWS

if TYPE_CHECKING:
    from collections.abc import Sequence


def _rows(text: str) -> int:
    if text == "full":
        return FULL_ROWS
    try:
        return int(text.replace("_", "").replace(",", ""))
    except ValueError:
        message = f"--rows is {text!r}, but a whole number or 'full' ({FULL_ROWS:,}) is needed"
        raise ConfigError(message) from None


def main(argv: Sequence[str]) -> int:
    """Write demo data and one closing line; return the exit code (2: the user's fault)."""
    parser = CommandParser(prog="python -m iotscore.simulate", description=__doc__)
    parser.add_argument("--rows", default="200000", help="rows over all files, or 'full'")
    parser.add_argument("--out", type=Path, required=True, help="a new or empty folder")
    parser.add_argument("--seed", type=int, default=1, help="same seed, same bytes (default 1)")
    parser.add_argument("--processes", type=int, default=None, help="default: one per core")
    arguments = parser.parse_args(argv)
    started = time.perf_counter()
    set_up_output()
    try:
        rows = _rows(arguments.rows)
        if arguments.seed < 0:
            message = f"--seed is {arguments.seed}, but 0 or more is needed: give another one"
            raise ConfigError(message)
        if arguments.processes is not None and arguments.processes < 1:
            message = (
                f"--processes is {arguments.processes}, but at least 1 is needed: leave it out "
                f"for one per core"
            )
            raise ConfigError(message)
        written = generate(arguments.out, rows, arguments.seed, arguments.processes)
        seconds = time.perf_counter() - started
        what = f"{rows:,} synthetic rows in {len(FILES)} traffic files"
        if written:
            pace = f"{seconds:.1f} s, {rows / seconds:,.0f} rows/s"
            sys.stdout.write(f"wrote {what}: {pace}, folder {arguments.out}\n")
        else:
            sys.stdout.write(f"nothing to do: {arguments.out} already holds these {what}\n")
        check_output()
    except (IotscoreError, OSError) as error:
        # An OSError here is a full disk or a folder that may not be written.
        sys.stderr.write(f"iotscore.simulate: {one_line(str(error))}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
