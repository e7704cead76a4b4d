"""Write the demo data: each file from its own simulated capture, files spread over processes."""

from __future__ import annotations

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.errors import ConfigError
from iotscore.features import SOURCE_FEATURES
from iotscore.simulate.afterimage import AfterImage
from iotscore.simulate.attacks import attack
from iotscore.simulate.benign import benign
from iotscore.simulate.decimals import csv_bytes
from iotscore.simulate.layout import FILES, KINDS, TrafficFile, allocate, write_metadata
from iotscore.simulate.packets import RECORDED

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

MARKER: Final = "SYNTHETIC.json"
"""The file that tells readers of the folder that its rows were simulated."""
GENERATOR_VERSION: Final = 1
"""Goes up whenever the same arguments give other bytes."""

RUN_ROWS: Final = 20
"""Consecutive records that a shortened file keeps together."""
_BATCH: Final = 16384
"""Packets whose rows are in memory at once."""
_HEADER: Final = (",".join(SOURCE_FEATURES) + "\n").encode("ascii")


def kept_records(total: int, wanted: int) -> NDArray[np.bool_]:
    """Choose which records of a capture become rows.

    All of them; or the first one, the cold start that every published file begins with, and runs
    of consecutive records spread evenly over the rest, so that a short file still covers the whole
    capture and still has neighbours. Exactly `wanted` of `total`, 1 or more, are true.
    """
    kept = np.zeros(total, dtype=bool)
    kept[0] = True
    others, skipped = wanted - 1, total - wanted
    runs = -(-others // RUN_ROWS)
    if runs:
        run = np.arange(runs + 1)
        first = run * others // runs
        start = first[:-1] + (run * skipped // runs)[1:] + 1
        lengths = np.diff(first)
        kept[np.arange(others) + np.repeat(start - first[:-1], lengths)] = True
    return kept


def file_rows(file: TrafficFile, rows: int, seed: int) -> Iterator[NDArray[np.float64]]:
    """Simulate one file and yield its rows, in order, in blocks of shape (n, 115).

    The capture is as long as the original one (or `rows` long, if that is more) and depends on
    the seed and the file alone, so neither other files nor the number of processes matter.
    """
    rng = np.random.default_rng([seed, file.device, KINDS.index(file.kind)])
    total = max(rows, file.original_rows)
    if file.kind == "benign":
        sent = benign(file.device, total, rng)
    else:
        sent = attack(file.device, file.kind, total, rng)
    records = np.flatnonzero(sent["flags"] & RECORDED)
    sent["flags"][records[~kept_records(total, rows)]] &= ~RECORDED
    statistics = AfterImage()
    for start in range(0, len(sent), _BATCH):
        block = statistics.rows(sent[start : start + _BATCH])
        if len(block):
            yield block


def write_file(folder: Path, file: TrafficFile, rows: int, seed: int) -> int:
    """Write one traffic file; return its size in bytes."""
    with (folder / file.name).open("wb") as sink:
        sink.write(_HEADER)
        sink.writelines(csv_bytes(block) for block in file_rows(file, rows, seed))
        return sink.tell()


def _summary(marker: dict[str, Any]) -> str:
    return ", ".join(f"{key} {marker.get(key)}" for key in ("rows", "seed", "generator_version"))


def _cores() -> int:
    """Return how many cores this process may use (macOS cannot tell, so all of them)."""
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


def _prepare(folder: Path, marker: dict[str, Any]) -> bool:
    """Make the folder ready; return whether it already holds exactly this data.

    Raises
    ------
    ConfigError
        If the folder holds anything else.
    """
    path = folder / MARKER
    if path.is_file():
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            same = {**found, "complete": True} == marker
        except (ValueError, TypeError):
            found, same = {}, False
        if not same:
            message = (
                f"--out {folder} holds other demo data ({_summary(found)}) than was asked for "
                f"({_summary(marker)}): choose another folder or remove that one first"
            )
            raise ConfigError(message)
        return bool(found["complete"])
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        message = (
            f"--out {folder} is not an empty folder and has no {MARKER}, so what is in it is not "
            f"demo data: choose an empty or a new folder"
        )
        raise ConfigError(message)
    folder.mkdir(parents=True, exist_ok=True)
    return False


def _write_marker(folder: Path, marker: dict[str, Any], *, complete: bool) -> None:
    text = json.dumps({**marker, "complete": complete}, indent=2)
    (folder / MARKER).write_text(text + "\n", encoding="utf-8")


def _write_files(
    folder: Path, work: list[tuple[TrafficFile, int]], seed: int, processes: int
) -> None:
    if processes == 1:
        for file, rows in work:
            write_file(folder, file, rows, seed)
        return
    # Kernels are compiled, or loaded, before other processes need them.
    for block in file_rows(FILES[0]._replace(original_rows=1), 1, seed=0):
        csv_bytes(block)
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        jobs = [pool.submit(write_file, folder, file, rows, seed) for file, rows in work]
        for job in jobs:
            job.result()


def generate(folder: Path, rows: int, seed: int, processes: int | None = None) -> bool:
    """Write demo data of `rows` rows in the 92-file layout, and the marker that says so.

    Return False if the folder already held exactly this data, so that nothing was written.

    Parameters
    ----------
    folder : Path
        New, empty, or with the same demo data, complete or not.
    rows : int
        Rows over all 89 traffic files.
    seed : int
        Not negative; the same seed gives the same bytes, whatever the number of processes.
    processes : int, optional
        Processes to spread files over; default: one per core.

    Raises
    ------
    ConfigError
        If `rows` is too small or the folder holds something else.
    """
    shares = allocate(rows)
    marker = {
        "what": "synthetic traffic, simulated by iotscore; no row was captured",
        "generator_version": GENERATOR_VERSION,
        "seed": seed,
        "rows": rows,
        "files": len(FILES),
        "complete": True,
    }
    if _prepare(folder, marker):
        return False
    _write_marker(folder, marker, complete=False)
    write_metadata(folder, shares)
    # Largest first, so that no process is left alone with a large file at the end.
    work = sorted(zip(FILES, shares, strict=True), key=lambda item: -item[0].original_rows)
    _write_files(folder, work, seed, processes or _cores())
    _write_marker(folder, marker, complete=True)
    return True
