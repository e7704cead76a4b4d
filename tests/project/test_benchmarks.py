"""The benchmark's own arithmetic: memory, ratios, changes, the document."""

from __future__ import annotations

import copy
import json
import sys
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from agreement import check_agreement
from iotscore.features import FEATURES
from iotscore.simulate.layout import FULL_ROWS
from processes import BenchmarkError, run
from report import (
    DOCUMENT,
    RATIOS,
    RESULTS,
    Spread,
    changes,
    figures,
    load_results,
    ratio,
    read_kernels,
    render,
    verdicts,
)
from traffic import data_files, read_rows, write_subset

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARENT = """
import subprocess, sys, time
held = bytearray(b"1") * 60_000_000
child = "import time; held = bytearray(b'1') * 60_000_000; time.sleep(1.5)"
subprocess.run([sys.executable, "-c", child], check=True)
print('{"rows": 1}')
"""


def entry_of(rows: int = 1000, score_seconds: tuple[float, ...] = (1.0, 2.0)) -> dict[str, Any]:
    """Return made-up measurements: naive Spark takes 10 s, the nightly 20 s and 1 GiB."""
    measurements = []
    for number, seconds in enumerate(score_seconds, start=1):
        for what, taken in (("score", seconds), ("naive", 10.0), ("nightly", 20.0)):
            common = {"round": number, "wall_seconds": taken + 5, "peak_bytes": 2**30}
            stage = {"rows": rows, "seconds": seconds, "driver_memory_bytes": 300 << 20}
            stages = {"stages": {"score": stage}}
            measurements.append(
                {"what": what, "rows": rows, "seconds": taken, **common}
                | (stages if what == "nightly" else {})
            )
    return {
        "rows": rows,
        "command": f"make bench ROWS={rows}",
        "repeats": len(score_seconds),
        "cores": 2,
        "machine": {"cpu": "a processor", "memory": "8 GiB", "system": "Linux"},
        "versions": {"python": "3.11"},
        "agreement": {},
        "measurements": measurements,
    }


NAIVE = next(one for one in RATIOS if one.slow == "naive")


def test_memory_is_that_of_all_processes_together(tmp_path: Path) -> None:
    """A process and its child, 60 MB each, are added up, not taken one by one."""
    outcome = run([sys.executable, "-c", PARENT], tmp_path / "log")
    assert 120e6 < outcome.peak_bytes < 400e6
    assert outcome.last_json() == {"rows": 1}
    assert outcome.wall_seconds > 1.5


def test_a_failed_contender_stops_the_benchmark(tmp_path: Path) -> None:
    """A crash is told with its exit code and the log, and never counts as a fast run."""
    with pytest.raises(BenchmarkError, match=r"exit code 3; the end of .*log says why"):
        run([sys.executable, "-c", "raise SystemExit(3)"], tmp_path / "log")


def write_scores(folder: Path, rows: int, forest: float, network: float) -> Path:
    """Write a table of equal scores."""
    columns = {
        "file_id": pa.array(["a"] * rows),
        "row_no": pa.array(range(rows), pa.int64()),
        "iforest_score": pa.array([forest] * rows),
        "lstm_score": pa.array([network] * rows),
    }
    write_deltalake(folder, pa.table(columns))
    return folder


@pytest.mark.parametrize(
    ("rows", "forest", "network", "fault"),
    [
        (5, 0.5, 2.0, None),
        (5, 0.5 + 1e-8, 2.0, "scores differ"),
        (5, 0.5, 2.0001, "scores differ"),
        (6, 0.5, 2.0, "1 of 6 records"),
    ],
)
def test_contenders_must_agree(
    tmp_path: Path, rows: int, forest: float, network: float, fault: str | None
) -> None:
    """Another score, or a record that only one contender scored, stops the benchmark."""
    project = write_scores(tmp_path / "project", 5, 0.5, 2.0)
    naive = write_scores(tmp_path / "naive", rows, forest, network)
    if fault is None:
        assert check_agreement(project, naive)["rows"] == rows
    else:
        with pytest.raises(BenchmarkError, match=fault):
            check_agreement(project, naive)


