"""The proof of a warehouse: a finished night holds, and each kind of damage fails its own check."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from iotscore.cli.commands.verify import exit_code, print_checks
from iotscore.cli.job import guarded
from iotscore.errors import ModelError, WarehouseError
from iotscore.features import FEATURES
from iotscore.models.registry import champion, load_model
from iotscore.query.query import as_query_errors
from iotscore.runs.run_log import recover
from iotscore.verify import Check, Outcome, verify_warehouse
from iotscore.verify.rescore import sampled_scores
from iotscore.verify.snapshot import gather
from iotscore.warehouse.delta_rs.table import data_files
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.writer_lock import no_writer, writer_lock

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

    Copy = Callable[[str], Warehouse]

pytestmark = pytest.mark.spark

ALL_ROWS = 1_000


def opened(warehouse: Warehouse, table: str) -> DeltaTable:
    """Return a table to damage."""
    return DeltaTable(f"{warehouse.root}/{table}")


def change(warehouse: Warehouse, table: str, where: str, **values: str) -> None:
    """Set columns of some rows to SQL expressions."""
    done = opened(warehouse, table).update(updates=values, predicate=where)
    assert done["num_updated_rows"] > 0


def remove(warehouse: Warehouse, table: str, where: str) -> None:
    """Delete some rows."""
    assert opened(warehouse, table).delete(where)["num_deleted_rows"] > 0


def duplicate(warehouse: Warehouse, table: str, file: str, row_no: int, **values: str) -> None:
    """Add a record once more, with some texts changed."""
    rows = opened(warehouse, table).to_pyarrow_table()
    is_it = pc.and_(pc.equal(rows["source_file"], file), pc.equal(rows["row_no"], row_no))
    for name, value in values.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), [[value] * rows.num_rows])
    write_deltalake(f"{warehouse.root}/{table}", rows.filter(is_it), mode="append")


def verified(warehouse: Warehouse, version: str | None = None) -> dict[str, Check]:
    """Verify all scores; return the checks by name."""
    return {check.name: check for check in verify_warehouse(warehouse, ALL_ROWS, version)}


def outcomes(checks: dict[str, Check], outcome: Outcome) -> list[str]:
    """Return the names of the checks that ended so."""
    return [name for name, check in checks.items() if check.outcome is outcome]


def failing(warehouse: Warehouse, *others: str) -> list[str]:
    """Return the findings of the check that fails, its name first; others must fail besides."""
    checks = verified(warehouse)
    assert exit_code(list(checks.values())) == 1
    (name,) = (each for each in outcomes(checks, Outcome.FAILED) if each not in others)
    assert {name, *others} == set(outcomes(checks, Outcome.FAILED))
    return [name, *checks[name].findings]


def start_ingest(warehouse: Warehouse) -> None:
    """Leave in ``runs`` what an ingest leaves that is killed right after its start."""
    before = {"versions_before": {"traffic": warehouse.version("traffic"), "quarantine": None}}
    start = {"run_id": "dead", "stage": "ingest", "status": "running"}
    warehouse.append("runs", [start | {"details": json.dumps(before)}])


def first_file(warehouse: Warehouse, table: str) -> Path:
    """Return a data file of a table."""
    return Path(data_files(f"{warehouse.root}/{table}", {})[0])


@pytest.mark.parametrize("profile", ["default", "paper"])
def test_a_finished_night_holds(
    profile: str, night: Warehouse, paper_night: Warehouse, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every check of an untouched warehouse holds, all scores are compared, nothing is written."""
    warehouse, scored = {"default": (night, 260), "paper": (paper_night, 130)}[profile]
    before = {path: path.stat().st_mtime_ns for path in Path(warehouse.root).rglob("*")}
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.HOLDS) == list(checks)
    assert checks["sample"].compared.startswith(f"{scored} scores of 1 models")
    assert {path: path.stat().st_mtime_ns for path in Path(warehouse.root).rglob("*")} == before
    print_checks(list(checks.values()))
    assert "nothing is wrong" in capsys.readouterr().out
    assert exit_code(list(checks.values())) == 0


