"""Records, scores and explanations that are lost, doubled or foreign fail their own check."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from iotscore.models.registry import champion
from iotscore.verify import Outcome
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages
from table_damage import change, delta_table, duplicate, remove
from verify_checks import failing, outcomes, verified

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

    Copy = Callable[[str], Warehouse]

pytestmark = pytest.mark.spark


def test_a_ledger_that_contradicts_itself(damaged: Warehouse) -> None:
    """Lines read must be accepted plus quarantined, and as many as data_summary.csv said."""
    change(damaged, "ingest_files", "source_file = '1.benign.csv'", rows_read="91")
    change(damaged, "ingest_files", "source_file = '2.benign.csv'", rows_expected="61")
    assert failing(damaged) == [
        "ledger",
        "1.benign.csv: 91 lines read, 90 accepted + 0 quarantined",
        "1.benign.csv: 91 lines read, data_summary.csv said 90",
        "2.benign.csv: 60 lines read, data_summary.csv said 61",
    ]


def test_a_file_that_was_ingested_twice(damaged: Warehouse) -> None:
    """A second row of the ledger for one file is named, whatever its records say."""
    row = damaged.rows("ingest_files")[0]
    damaged.append("ingest_files", [row])
    assert failing(damaged) == [
        "ledger",
        f"{row['source_file']}: ingested 2 times, needed once",
    ]


def test_lost_and_foreign_records(damaged: Warehouse) -> None:
    """Each accepted record is in traffic, once over all runs, and none of an unknown run is."""
    remove(damaged, "traffic", "source_file = '1.benign.csv' AND row_no = 7")
    duplicate(damaged, "traffic", "2.benign.csv", 7, ingest_run="other")
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == ["traffic", "keys"]
    assert checks["traffic"].findings == (
        "1.benign.csv: 90 accepted, 89 in traffic",
        "2.benign.csv: 1 rows in traffic of the run other, which no ledger has",
    )
    doubled = "2.benign.csv: row 7 is there 2 times in traffic, needed once"
    assert checks["keys"].findings == (doubled,)


@pytest.fixture
def ingested(
    spark: SparkSession, tmp_path: Path, landing: Path, settings: Callable[..., Any]
) -> Warehouse:
    """Return a warehouse with two refused lines and two refused files, and nothing scored yet."""
    folder = tmp_path / "landing"
    folder.mkdir()
    lines = (landing / "1.benign.csv").read_text().splitlines(keepends=True)
    (folder / "1.benign.csv").write_text(
        "".join([*lines[:5], "x\n", *lines[5:-1], "\n", lines[-1]])
    )
    (folder / "surprise.csv").write_text("x\n1\n")
    (folder / "2.benign.csv").write_text("")
    warehouse = open_warehouse(spark, str(tmp_path / "warehouse"))
    Stages(warehouse, settings("default")).ingest_refusing(folder)
    return warehouse


def test_refused_lines_and_files(ingested: Warehouse) -> None:
    """Quarantine has a row for each refused line and file, and none besides."""
    checks = verified(ingested)
    assert outcomes(checks, Outcome.HOLDS) == list(checks)
    assert checks["quarantine"].compared == "2 lines, 2 files = refused"
    remove(ingested, "quarantine", "row_no = 5")
    remove(ingested, "quarantine", "source_file = 'surprise.csv'")
    duplicate(ingested, "quarantine", "1.benign.csv", 91, run_id="other")
    assert failing(ingested) == [
        "quarantine",
        "1.benign.csv: 2 lines refused, 1 in quarantine",
        "1.benign.csv: 1 rows in quarantine of the run other, which no ledger has",
        "surprise.csv: 1 file refused, 0 in quarantine",
    ]


def test_lost_and_foreign_scores(damaged: Warehouse) -> None:
    """Rows in scores are those that scored_files tells, each once, and no others."""
    version = champion(damaged)
    remove(damaged, "scores", "source_file = '1.benign.csv' AND row_no = 7")
    duplicate(damaged, "scores", "2.benign.csv", 7, run_id="other")
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == ["scores", "keys"]
    assert checks["scores"].findings == (
        f"model {version}, 1.benign.csv: 90 scored, 89 in scores",
        f"model {version}, 2.benign.csv: 1 rows in scores of the run other, which no ledger has",
    )
    doubled = f"2.benign.csv: row 7 is there 2 times in scores of model {version}, needed once"
    assert checks["keys"].findings == (doubled,)


def test_lost_and_foreign_explanations(damaged: Warehouse) -> None:
    """An explanation that is gone, and one of a run that no ledger knows."""
    rows = damaged.rows("explanations")
    first = min(rows, key=lambda row: (row["source_file"], row["row_no"]))
    remove(
        damaged,
        "explanations",
        f"file_id = '{first['file_id']}' AND row_no = {first['row_no']}",
    )
    damaged.append("explanations", [{**first, "run_id": "nobody"}])
    checks = verified(damaged)
    assert outcomes(checks, Outcome.FAILED) == ["explanations"]
    assert len(checks["explanations"].findings) == 2
    assert checks["explanations"].findings[1].endswith("of the run nobody, which no ledger has")


@pytest.mark.parametrize(("profile", "rows", "due"), [("default", 89, 90), ("paper", 44, 45)])
def test_records_that_were_not_scored(night_copy: Copy, profile: str, rows: int, due: int) -> None:
    """A model has scored all accepted records of a file, or its share of them."""
    warehouse = night_copy(profile)
    number = delta_table(warehouse, "scores").to_pandas().query("source_file == '1.benign.csv'")
    row_no = number["row_no"].min()
    remove(warehouse, "scores", f"source_file = '1.benign.csv' AND row_no = {row_no}")
    remove(warehouse, "score_histogram", "true")
    change(warehouse, "scored_files", f"rows_scored = {due}", rows_scored=str(rows))
    change(warehouse, "scored_files", "true", records_hash="NULL")
    name, fault = failing(warehouse)
    assert name == "scores"
    assert fault.endswith(f"1.benign.csv: {rows} scored, needed {due} of 90 accepted")


def test_a_file_that_is_scored_but_not_ingested(damaged: Warehouse) -> None:
    """Ledgers of scores and of records speak of the same files, once each."""
    row = damaged.rows("scored_files")[0] | {"rows_scored": 0, "records_hash": 0}
    damaged.append("scored_files", [row | {"file_id": "gone"}])
    version = champion(damaged)
    name, fault = failing(damaged)
    assert (name, fault) == ("scores", f"model {version}, gone: scored, but not ingested")


@pytest.mark.parametrize("table", ["traffic", "scores"])
def test_a_record_that_is_there_twice(damaged: Warehouse, table: str) -> None:
    """A repeated key, and a row number that the file does not have, are found by number."""
    remove(damaged, table, "source_file = '1.benign.csv' AND row_no = 7")
    duplicate(damaged, table, "1.benign.csv", 8)
    change(damaged, table, "source_file = '2.benign.csv' AND row_no = 60", row_no="61")
    where = table if table == "traffic" else f"scores of model {champion(damaged)}"
    name, *faults = failing(damaged, "content")
    assert name == "keys"
    assert sorted(faults) == [
        f"1.benign.csv: 90 rows in {where}, as many as needed, but other row_no",
        f"1.benign.csv: row 8 is there 2 times in {where}, needed once",
        f"2.benign.csv: row_no from 1 to 61 in {where}, the file has the lines 1 to 60",
    ]


def test_a_sample_of_other_records(night_copy: Copy) -> None:
    """A profile that scores a half of each file must have scored its own half."""
    warehouse = night_copy("paper")
    scored = delta_table(warehouse, "scores").to_pandas().query("source_file == '1.benign.csv'")
    inside = scored["row_no"].iloc[0]
    outside = min(set(range(1, 91)) - set(scored["row_no"]))
    where = f"source_file = '1.benign.csv' AND row_no = {inside}"
    change(warehouse, "scores", where, row_no=str(outside))
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["keys", "sample"]
    (fault,) = checks["keys"].findings
    assert fault.endswith("as many as needed, but other row_no")
