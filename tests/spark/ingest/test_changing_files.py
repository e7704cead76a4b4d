"""Files that vanish, shrink or grow while ingest reads them, and files that it cannot read."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.errors import InputError, RefusalError
from iotscore.ingest import stage as ingesting
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

TABLES = ("traffic", "quarantine", "ingest_files")


@pytest.fixture
def folder(landing: Path, tmp_path: Path) -> Path:
    """Return a landing folder of two files, one of them with a bad line."""
    found = tmp_path / "in"
    found.mkdir()
    shutil.copy(landing / "1.benign.csv", found)
    shutil.copy(landing / "2.benign.csv", found)
    with (found / "1.benign.csv").open("a") as file:
        file.write("bad\n")
    return found


@pytest.fixture
def run(spark: SparkSession, settings: Callable, tmp_path: Path) -> Callable:
    """Return a maker of stages on an empty warehouse, written directly or through Spark."""

    def make(way: str = "auto") -> object:
        warehouse = open_warehouse(spark, str(tmp_path / "warehouse"), direct=way)
        return Stages(warehouse, settings("default", *CHOSEN))

    return make


def sources_of(run: object, table: str) -> Counter[str]:
    """Return how many rows of a table each file has."""
    return Counter(row["source_file"] for row in run.warehouse.rows(table, ["source_file"]))


def grow(path: Path) -> None:
    """Append a line."""
    with path.open("a") as file:
        file.write("1,2\n")


def rewrite(path: Path) -> None:
    """Change one digit and nothing of the size; the number of lines stays."""
    before = path.stat().st_mtime_ns
    content = path.read_bytes()
    path.write_bytes(content[:-2] + b"7\n")
    os.utime(path, ns=(before, before + 5_000))


CHOSEN = ("ingest.chunk_megabytes=0.02", "ingest.follow_links=true")
CHANGES = {
    "vanishes": (Path.unlink, "it is gone"),
    "is cut": (lambda path: os.truncate(path, 30_000), "bytes and has 30000"),
    "is emptied": (lambda path: os.truncate(path, 0), "bytes and has 0"),
    "grows": (grow, "bytes and has"),
    "is rewritten": (rewrite, "it was written to"),
}


@pytest.mark.parametrize(
    ("way", "step", "change"),
    [
        ("auto", "_write_traffic", "vanishes"),
        ("auto", "_write_traffic", "is cut"),
        ("auto", "_write_traffic", "is emptied"),
        ("auto", "_reconciled", "vanishes"),
        ("auto", "_reconciled", "grows"),
        ("never", "_write_traffic", "vanishes"),
        ("auto", "_reconciled", "is rewritten"),
    ],
)
def test_a_change_between_survey_and_ledger(
    run: Callable,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
    step: str,
    change: str,
) -> None:
    """The run ends with the file named and nothing kept; the next one takes what is there then."""
    make, what = CHANGES[change]
    real = getattr(ingesting, step)

    def first_change(*arguments: object) -> object:
        make(folder / "1.benign.csv")
        return real(*arguments)

    monkeypatch.setattr(ingesting, step, first_change)
    with pytest.raises(InputError) as told:
        run(way).ingest(folder)
    assert "1.benign.csv (" in str(told.value)
    assert what in str(told.value)
    assert "2.benign.csv" not in str(told.value)
    assert str(told.value).endswith("run ingest again once they are delivered whole")
    assert "\n" not in str(told.value)
    assert [sources_of(run(way), table) for table in TABLES] == [{}, {}, {}]

    monkeypatch.setattr(ingesting, step, real)
    last = run(way)
    details = (last.ingest_refusing if change == "is emptied" else last.ingest)(folder)
    wanted = {"vanishes": (1, 0), "is emptied": (1, 1)}.get(change, (2, 0))
    assert (details["files_ingested"], details["files_refused"]) == wanted
    ledger = run(way).warehouse.rows("ingest_files")
    assert sources_of(run(way), "traffic") == {
        row["source_file"]: row["rows_accepted"] for row in ledger if row["status"] == "ingested"
    }


@pytest.mark.parametrize("change", ["vanishes", "grows"])
def test_a_change_before_the_survey_spares_the_others(
    run: Callable, folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """What changes between listing and survey is refused alone, and read by the next run."""
    real = ingesting.survey_all

    def first_change(*arguments: object) -> object:
        CHANGES[change][0](folder / "1.benign.csv")
        return real(*arguments)

    monkeypatch.setattr(ingesting, "survey_all", first_change)
    details = run().ingest_refusing(folder)
    assert (details["files_ingested"], details["files_refused"]) == (1, 1)
    ledger = {row["source_file"]: row for row in run().warehouse.rows("ingest_files")}
    refused = ledger["1.benign.csv"]
    assert (refused["status"], refused["reason"]) == ("refused", "changing")
    assert (refused["sha256"], refused["rows_read"]) == (None, 0)

    monkeypatch.setattr(ingesting, "survey_all", real)
    assert run().ingest(folder)["files_ingested"] == (change == "grows")


def test_a_file_that_becomes_readable_is_read(run: Callable, folder: Path, landing: Path) -> None:
    """A file whose refusal may pass is tried each night, though its size and time are the same."""
    memory = Path("/proc/1/mem")
    if not memory.is_file():
        pytest.skip("only Linux has a file that root cannot read")
    (folder / "3.benign.csv").symlink_to(memory)
    for _ in range(2):
        assert run().ingest_refusing(folder)["files_refused"] == 1
    ledger = [row["reason"] for row in run().warehouse.rows("ingest_files") if row["reason"]]
    assert ledger == ["unreadable"] * 2
    (folder / "3.benign.csv").unlink()
    shutil.copy(landing / "2.mirai.syn.csv", folder / "3.benign.csv")
    assert run().ingest(folder)["files_ingested"] == 1


def test_a_refusal_passes_when_its_reason_is_mended(
    warehouse: Warehouse, settings: Callable, folder: Path
) -> None:
    """A file refused for its name, or its count, is read once patterns or summary are mended."""
    (folder / "1.benign.csv").rename(folder / "first.csv")
    summary = folder / "data_summary.csv"
    summary.write_text("File Name,Data Count,Feature Count\n2.benign.csv,7,115\n")
    with pytest.raises(RefusalError, match="says 7 rows, the file has 60"):
        Stages(warehouse, settings("default")).ingest(folder)
    details = Stages(warehouse, settings("default")).ingest(folder)
    assert (details["files_refused"], details["files_still_refused"]) == (0, 2)
    summary.write_text("File Name,Data Count,Feature Count\n2.benign.csv,60,115\n")
    mended = settings("default", r"ingest.patterns=['(?P<device>\w+)\.csv', '(?P<device>2).*']")
    assert Stages(warehouse, mended).ingest(folder)["files_ingested"] == 2