def test_a_subset_is_of_whole_files_in_equal_parts(tmp_path: Path) -> None:
    """Of ten files of 10 rows, 25 rows are three files, spread out; their 30 rows make 4 parts."""
    for file in range(10):
        features = {name: pa.array([float(file)] * 10) for name in FEATURES}
        keys = {"file_id": [f"{file}"] * 10, "row_no": pa.array(range(10), pa.int64())}
        write_deltalake(tmp_path / "traffic", pa.table({**keys, **features}), mode="append")
    assert write_subset(tmp_path / "traffic", 25, 4, tmp_path / "subset") == 30
    assert len(data_files(tmp_path / "subset")) == 4
    subset = read_rows(tmp_path / "subset", ["file_id", "row_no"]).to_pylist()
    assert len({(row["file_id"], row["row_no"]) for row in subset}) == 30
    assert len({row["file_id"] for row in subset}) == 3


def test_a_ratio_is_taken_within_a_round() -> None:
    """Machines drift: 10 s against 1 s and 2 s in their own rounds are 10 and 5."""
    assert ratio(entry_of(score_seconds=(1.0, 2.0)), NAIVE) == Spread(5.0, 7.5, 10.0)


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        ((1.0, 2.0), "no ratio changed by more than the spread since the last run"),
        ((0.4, 0.5), "better: score / naive Spark was 7.5 (5 to 10), is 22.5 (20 to 25)"),
        ((4.0, 5.0), "WORSE: score / naive Spark was 7.5 (5 to 10), is 2.25 (2 to 2.5)"),
    ],
)
def test_changes_beyond_the_spread_are_told(seconds: tuple[float, ...], told: str) -> None:
    """A change within the spread is noise; beyond it, its direction is told."""
    assert changes(entry_of(), entry_of(score_seconds=seconds)) == [told]


def other_cores(entry: dict[str, Any]) -> None:
    """Pretend another number of cores."""
    entry["cores"] = 4


def other_processor(entry: dict[str, Any]) -> None:
    """Pretend another processor."""
    entry["machine"] = {**entry["machine"], "cpu": "another"}


@pytest.mark.parametrize("change", [other_cores, other_processor])
def test_another_machine_is_not_compared(change: Callable[[dict[str, Any]], None]) -> None:
    """Ratios of different machines say nothing about the code."""
    now = copy.deepcopy(entry_of(score_seconds=(9.0, 9.0)))
    change(now)
    assert changes(entry_of(), now) == [
        "the last run was on another machine: its ratios are not compared"
    ]


def test_targets_are_judged_by_the_median() -> None:
    """A median of 7.5 misses the target of 12, one of 22.5 reaches it."""
    for seconds, met in (((1.0, 2.0), "no"), ((0.4, 0.5), "yes")):
        entry = entry_of(score_seconds=seconds)
        (row,) = verdicts(entry, {"sizes": {}})
        assert (row["name"], row["target"], row["met"]) == (NAIVE.name, 12.0, met)


def test_full_size_is_compared_with_a_million_rows() -> None:
    """Seconds per row may grow by 15 %: 1.1 s a million against 1.0 s may, 1.2 s may not."""
    million = entry_of(1_000_000, (1.0,))
    for growth, met in ((1.1, "yes"), (1.2, "no")):
        full = entry_of(FULL_ROWS, (FULL_ROWS / 1e6 * growth,))
        rows = verdicts(full, {"sizes": {"1000000": million}})
        found = {row["name"]: row for row in rows}
        growth_row = found["score: seconds per row, against those at 1,000,000 rows"]
        assert growth_row["spread"].median == pytest.approx(growth)
        assert growth_row["met"] == met
        assert found["minutes of the nightly"]["spread"].median == pytest.approx(1 / 3)


@pytest.mark.parametrize(("seconds", "met"), [(19.0, "yes"), (21.0, "no")])
def test_new_records_are_compared_with_a_night_of_their_own(seconds: float, met: str) -> None:
    """A night on top of all records may take twice as long as the same night without them."""
    full = entry_of(FULL_ROWS)
    night = {"what": "increment", "round": 1, "rows": 10, "seconds": seconds, "alone_seconds": 10.0}
    full["measurements"].append(night | {"wall_seconds": seconds, "peak_bytes": 1})
    found = {row["name"]: row for row in verdicts(full, {"sizes": {}})}
    row = found["a night of new records: seconds on top of these, against alone"]
    assert row["spread"].median == pytest.approx(seconds / 10.0)
    assert row["met"] == met


