"""The job ``stream`` as a contender: a night of new files at once, and file by file as they come.

It scores with the model that a whole night fitted, on a warehouse that holds nothing else.
"""

from __future__ import annotations

import signal
import sys
import time
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from deltalake import DeltaTable

from iotscore.config import load_settings
from iotscore.landing.folder import file_id_of
from iotscore.simulate.layout import DEVICES
from processes import BenchmarkError, run, serving
from stages import ROOT, new_captures, with_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from processes import Service
    from stages import Place

FILES: Final = 10
"""Files that arrive one after the other in a round; the first meets a stream that just started."""
FILE_ROWS: Final = 1_000
"""Records of each of them."""
_SIMULATED_PER_FILE: Final = 25
"""Records to simulate for one of a file: the smallest device has a twentieth of all records."""
_LOOK_SECONDS: Final = 0.1
"""Between two looks at a ledger: what is measured is at most this much too long."""
_LONGEST_WAIT: Final = 600.0
"""Seconds after which a file counts as lost."""
_STOPPED: Final = 128 + signal.SIGTERM


def measure_once(place: Place, rows: int, number: int) -> dict[str, Any]:
    """Run ``stream --once`` over a landing folder of new files; the seconds are those on the wall.

    All files together have so many rows, other ones in each round.
    """
    warehouse = with_model(place.model, place.fresh_scratch() / "warehouse")
    landing = new_captures(place, rows, number)
    outcome = run([*_command(landing, warehouse), "--once"], place.log)
    scored = entries(warehouse / "scored_files", "rows_scored")
    if sum(scored.values()) != rows:
        message = f"stream scored {sum(scored.values())} rows of {rows}; see {place.log}"
        raise BenchmarkError(message)
    runs = DeltaTable(str(warehouse / "ingest_files")).to_pyarrow_table(columns=["run_id"])
    return {
        "rows": rows,
        "seconds": outcome.wall_seconds,
        "files": len(scored),
        "files_per_batch": load_settings(ROOT / "conf", "default").stream.files_per_batch,
        "batches": len(runs["run_id"].unique()),
        "flagged": sum(entries(warehouse / "explained_files", "rows_explained").values()),
        "wall_seconds": outcome.wall_seconds,
        "peak_bytes": outcome.peak_bytes,
    }


def measure_latency(place: Place, number: int) -> dict[str, Any]:
    """Let files arrive one after the other while ``stream`` runs, then stop it by SIGTERM.

    Each file comes when the one before is done and a pause is over. The pauses are spread evenly
    over the time between two looks at the landing folder: a file that always came at once would
    always meet the same part of it.

    Returns
    -------
    dict
        ``scored`` and ``explained`` have, by file, the seconds from its renaming until the ledger
        names it; ``rows`` are the records of one file, ``flagged`` the explained ones of all.
    """
    warehouse = with_model(place.model, place.fresh_scratch() / "warehouse")
    captures = write_captures(_simulated(place, number), place.scratch / "whole", FILES, FILE_ROWS)
    landing = place.scratch / "landing"
    landing.mkdir()
    every = load_settings(ROOT / "conf", "default").stream.seconds
    waits = []
    started = time.perf_counter()
    with serving(_command(landing, warehouse), place.log) as stream:
        _await(lambda: is_watching(warehouse), stream, "watch its folder")
        for position, capture in enumerate(captures):
            time.sleep(every * (position + 0.5) / len(captures))
            waits.append(arrive(capture, landing, warehouse, stream))
        code = stream.stop()
    if code != _STOPPED:
        message = f"stream ended with exit code {code} after SIGTERM, not {_STOPPED}"
        raise BenchmarkError(message)
    scored, explained = zip(*waits, strict=True)
    return {
        "rows": FILE_ROWS,
        "every_seconds": every,
        "scored": list(scored),
        "explained": list(explained),
        "flagged": sum(entries(warehouse / "explained_files", "rows_explained").values()),
        "wall_seconds": time.perf_counter() - started,
        "peak_bytes": stream.peak_bytes,
    }