def test_a_ledger_that_contradicts_itself(night_copy: Copy) -> None:
    """Lines read must be accepted plus quarantined, and as many as data_summary.csv said."""
    warehouse = night_copy("default")
    change(warehouse, "ingest_files", "source_file = '1.benign.csv'", rows_read="91")
    change(warehouse, "ingest_files", "source_file = '2.benign.csv'", rows_expected="61")
    assert failing(warehouse) == [
        "ledger",
        "1.benign.csv: 91 lines read, 90 accepted + 0 quarantined",
        "1.benign.csv: 91 lines read, data_summary.csv said 90",
        "2.benign.csv: 60 lines read, data_summary.csv said 61",
    ]


def test_a_file_that_was_ingested_twice(night_copy: Copy) -> None:
    """A second row of the ledger for one file is named, whatever its records say."""
    warehouse = night_copy("default")
    row = warehouse.rows("ingest_files")[0]
    warehouse.append("ingest_files", [row])
    assert failing(warehouse) == [
        "ledger",
        f"{row['source_file']}: ingested 2 times, needed once",
    ]


def test_lost_and_foreign_records(night_copy: Copy) -> None:
    """Each accepted record is in traffic, once over all runs, and none of an unknown run is."""
    warehouse = night_copy("default")
    remove(warehouse, "traffic", "source_file = '1.benign.csv' AND row_no = 7")
    duplicate(warehouse, "traffic", "2.benign.csv", 7, ingest_run="other")
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["traffic", "keys"]
    assert checks["traffic"].findings == (
        "1.benign.csv: 90 accepted, 89 in traffic",
        "2.benign.csv: 1 rows in traffic of the run other, which no ledger has",
    )
    doubled = "2.benign.csv: row 7 is there 2 times in traffic, needed once"
    assert checks["keys"].findings == (doubled,)