def test_figures_are_per_second_and_core() -> None:
    """1,000 rows in 1 s and 2 s on two cores: 750 rows/s in the middle, 375 a core."""
    (score,) = (row for row in figures(entry_of()) if row["title"].startswith("`score`"))
    assert (score["pace"], score["pace_per_core"]) == (Spread(500.0, 750.0, 1000.0), 375.0)
    assert (score["peak_gib"], score["driver_mib"]) == (1.0, None)
    (nightly,) = (row for row in figures(entry_of()) if row["title"].startswith("`nightly`"))
    assert nightly["driver_mib"] == 300.0


def test_kernels_are_read_from_seconds_a_batch() -> None:
    """10,000 rows in a median of 0.1 s are 100,000 rows/s; the slow quartile is the low end."""
    one = {
        "extra_info": {"kernel": "forest", "title": "forest kernel", "rows": 10_000},
        "stats": {"q1": 0.08, "median": 0.1, "q3": 0.2, "rounds": 30},
    }
    measured = {"machine_info": {"cpu": {"brand_raw": "a processor"}}, "benchmarks": [one]}
    forest = read_kernels(measured)["kernels"]["forest"]
    expected = (50_000, 100_000, 125_000)
    assert (forest["low"], forest["median"], forest["high"]) == pytest.approx(expected)


def test_the_document_says_that_data_are_synthetic_and_what_was_measured() -> None:
    """Command, cores, processor and versions stand beside the figures."""
    text = render({"sizes": {"1000": entry_of()}, "kernels": None})
    for part in ("synthetic", "`make bench ROWS=1000`", "2 cores of a processor", "python 3.11"):
        assert part in text
    assert "| score / naive Spark | 7.5 (5 to 10) | 12.0 | no |" in text
    assert "\n\n\n" not in text


def test_the_document_is_what_the_results_say() -> None:
    """docs/benchmarks.md comes from benchmarks/results.json, and nobody edited it."""
    assert DOCUMENT.read_text(encoding="utf-8") == render(load_results(RESULTS))
    assert json.loads(RESULTS.read_text(encoding="utf-8"))["sizes"]


@pytest.fixture
def recorded() -> dict[str, Any]:
    """Return the recorded results: a million records, and as many as N-BaIoT has."""
    results = load_results(RESULTS)
    assert {"1000000", str(FULL_ROWS)} <= results["sizes"].keys()
    return results


def driver_mib(entry: dict[str, Any], stage: str) -> float:
    """Return the most memory that the driver's Python took in any round of a job of its own."""
    return max(
        one["driver_memory_bytes"] / 2**20
        for one in entry["measurements"]
        if one["what"] == stage and "driver_memory_bytes" in one
    )


@pytest.mark.parametrize("stage", ["ingest", "score"])
def test_the_driver_does_not_grow_with_the_records(recorded: dict[str, Any], stage: str) -> None:
    """Seven times the records take the driver the same memory, to a tenth."""
    small, full = recorded["sizes"]["1000000"], recorded["sizes"][str(FULL_ROWS)]
    assert driver_mib(full, stage) <= 1.1 * driver_mib(small, stage)


@pytest.mark.parametrize(("stage", "gib"), [("train", 2.5), ("evaluate", 1.5)])
def test_the_driver_is_bounded_where_it_holds_samples_and_bins(
    recorded: dict[str, Any], stage: str, gib: float
) -> None:
    """docs/scale.md says what bounds these stages; a full night fits the default driver."""
    assert driver_mib(recorded["sizes"][str(FULL_ROWS)], stage) <= 1024 * gib


def test_the_full_night_keeps_its_promises(recorded: dict[str, Any]) -> None:
    """Every verdict of the recorded full run is met, but for the one that docs/scale.md names."""
    found = verdicts(recorded["sizes"][str(FULL_ROWS)], recorded)
    missed = {row["name"] for row in found if row["met"] == "no"}
    assert missed <= {"score / the published baseline, Keras in steps of 10,000"}
