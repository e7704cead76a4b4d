"""Download the real N-BaIoT data set from Kaggle: ``python -m iotscore.fetch --out DIR``.

The result is the flat layout of 92 files: 89 traffic files named ``3.gafgyt.tcp.csv`` and three
metadata files. What arrived is checked against the data set's own ``data_summary.csv``, file by
file and line by line.
"""

from __future__ import annotations

import importlib
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from iotscore.command_line import CommandParser
from iotscore.errors import (
    EnvironmentFaultError,
    InputError,
    IotscoreError,
    ReconciliationError,
    first_line,
    one_line,
)
from iotscore.landing.folder import SYNTHETIC_MARKER
from iotscore.landing.metadata import DATA_SUMMARY, METADATA_FILES, parse_summary
from iotscore.output import check_output, set_up_output

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DATASET: Final = "mkashifn/nbaiot-dataset"
"""The data set's name on Kaggle."""

TRAFFIC_FILES: Final = 89
"""9 benign, 45 gafgyt and 35 mirai files (Meidan et al. 2018; two devices have no mirai)."""

_CHUNK: Final = 1 << 22


@dataclass(frozen=True)
class Fetched:
    """Traffic files of the folder, their records, and whether they were downloaded now."""

    files: int
    rows: int
    is_new: bool


def fetch(out: Path, download: Callable[[str], str] | None = None) -> Fetched:
    """Download the data set into a folder and check it; do nothing if it is there and complete.

    ``download`` takes the data set's name and returns the folder where its files lie; by default it
    is ``kagglehub.dataset_download``.

    Raises
    ------
    EnvironmentFaultError
        kagglehub is not installed, Kaggle cannot be reached, or the disk is too small.
    InputError
        The folder holds demo data.
    ReconciliationError
        Files are missing or have other line counts than ``data_summary.csv`` says; all are named.
    """
    if (out / SYNTHETIC_MARKER).exists():
        message = f"{out} holds synthetic demo data; choose another folder for the real data set"
        raise InputError(message)
    is_new = bool(mismatches(out))
    if is_new:
        _copy(_downloaded(download or _kagglehub()), out)
        if faults := mismatches(out):
            message = (
                f"{len(faults)} mismatches between {out} and its {DATA_SUMMARY}; delete the files "
                "named here, and Kaggle's cache of them, and fetch again:"
            )
            raise ReconciliationError("\n  ".join([message, *faults]))
    expected = parse_summary((out / DATA_SUMMARY).read_bytes())
    return Fetched(files=len(expected), rows=sum(expected.values()), is_new=is_new)


def mismatches(folder: Path) -> list[str]:
    """Return how a folder differs from the 92-file layout and its own ``data_summary.csv``.

    Files that the layout does not know are left out of account.
    """
    faults = [
        f"{name} is missing" for name in sorted(METADATA_FILES) if not (folder / name).is_file()
    ]
    if not (folder / DATA_SUMMARY).is_file():
        return faults
    expected = parse_summary((folder / DATA_SUMMARY).read_bytes())
    if len(expected) != TRAFFIC_FILES:
        faults.append(
            f"{DATA_SUMMARY} lists {len(expected)} traffic files, needed are {TRAFFIC_FILES}"
        )
    for name, rows in sorted(expected.items()):
        path = folder / name
        if not path.is_file():
            faults.append(f"{name} is missing")
        elif (actual := _data_rows(path)) != rows:
            faults.append(f"{name} has {actual:,} data rows, needed are {rows:,}")
    return faults


def _kagglehub() -> Callable[[str], str]:
    try:
        module = importlib.import_module("kagglehub")
    except ImportError as error:
        message = 'kagglehub is not installed. Type: pip install "kagglehub>=0.3"'
        raise EnvironmentFaultError(message) from error
    download: Callable[[str], str] = module.dataset_download
    return download


def _downloaded(download: Callable[[str], str]) -> Path:
    # What kagglehub raises about the network, an answer of Kaggle or the disk is an OSError.
    try:
        return Path(download(DATASET))
    except OSError as error:
        message = (
            f"{DATASET} could not be fetched from Kaggle ({first_line(error)}); check the network, "
            "or download the data set by hand and pass its folder as --input"
        )
        raise EnvironmentFaultError(message) from error


def _copy(source: Path, out: Path) -> None:
    paths = {path.name: path for path in sorted(source.rglob("*.csv"))}
    if DATA_SUMMARY not in paths:
        message = f"what came from Kaggle lies in {source} and holds no {DATA_SUMMARY}; look there"
        raise ReconciliationError(message)
    wanted = METADATA_FILES | parse_summary(paths[DATA_SUMMARY].read_bytes()).keys()
    files = [paths[name] for name in sorted(wanted & paths.keys())]
    out.mkdir(parents=True, exist_ok=True)
    needed, free = sum(path.stat().st_size for path in files), shutil.disk_usage(out).free
    if free < needed:
        message = (
            f"{out} has {free / 1e9:.1f} GB left and {needed / 1e9:.1f} GB are needed; "
            "make room or choose another folder"
        )
        raise EnvironmentFaultError(message)
    for path in files:
        # An interrupted copy must not look like a file.
        partial = out / f"{path.name}.partial"
        shutil.copyfile(path, partial)
        partial.replace(out / path.name)


def _data_rows(path: Path) -> int:
    """Count the lines after the header, the last one with or without a line end."""
    lines, last = 0, b"\n"
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            lines += chunk.count(b"\n")
            last = chunk[-1:]
    return max(lines + (last != b"\n") - 1, 0)


def main(argv: Sequence[str]) -> int:
    """Fetch the data set and print one closing line; return the exit code (2: user fault)."""
    parser = CommandParser(prog="python -m iotscore.fetch", description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="where the 92 files go")
    arguments = parser.parse_args(argv)
    started = time.perf_counter()
    set_up_output()
    try:
        fetched = fetch(arguments.out)
        seconds = time.perf_counter() - started
        verb = f"fetched in {seconds:.0f} s:" if fetched.is_new else "nothing to do, complete:"
        sys.stdout.write(
            f"{verb} {fetched.rows:,} rows in {fetched.files} traffic files in {arguments.out}\n"
        )
        check_output()
    except IotscoreError as error:
        sys.stderr.write(f"iotscore.fetch: {one_line(str(error))}\n")
        return 2
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