@pytest.fixture
def ingested(
    spark: SparkSession, tmp_path: Path, landing: Path, stages: type, settings: Callable[..., Any]
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
    stages(warehouse, settings("default")).ingest_refusing(folder)
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


def test_lost_and_foreign_scores(night_copy: Copy) -> None:
    """Rows in scores are those that scored_files tells, each once, and no others."""
    warehouse = night_copy("default")
    version = champion(warehouse)
    remove(warehouse, "scores", "source_file = '1.benign.csv' AND row_no = 7")
    duplicate(warehouse, "scores", "2.benign.csv", 7, run_id="other")
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["scores", "keys"]
    assert checks["scores"].findings == (
        f"model {version}, 1.benign.csv: 90 scored, 89 in scores",
        f"model {version}, 2.benign.csv: 1 rows in scores of the run other, which no ledger has",
    )
    doubled = f"2.benign.csv: row 7 is there 2 times in scores of model {version}, needed once"
    assert checks["keys"].findings == (doubled,)


def test_lost_and_foreign_explanations(night_copy: Copy) -> None:
    """An explanation that is gone, and one of a run that no ledger knows."""
    warehouse = night_copy("default")
    rows = warehouse.rows("explanations")
    first = min(rows, key=lambda row: (row["source_file"], row["row_no"]))
    remove(
        warehouse,
        "explanations",
        f"file_id = '{first['file_id']}' AND row_no = {first['row_no']}",
    )
    warehouse.append("explanations", [{**first, "run_id": "nobody"}])
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["explanations"]
    assert len(checks["explanations"].findings) == 2
    assert checks["explanations"].findings[1].endswith("of the run nobody, which no ledger has")


@pytest.mark.parametrize(("profile", "rows", "due"), [("default", 89, 90), ("paper", 44, 45)])
def test_records_that_were_not_scored(night_copy: Copy, profile: str, rows: int, due: int) -> None:
    """A model has scored all accepted records of a file, or its share of them."""
    warehouse = night_copy(profile)
    number = opened(warehouse, "scores").to_pandas().query("source_file == '1.benign.csv'")
    row_no = number["row_no"].min()
    remove(warehouse, "scores", f"source_file = '1.benign.csv' AND row_no = {row_no}")
    remove(warehouse, "score_histogram", "true")
    change(warehouse, "scored_files", f"rows_scored = {due}", rows_scored=str(rows))
    change(warehouse, "scored_files", "true", records_hash="NULL")
    name, fault = failing(warehouse)
    assert name == "scores"
    assert fault.endswith(f"1.benign.csv: {rows} scored, needed {due} of 90 accepted")


def test_a_file_that_is_scored_but_not_ingested(night_copy: Copy) -> None:
    """Ledgers of scores and of records speak of the same files, once each."""
    warehouse = night_copy("default")
    row = warehouse.rows("scored_files")[0] | {"rows_scored": 0, "records_hash": 0}
    warehouse.append("scored_files", [row | {"file_id": "gone"}])
    version = champion(warehouse)
    name, fault = failing(warehouse)
    assert (name, fault) == ("scores", f"model {version}, gone: scored, but not ingested")


@pytest.mark.parametrize("table", ["traffic", "scores"])
def test_a_record_that_is_there_twice(night_copy: Copy, table: str) -> None:
    """A repeated key, and a row number that the file does not have, are found by number."""
    warehouse = night_copy("default")
    remove(warehouse, table, "source_file = '1.benign.csv' AND row_no = 7")
    duplicate(warehouse, table, "1.benign.csv", 8)
    change(warehouse, table, "source_file = '2.benign.csv' AND row_no = 60", row_no="61")
    where = table if table == "traffic" else f"scores of model {champion(warehouse)}"
    name, *faults = failing(warehouse, "content")
    assert name == "keys"
    assert sorted(faults) == [
        f"1.benign.csv: 90 rows in {where}, as many as needed, but other row_no",
        f"1.benign.csv: row 8 is there 2 times in {where}, needed once",
        f"2.benign.csv: row_no from 1 to 61 in {where}, the file has the lines 1 to 60",
    ]


def test_a_sample_of_other_records(night_copy: Copy) -> None:
    """A profile that scores a half of each file must have scored its own half."""
    warehouse = night_copy("paper")
    scored = opened(warehouse, "scores").to_pandas().query("source_file == '1.benign.csv'")
    inside = scored["row_no"].iloc[0]
    outside = min(set(range(1, 91)) - set(scored["row_no"]))
    where = f"source_file = '1.benign.csv' AND row_no = {inside}"
    change(warehouse, "scores", where, row_no=str(outside))
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["keys", "sample"]
    (fault,) = checks["keys"].findings
    assert fault.endswith("as many as needed, but other row_no")


def flipped(bundle: bytes) -> bytes:
    """Flip one bit in the middle."""
    middle = len(bundle) // 2
    return bundle[:middle] + bytes([bundle[middle] ^ 1]) + bundle[middle + 1 :]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("bundle", "it is damaged or was swapped"),
        ("bundle_sha256", "it is damaged or was swapped"),
        ("manifest", "thresholds of manifest and bundle differ"),
    ],
)
def test_a_model_that_is_damaged(night_copy: Copy, column: str, words: str) -> None:
    """A bit of a bundle, its checksum, or a number in its manifest cannot change unnoticed."""
    warehouse = night_copy("default")
    (row,) = warehouse.rows("models")
    manifest = json.loads(row["manifest"])
    manifest["thresholds"]["hybrid"] = float(np.nextafter(manifest["thresholds"]["hybrid"], 9))
    damaged = {
        "bundle": flipped(row["bundle"]),
        "bundle_sha256": "0" * 64,
        "manifest": json.dumps(manifest),
    }
    remove(warehouse, "models", "true")
    warehouse.append("models", [row | {column: damaged[column]}])
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["models"]
    assert outcomes(checks, Outcome.SKIPPED) == ["sample"]
    assert words in checks["models"].findings[0]


def test_a_champion_that_is_gone(night_copy: Copy) -> None:
    """The champion is a stored model, and so is each model that has scored."""
    warehouse = night_copy("default")
    version = champion(warehouse)
    change(warehouse, "model_aliases", "true", model_version="'gone'")
    row = warehouse.rows("models")[0]
    warehouse.append("models", [row])
    assert failing(warehouse) == [
        "models",
        f"the model {version}: stored 2 times, needed once",
        "the champion gone is not stored",
    ]
    remove(warehouse, "models", "true")
    remove(warehouse, "model_aliases", "true")
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["models"]
    assert checks["models"].findings == (
        f"the model {version}: files are scored by it, but it is not stored",
    )


