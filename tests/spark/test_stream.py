"""Files as they come: each is handed out once, and taken up once whoever saw it first."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.errors import BusyError, InputError
from iotscore.spark.lock import writer_lock
from iotscore.spark.stream import names_below, stream_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import numpy as np
    from pyspark.sql import SparkSession

    from iotscore.spark.tables import Warehouse

pytestmark = pytest.mark.spark


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a landing folder whose name means something to Spark, with three files."""
    place = tmp_path / "landing [new] {a,b} 100%41"
    (place / "deeper").mkdir(parents=True)
    for name in ("1.2026-11-20.csv", "2.2026-11-20.csv", "deeper/3.2026-11-20.CSV"):
        (place / name).write_text("x\n")
    (place / "notes.txt").write_text("no capture")
    return place


def hand_out(spark: SparkSession, folder: Path, root: Path, most: int = 2) -> list[frozenset[str]]:
    """Return the batches that a stream hands out now."""
    batches: list[frozenset[str]] = []
    stream_files(spark, str(folder), str(root), most, None, lambda _, names: batches.append(names))
    return batches


def test_each_file_is_handed_out_once_a_bounded_number_at_a_time(
    spark: SparkSession, folder: Path, tmp_path: Path
) -> None:
    """Also after a restart, which hands out only what came since."""
    batches = hand_out(spark, folder, tmp_path)
    assert [len(names) for names in batches] == [2, 1]
    expected = {"1.2026-11-20.csv", "2.2026-11-20.csv", "deeper/3.2026-11-20.CSV"}
    assert frozenset.union(*batches) == expected
    (folder / "4.2026-11-21.csv").write_text("x\n")
    assert hand_out(spark, folder, tmp_path) == [frozenset({"4.2026-11-21.csv"})]


def test_a_batch_that_failed_is_handed_out_again(
    spark: SparkSession, folder: Path, tmp_path: Path
) -> None:
    """The fault comes out as it was raised, and nothing of the batch is taken for done."""

    def fail(number: int, names: frozenset[str]) -> None:
        message = f"batch {number} of {len(names)}"
        raise InputError(message)

    with pytest.raises(InputError, match="batch 0 of 3"):
        stream_files(spark, str(folder), str(tmp_path), 9, None, fail)
    assert [len(names) for names in hand_out(spark, folder, tmp_path, most=9)] == [3]


def test_a_watching_stream_sees_what_comes_later(
    spark: SparkSession, folder: Path, tmp_path: Path
) -> None:
    """Without an end it looks again; what it raises ends it."""
    seen: list[frozenset[str]] = []

    def take(number: int, names: frozenset[str]) -> None:
        seen.append(names)
        if number == 0:
            threading.Timer(0.3, (folder / "5.2026-11-21.csv").write_text, ["x\n"]).start()
        else:
            raise BusyError("enough")

    with pytest.raises(BusyError, match="enough"):
        stream_files(spark, str(folder), str(tmp_path), 9, 0.2, take)
    assert seen[1] == {"5.2026-11-21.csv"}


@pytest.mark.parametrize(
    ("root", "path"),
    [
        ("/data/in", "file:/data/in/a/1.csv"),
        ("/data/in", "file:///data/in/a/1.csv"),
        ("file:///data/in/", "file:/data/in/a/1.csv"),
        ("hdfs://host:9000/data/in", "hdfs://host:9000/data/in/a/1.csv"),
        ("s3a://bucket/in", "s3a://bucket/in/a/1.csv"),
    ],
)
def test_paths_are_told_below_the_folder(root: str, path: str) -> None:
    """Whatever form Spark gives them."""
    assert names_below(root, [path]) == {"a/1.csv"}


def test_what_nightly_took_up_is_not_taken_up_twice(
    night_copy: Callable[[str], Warehouse],
    stages: type,
    settings: Callable[..., Any],
    tmp_path: Path,
    write_traffic: Callable[[Path, np.ndarray], None],
    make_features: Callable[..., np.ndarray],
) -> None:
    """A record is scored once per model, whether the stream or a night saw it first."""
    warehouse = night_copy("default")
    landing = tmp_path / "landing"
    for name, seed in (("1.2026-11-21.csv", 5), ("2.2026-11-21.csv", 6)):
        write_traffic(landing / name, make_features(20, seed=seed))
    run = stages(warehouse, settings("default"))
    before = len(warehouse.rows("scores", ["row_no"]))
    run.ingest(landing, frozenset({"1.2026-11-21.csv"}))
    assert run.score() == 20
    run.ingest(landing)
    assert run.score() == 20
    run.ingest(landing, frozenset({"1.2026-11-21.csv", "2.2026-11-21.csv"}))
    assert run.score() == 0
    assert len(warehouse.rows("scores", ["row_no"])) == before + 40


def test_a_busy_warehouse_is_told_from_a_broken_one(tmp_path: Path) -> None:
    """The stream waits for a job that writes, and for nothing else."""
    first, second = writer_lock(str(tmp_path)), writer_lock(str(tmp_path))
    with first, pytest.raises(BusyError, match="another job"), second:
        pytest.fail("two writers")
