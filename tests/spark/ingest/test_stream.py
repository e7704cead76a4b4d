"""Files as they come: each is handed out once, and taken up once whoever saw it first."""

from __future__ import annotations

import argparse
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli import stages as stage_module
from iotscore.cli.commands.stream import Stream
from iotscore.errors import BusyError, ChangedSourceError, RefusalError
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.writer_lock import writer_lock
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.landing.folder import LandingFile
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


@pytest.fixture
def stream(
    spark: SparkSession, night_copy: Callable[[str], Warehouse], settings: Callable[..., Any]
) -> Callable[..., Stream]:
    """Return a maker of streams with ``--once`` over copies of one finished night."""
    root = night_copy("default").root

    def make(folder: Path, *assignments: str) -> Stream:
        arguments = argparse.Namespace(
            input=str(folder), warehouse=root, once=True, profile="default"
        )
        return Stream(spark, arguments, settings("default", "stream.seconds=0.01", *assignments))

    return make


def ledger(spark: SparkSession, root: str) -> dict[str, str]:
    """Return the status of each file."""
    rows = open_warehouse(spark, root).rows("ingest_files", ["source_file", "status"])
    return {row["source_file"]: row["status"] for row in rows}


def test_all_that_a_night_would_take_is_taken_up_once(
    spark: SparkSession, stream: Callable[..., Stream], tmp_path: Path
) -> None:
    """Names and times that mean something to Spark; files that come meanwhile; a refused one."""
    folder = tmp_path / "land#1 [new]"
    names = ["Cam #1/benign_traffic.csv", "a?b%41/benign_traffic.csv", "1.2026-11-22.csv"]
    names += ["1.2026-11-01.csv", "_2.csv", "2.2026-11-22.csv"]
    for seed, name in enumerate(names):
        write_traffic(folder / name, make_features(12, seed=200 + seed))
    os.utime(folder / "1.2026-11-01.csv", (1.6e9, 1.6e9))
    os.utime(folder / "1.2026-11-22.csv", (4e9, 4e9))
    one = stream(folder, "stream.files_per_batch=4")
    late = folder / "3.2026-11-23.csv"
    wanted = one._watch.new_files

    def deliver_then_look(most: int) -> list[LandingFile]:
        if not late.exists():
            write_traffic(late, make_features(12, seed=300))
        return wanted(most)

    one._watch.new_files = deliver_then_look  # type: ignore[method-assign]
    before = len(open_warehouse(spark, one.root).rows("scores", ["row_no"]))
    with suppress(RefusalError):
        one.run()
    found = ledger(spark, one.root)
    taken = {*names, late.name} - {"_2.csv"}
    assert {name: found.get(name) for name in taken} == dict.fromkeys(taken, "ingested")
    assert found["_2.csv"] == "refused"
    assert len(open_warehouse(spark, one.root).rows("scores", ["row_no"])) == before + 12 * len(
        taken
    )
    again = stream(folder)
    again.run()
    assert len(open_warehouse(spark, one.root).rows("scores", ["row_no"])) == before + 12 * len(
        taken
    )


def test_what_a_killed_stream_had_ingested_is_scored_by_the_next(
    spark: SparkSession, stream: Callable[..., Stream], settings: Callable[..., Any], tmp_path: Path
) -> None:
    """Though no file is new to it."""
    write_traffic(tmp_path / "in" / "1.2026-11-22.csv", make_features(12, seed=7))
    one = stream(tmp_path / "in")
    warehouse = open_warehouse(spark, one.root)
    Stages(warehouse, settings("default")).ingest(tmp_path / "in")
    before = len(warehouse.rows("scores", ["row_no"]))
    one.run()
    assert len(warehouse.rows("scores", ["row_no"])) == before + 12


def test_files_that_change_while_they_are_read_are_left_for_the_next_look(
    spark: SparkSession,
    stream: Callable[..., Stream],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing of the batch is kept, and it is tried again; three times in a row end the stream."""
    write_traffic(tmp_path / "in" / "1.2026-11-22.csv", make_features(12, seed=8))
    real, tries = stage_module.ingest, []

    def ingest(*arguments: Any, **named: Any) -> object:  # noqa: ANN401 - the stage's own
        tries.append(1)
        if len(tries) < 3:
            raise ChangedSourceError("changed")
        return real(*arguments, **named)

    monkeypatch.setattr(stage_module, "ingest", ingest)
    one = stream(tmp_path / "in")
    one.run()
    assert len(tries) == 3
    assert ledger(spark, one.root)["1.2026-11-22.csv"] == "ingested"
    write_traffic(tmp_path / "in" / "2.2026-11-22.csv", make_features(12, seed=9))
    monkeypatch.setattr(stage_module, "ingest", _changed)
    with pytest.raises(ChangedSourceError):
        stream(tmp_path / "in").run()


def _changed(*_: object, **__: object) -> None:
    raise ChangedSourceError("changed")


def test_what_nightly_took_up_is_not_taken_up_twice(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any], tmp_path: Path
) -> None:
    """A record is scored once per model, whether the stream or a night saw it first."""
    warehouse = night_copy("default")
    landing = tmp_path / "landing"
    for name, seed in (("1.2026-11-21.csv", 5), ("2.2026-11-21.csv", 6)):
        write_traffic(landing / name, make_features(20, seed=seed))
    run = Stages(warehouse, settings("default"))
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
