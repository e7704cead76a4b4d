"""How the benchmark measures the job ``stream``: its files, its waits, what the document says."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import psutil
import pyarrow as pa
import pytest
from deltalake import write_deltalake

from iotscore.landing.folder import file_id_of
from latency import Wait, latency
from processes import BenchmarkError, Service, serving
from report import figures, render, summary_lines
from stream import FILE_ROWS, arrive, entries, write_captures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

OBEDIENT = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
print("ready", file=sys.stderr, flush=True)
time.sleep(60)
"""
FAMILY = """
import subprocess, sys
subprocess.run([sys.executable, "-c", "import time; time.sleep(60)"])
"""


def eventually(holds: Callable[[], bool]) -> None:
    """Wait until something holds."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_a_service_is_stopped_as_people_stop_it(tmp_path: Path) -> None:
    """It gets SIGTERM and answers with its own exit code."""
    log = tmp_path / "log"
    with serving([sys.executable, "-c", OBEDIENT], log) as service:
        eventually(lambda: "ready" in log.read_text())
        service.check()
        assert service.stop() == 143


def test_a_service_that_ended_by_itself_stops_the_benchmark(tmp_path: Path) -> None:
    """Nothing waits for files of a stream that is gone."""
    told = r"exit code 3; the end of .*log says why"
    with (
        serving([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log") as service,
        pytest.raises(BenchmarkError, match=told),
    ):
        eventually(lambda: service.check() is not None)


def test_no_process_outlives_a_measurement_that_failed(tmp_path: Path) -> None:
    """Neither the command nor what it started."""
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    begun: list[psutil.Process] = []

    def has_begun() -> bool:
        now = psutil.Process().children(recursive=True)
        begun[:] = [one for one in now if one.pid not in before]
        return len(begun) == 2

    def fail() -> None:
        with serving([sys.executable, "-c", FAMILY], tmp_path / "log"):
            eventually(has_begun)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    eventually(lambda: not any(one.is_running() and one.status() != "zombie" for one in begun))


def write_device(folder: Path, device: int, benign: int, attacks: int) -> None:
    """Write a device's simulated files: each record has a number of its own."""
    numbers = iter(range(device * 1000, device * 1000 + benign + attacks))
    for kind, count in (("benign", benign), ("mirai.ack", attacks)):
        records = "".join(f"{kind},{next(numbers)}\n" for _ in range(count))
        (folder / f"{device}.{kind}.csv").write_text("kind,number\n" + records)


def test_captures_hold_each_record_once_and_the_mix_of_their_device(tmp_path: Path) -> None:
    """Two captures of device 1, one of each other; 2 of 10 records are benign, as in the whole."""
    for device in range(1, 10):
        write_device(tmp_path, device, 4, 16)
    captures = write_captures(tmp_path, tmp_path / "cut", 10, 10)
    assert [path.name[0] for path in captures] == [*"1234567891"]
    lines = [path.read_text().splitlines() for path in captures]
    assert {header for header, *_ in lines} == {"kind,number"}
    for path, (_, *records) in zip(captures, lines, strict=True):
        assert [record.split(",")[0] for record in records] == 2 * ["benign"] + 8 * ["mirai.ack"]
        assert {record.split(",")[1][0] for record in records} == {path.name[0]}
    everything = [record for _, *records in lines for record in records]
    assert len(set(everything)) == len(everything) == 100


def test_too_few_records_for_the_captures_are_told(tmp_path: Path) -> None:
    """A record is never used twice to fill a capture."""
    for device in range(1, 10):
        write_device(tmp_path, device, 4, 15)
    with pytest.raises(BenchmarkError, match=r"device 1 has 19 simulated records; .* need 20"):
        write_captures(tmp_path, tmp_path / "cut", 10, 10)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Service]:
    """Return a service that does nothing."""
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    with serving(command, tmp_path / "log") as service:
        yield service


def take_up(landing: Path, warehouse: Path, name: str, rows: int) -> None:
    """Do what the stream does: enter a file into the ledgers, 0.4 s and 0.9 s after it came."""
    eventually((landing / name).exists)
    for pause, ledger, column in (
        (0.4, "scored_files", "rows_scored"),
        (0.5, "explained_files", "rows_explained"),
    ):
        time.sleep(pause)
        entry = {"file_id": [file_id_of(name)], column: pa.array([rows], pa.int64())}
        write_deltalake(warehouse / ledger, pa.table(entry), mode="append")