def test_scores_that_were_changed(night_copy: Copy) -> None:
    """A score's last bit, a flag, a NULL, and a feature that a score came from are noticed."""
    warehouse = night_copy("default")
    version = champion(warehouse)
    scores = opened(warehouse, "scores").to_pandas().set_index(["source_file", "row_no"])
    score = float(scores.loc[("1.benign.csv", 3), "lstm_norm"])
    bit = repr(float(np.nextafter(score, 9e9)))
    file = "source_file = '1.benign.csv' AND row_no = "
    change(warehouse, "scores", f"{file}3", lstm_norm=bit)
    change(warehouse, "scores", f"{file}4", is_anomaly="NOT is_anomaly")
    change(warehouse, "scores", f"{file}5", iforest_score="NULL")
    change(warehouse, "traffic", f"{file}6", H_L5_mean="H_L5_mean + 1")
    name, *faults = failing(warehouse, "content")
    assert name == "sample"
    assert [fault.split(": ")[0] for fault in faults] == [
        f"model {version}, 1.benign.csv row {row}" for row in (3, 4, 5, 6)
    ]
    assert faults[0].endswith(f"lstm_norm is {bit}, computed again {score!r}")
    assert "iforest_score is None, computed again" in faults[2]


def test_raw_scores_that_were_changed(night_copy: Copy) -> None:
    """Raw scores of a model without calibration are compared, too."""
    warehouse = night_copy("paper")
    first = opened(warehouse, "scores").to_pandas().iloc[0]
    where = f"file_id = '{first.file_id}' AND row_no = {first.row_no}"
    change(warehouse, "scores", where, lstm_score="lstm_score * 1.000001")
    name, fault = failing(warehouse)
    assert name == "sample"
    assert "lstm_score is" in fault


def test_counts_of_scores_that_were_changed(night_copy: Copy) -> None:
    """Each file that is counted for evaluation is counted whole, for each detector."""
    warehouse = night_copy("default")
    version = champion(warehouse)
    ids = {row["source_file"]: row["file_id"] for row in warehouse.rows("ingest_files")}
    remove(warehouse, "score_histogram", f"file_id = '{ids['1.benign.csv']}' AND detector = 'lstm'")
    change(
        warehouse,
        "score_histogram",
        f"file_id = '{ids['2.benign.csv']}' AND detector = 'hybrid'",
        rows="rows + 1",
    )
    remove(warehouse, "score_histogram", f"file_id = '{ids['1.gafgyt.tcp.csv']}'")
    name, *faults = failing(warehouse)
    assert name == "histogram"
    assert faults[0] == f"model {version}, 1.benign.csv: 90 scored, 0 in score_histogram for lstm"
    assert faults[1].startswith(f"model {version}, 2.benign.csv: 60 scored, ")
    assert len(faults) == 2