def arrive(capture: Path, landing: Path, warehouse: Path, stream: Service) -> tuple[float, float]:
    """Rename a file into the landing folder; return the seconds until it is scored and explained.

    Raises
    ------
    BenchmarkError
        The stream ended or took too long, or did not score each record of the file.
    """
    name, file_id = capture.name, file_id_of(capture.name)
    ledger = warehouse / "scored_files"
    arrived = time.perf_counter()
    capture.rename(landing / name)
    scored = _await(lambda: file_id in entries(ledger, "rows_scored"), stream, f"score {name}")
    explained = _await(
        lambda: file_id in entries(warehouse / "explained_files", "rows_explained"),
        stream,
        f"explain {name}",
    )
    if (rows := entries(ledger, "rows_scored")[file_id]) != FILE_ROWS:
        message = f"stream scored {rows} records of {name}, which has {FILE_ROWS}"
        raise BenchmarkError(message)
    return scored - arrived, explained - arrived


def is_watching(warehouse: Path) -> bool:
    """Say whether a stream has done what an earlier one left, and now looks at its folder."""
    if not DeltaTable.is_deltatable(str(warehouse / "runs")):
        return False
    runs = DeltaTable(str(warehouse / "runs")).to_pyarrow_table(columns=["stage", "status"])
    return {"stage": "explain", "status": "done"} in runs.to_pylist()


def entries(ledger: Path, rows: str) -> dict[str, int]:
    """Return a column of a ledger by file, as readers without Spark see it; empty before it is."""
    if not DeltaTable.is_deltatable(str(ledger)):
        return {}
    table = DeltaTable(str(ledger)).to_pyarrow_table(columns=["file_id", rows])
    return dict(zip(table["file_id"].to_pylist(), table[rows].to_pylist(), strict=True))


def write_captures(made: Path, folder: Path, files: int, rows: int) -> list[Path]:
    """Cut simulated files into captures in a new folder, one device after the other.

    Each has so many rows, no two the same: benign ones and attacks as the device has them.

    Raises
    ------
    BenchmarkError
        A device has too few records.
    """
    folder.mkdir()
    captures = []
    for number in range(files):
        turn, device = divmod(number, len(DEVICES))
        header, records = _of_device(made, device + 1)
        every = len(records) // rows
        if turn >= every:
            message = (
                f"device {device + 1} has {len(records)} simulated records; its captures need "
                f"{rows * (turn + 1)}"
            )
            raise BenchmarkError(message)
        captures.append(folder / f"{device + 1}.2026-02-{number + 1:02d}.csv")
        chosen = islice(records, turn, None, every)
        captures[-1].write_text(header + "".join(islice(chosen, rows)), encoding="utf-8")
    return captures


def _of_device(made: Path, device: int) -> tuple[str, list[str]]:
    """Return the header and the records of a device, kind after kind."""
    header, records = "", []
    for path in sorted(made.glob(f"{device}.*.csv")):
        with path.open(encoding="utf-8") as lines:
            header = next(lines)
            records += list(lines)
    return header, records


def _simulated(place: Place, number: int) -> Path:
    made = place.scratch / "made"
    rows = str(_SIMULATED_PER_FILE * FILE_ROWS)
    command = ("--rows", rows, "--out", made, "--seed", str(2000 + number))
    run([sys.executable, "-m", "iotscore.simulate", *command], place.log)
    return made


def _command(landing: Path, warehouse: Path) -> list[str | Path]:
    return [ROOT / "spark-submit.sh", "stream", "--input", landing, "--warehouse", warehouse]


def _await(has_come: Callable[[], bool], stream: Service, what: str) -> float:
    """Return when something had come, looking often."""
    given_up = time.perf_counter() + _LONGEST_WAIT
    while not has_come():
        stream.check()
        if time.perf_counter() > given_up:
            message = f"the stream did not {what} within {_LONGEST_WAIT:.0f} s"
            raise BenchmarkError(message)
        time.sleep(_LOOK_SECONDS)
    return time.perf_counter()