@pytest.mark.parametrize("rows", [FILE_ROWS, FILE_ROWS - 1])
def test_a_wait_is_from_the_renaming_to_the_ledger(
    tmp_path: Path, sleeper: Service, rows: int
) -> None:
    """Seconds are those until readers see the entry; a file that lost a record does not count."""
    landing, warehouse = tmp_path / "landing", tmp_path / "warehouse"
    landing.mkdir()
    assert entries(warehouse / "scored_files", "rows_scored") == {}
    capture = tmp_path / "1.2026-02-01.csv"
    capture.write_text("x\n")
    stream = threading.Thread(target=take_up, args=(landing, warehouse, capture.name, rows))
    stream.start()
    try:
        if rows == FILE_ROWS:
            scored, explained = arrive(capture, landing, warehouse, sleeper)
            assert 0.4 <= scored < explained - 0.3
            assert 0.9 <= explained < 20
        else:
            with pytest.raises(BenchmarkError, match=r"scored 999 records .* which has 1000"):
                arrive(capture, landing, warehouse, sleeper)
    finally:
        stream.join()
    assert entries(warehouse / "scored_files", "rows_scored") == {file_id_of(capture.name): rows}


def entry_of(*rounds: tuple[list[float], list[float]]) -> dict[str, Any]:
    """Return made-up measurements: a night at once, and the waits of each round."""
    costs = {"wall_seconds": 25.0, "peak_bytes": 2**30}
    once = {"rows": 5000, "seconds": 25.0, "files": 40, "files_per_batch": 16, "batches": 3}
    measurements = [{"what": "stream", "round": 1, **once, "flagged": 4321, **costs}]
    for number, (scored, explained) in enumerate(rounds, start=1):
        waits = {"rows": 1000, "every_seconds": 10.0, "scored": scored, "explained": explained}
        flagged = {"flagged": 900 * len(scored)}
        measurements.append({"what": "latency", "round": number, **waits, **flagged, **costs})
    return {
        "rows": 9000,
        "command": "make bench ROWS=9000",
        "repeats": len(rounds),
        "cores": 2,
        "machine": {"cpu": "a processor", "memory": "8 GiB", "system": "Linux"},
        "versions": {"python": "3.11"},
        "agreement": {},
        "measurements": measurements,
    }


ROUNDS = (([20.0, 4.0, 9.0], [22.0, 5.0, 10.0]), ([19.0, 6.0, 7.0], [23.0, 7.0, 8.0]))


def test_the_first_file_after_a_start_stands_alone() -> None:
    """Medians are over the files of all rounds that met a stream at work."""
    found = latency(entry_of(*ROUNDS))
    assert found is not None
    scored, explained = found["waits"]
    assert scored == Wait(scored.title, files=4, median=6.5, longest=9.0, first=20.0)
    assert explained == Wait(explained.title, files=4, median=7.5, longest=10.0, first=23.0)
    assert (found["flagged"], found["rounds"], found["peak_gib"]) == (90.0, 2, 1.0)


def test_the_document_says_what_waits_are_and_how_they_were_measured() -> None:
    """Records of a file, time between two looks, how many files: all from the measurements."""
    text = render({"sizes": {"9000": entry_of(*ROUNDS)}, "kernels": None})
    for part in (
        "**Latency** is how long a file waits",
        "40 files in 3 batches of at most 16; 4,321 records are flagged",
        "looks every 10 s: files of 1,000 records, 90 % of them flagged",
        "In each of 2 rounds",
        "`scored_files`: they are scored | 4 | 6.5 | 9.0 | 20.0 |",
    ):
        assert part in text
    assert "there | 4 | 7.5 | 10.0 | 23.0 |" in text
    assert "start to end | 5,000 | 25 (25 to 25) | 25.0 | 200 | 100 | 1.00 |" in text
    assert "\n\n\n" not in text


def test_waits_are_told_on_the_terminal_and_are_no_rate() -> None:
    """Rows of the table of rates are what was measured as one: not files that waited."""
    entry = entry_of(*ROUNDS)
    assert [row["rows"] for row in figures(entry)] == [5000]
    told = "\n".join(summary_lines(entry, {"sizes": {}}))
    assert "they are scored: median 6.5 s, longest 9.0 s of 4 files of 1,000 records" in told


def test_without_waits_the_document_does_not_speak_of_them() -> None:
    """Earlier results had none."""
    assert latency(entry_of()) is None
    assert "Latency" not in render({"sizes": {"9000": entry_of()}, "kernels": None})