def test_a_data_file_that_is_lost(night_copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    """A lost or cut data file, or commit, is named; what needs no such table is still checked."""
    warehouse = night_copy("default")
    lost, cut = first_file(warehouse, "scores"), first_file(warehouse, "runs")
    size, cut_size = lost.stat().st_size, cut.stat().st_size
    lost.unlink()
    cut.write_bytes(cut.read_bytes()[:-1])
    torn = f"metrics/_delta_log/{warehouse.version('metrics'):020}.json"
    (Path(warehouse.root) / torn).write_bytes(b"")
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["tables"]
    assert outcomes(checks, Outcome.SKIPPED) == ["scores", "keys", "content", "sample", "runs"]
    assert checks["tables"].findings == (
        f"scores/{lost.name}: not there, the log says {size:,} bytes",
        f"{torn}: 0 bytes",
        f"runs/{cut.name}: {cut_size - 1:,} bytes, the log says {cut_size:,} bytes",
    )
    print_checks(list(checks.values()))
    printed = capsys.readouterr().out
    assert lost.name in printed.replace("│", "").replace("\n", "").replace(" ", "")
    assert "1 of 12 checks failed" in printed


def test_a_table_that_cannot_be_read(night_copy: Copy) -> None:
    """A damaged log, and a data file of the right size that is no Parquet, are named."""
    warehouse = night_copy("default")
    log = Path(f"{warehouse.root}/models") / "_delta_log" / f"{0:020}.json"
    log.write_text("damaged\n")
    data = first_file(warehouse, "traffic")
    data.write_bytes(bytes(data.stat().st_size))
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == ["tables"]
    assert outcomes(checks, Outcome.SKIPPED) == ["traffic", "keys", "models", "content", "sample"]
    traffic, models = checks["tables"].findings
    assert traffic.startswith(f"the data file {data} is damaged: ")
    assert "models cannot be opened: " in models


def test_a_value_that_was_changed(night_copy: Copy) -> None:
    """A changed value of any record is found by the sum of its file; unknown sums are told."""
    warehouse = night_copy("default")
    change(warehouse, "traffic", "source_file = '2.benign.csv' AND row_no = 9", label="1")
    change(warehouse, "scored_files", "true", records_hash="NULL")
    assert failing(warehouse) == [
        "content",
        "2.benign.csv: values of its 60 rows in traffic are not those that were written",
    ]
    told = verified(warehouse)["content"].compared
    assert told.startswith("260 rows of traffic and scores: sums of their hashes = ledgers")
    assert "; 5 not checked, whose ledger has no sum" in told


def flip_bit(path: Path, name: str) -> None:
    """Flip one bit of a column's first page."""
    group = pq.read_metadata(path).row_group(0)
    columns = (group.column(place) for place in range(group.num_columns))
    (page,) = (each for each in columns if each.path_in_schema == name)
    content = bytearray(path.read_bytes())
    content[page.data_page_offset + page.total_compressed_size - 9] ^= 1
    path.write_bytes(content)


def sum_by_query(warehouse: Warehouse, table: str, name: str) -> None:
    """Read a column as the job sql does."""
    with as_query_errors():
        warehouse.read(table).agg({name: "sum"}).collect()


def is_told(path: Path, told: str) -> bool:
    """Say whether a job's last line on standard error names a damaged file, and what to do."""
    line = told.strip().splitlines()[-1]
    return path.name in line and "restore it from a backup, and run verify" in line


def test_a_flipped_bit(night_copy: Copy, capsys: pytest.CaptureFixture[str]) -> None:
    """One flipped bit of a page fails verify, and whoever reads it ends with one line."""
    warehouse = night_copy("default")
    for table, name in (("traffic", FEATURES[60]), ("scores", "envelope_score")):
        path = first_file(warehouse, table)
        flip_bit(path, name)
        assert any(str(path) in finding for finding in verified(warehouse)["tables"].findings)
        capsys.readouterr()
        for read in (
            lambda table=table, name=name: sum_by_query(warehouse, table, name),
            lambda table=table, name=name: list(warehouse.batches(table, [name])),
        ):
            assert guarded("test", read) == 2
            told = capsys.readouterr().err
            assert is_told(path, told)
            assert len(told.strip().splitlines()) == 1


def test_a_worker_names_a_damaged_file(
    night_copy: Copy,
    stages: type,
    settings: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A task that meets a flipped bit ends the job as the driver would, with exit code 2."""
    warehouse = night_copy("default")
    for table in ("scored_files", "scores"):
        warehouse.delete(table, "file_id IS NOT NULL")
    path = first_file(warehouse, "traffic")
    flip_bit(path, FEATURES[60])
    assert guarded("test", stages(warehouse, settings("default")).score) == 2
    told = capsys.readouterr().err
    assert is_told(path, told)
    assert "Traceback" not in told


def test_sums_are_those_that_spark_finds(night_copy: Copy) -> None:
    """Where Spark alone can read the tables, it sums up to the same, and finds the same change."""
    direct = night_copy("default")
    through = open_warehouse(direct.spark, f"file:{direct.root}", direct="never")
    assert verified(through)["content"].outcome is Outcome.HOLDS
    change(direct, "traffic", "source_file = '2.benign.csv' AND row_no = 9", family="'other'")
    assert [finding[:13] for finding in verified(through)["content"].findings] == ["2.benign.csv:"]


def test_lost_runs(night_copy: Copy) -> None:
    """Every job writes runs: where there are other tables, it is missed."""
    warehouse = night_copy("default")
    shutil.rmtree(f"{warehouse.root}/runs")
    assert failing(open_warehouse(warehouse.spark, warehouse.root)) == [
        "tables",
        "runs is not there, and every job writes it; restore it",
    ]


def test_another_sample_each_time(night: Warehouse) -> None:
    """The seed is told, chooses the records, and repeats a choice."""
    model = load_model(night, None)
    found = gather(night, None)
    samples = [
        sampled_scores(found, model.version, ["hybrid_score"], 20, seed) for seed in (1, 2, 1)
    ]
    assert samples[0] == samples[2]
    assert samples[0] != samples[1]
    checks = {check.name: check for check in verify_warehouse(night, 20, None, 77)}
    assert checks["sample"].compared.endswith("chosen by --seed 77")


def test_a_killed_run_is_no_damage(night_copy: Copy) -> None:
    """What a killed stage left half done is a note: the next run undoes it."""
    warehouse = night_copy("default")
    start_ingest(warehouse)
    duplicate(warehouse, "traffic", "2.benign.csv", 7, ingest_run="dead")
    remove(warehouse, "traffic", "source_file = '1.benign.csv'")
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.FAILED) == []
    assert outcomes(checks, Outcome.NOTE) == ["runs"]
    assert checks["runs"].findings == (
        (
            "run dead: the stage ingest started and did not end; the next run undoes what "
            "it left half done"
        ),
        "these tables were checked as they were before: traffic",
    )
    assert exit_code(list(checks.values())) == 0
    assert recover(warehouse) == ["dead"]
    assert outcomes(verified(warehouse), Outcome.HOLDS) == list(checks)


def test_a_killed_run_excuses_no_other_damage(night_copy: Copy) -> None:
    """Rows that were wrong before a killed stage, or are none of its own, are a fault."""
    warehouse = night_copy("default")
    remove(warehouse, "traffic", "source_file = '1.benign.csv' AND row_no = 7")
    start_ingest(warehouse)
    assert failing(warehouse) == ["traffic", "1.benign.csv: 90 accepted, 89 in traffic"]


def test_scores_of_an_earlier_content_are_void(night_copy: Copy) -> None:
    """After a file's content was replaced, its scores need not fit until it is scored again."""
    warehouse = night_copy("default")
    file = "source_file = '1.benign.csv'"
    change(warehouse, "ingest_files", file, sha256="'other'", rows_read="89", rows_accepted="89")
    change(warehouse, "ingest_files", file, rows_expected="89", records_hash="NULL")
    remove(warehouse, "traffic", f"{file} AND row_no = 90")
    change(warehouse, "traffic", file, H_L5_mean="H_L5_mean + 1")
    checks = verified(warehouse)
    assert outcomes(checks, Outcome.HOLDS) == list(checks)
    assert checks["sample"].compared.startswith("170 scores")


def test_scores_of_one_model(night_copy: Copy) -> None:
    """With a model version only its scores are looked at; an unknown one is told."""
    warehouse = night_copy("default")
    version = champion(warehouse)
    row = warehouse.rows("scored_files")[0] | {"model_version": "other"}
    warehouse.append("scored_files", [row])
    assert outcomes(verified(warehouse), Outcome.FAILED) == ["scores", "models"]
    assert outcomes(verified(warehouse, version), Outcome.FAILED) == ["models"]
    with pytest.raises(ModelError, match=f"no model 'nope'; known are .*{version}"):
        verified(warehouse, "nope")


def test_a_folder_without_tables(warehouse: Warehouse) -> None:
    """A mistyped folder is told, not proved."""
    with pytest.raises(WarehouseError, match="there is no table in"):
        verified(warehouse)


def test_no_job_writes_while_one_verifies(tmp_path: Path) -> None:
    """Verifying waits for no writer and lets none in; two may verify at a time."""
    root = str(tmp_path)
    refused = pytest.raises(WarehouseError, match="another job is writing")
    with no_writer(root):
        assert list(tmp_path.iterdir()) == []
    with writer_lock(root), refused, no_writer(root):
        pass
    with no_writer(root), no_writer(root), refused, writer_lock(root):
        pass


def test_the_job_tells_a_scheduler(
    night_copy: Copy, run_job: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The job exits with 1 if a check fails, and with 2 if it cannot run."""
    warehouse = night_copy("default")
    change(warehouse, "scored_files", "rows_scored = 90", rows_scored="91")
    damaged = run_job("verify", "--warehouse", warehouse.root, "--sample", "50")
    assert damaged.returncode == 1, damaged.stderr[-3000:]
    assert "91 scored, 90 in scores" in damaged.stdout
    assert "50 scores of 1 models" in damaged.stdout
    assert "Traceback" not in damaged.stderr
    with writer_lock(warehouse.root):
        busy = run_job("verify", "--warehouse", warehouse.root)
    assert busy.returncode == 2
    assert "another job is writing" in busy.stderr
