"""Warehouses that an older or a newer version has written: migrated, readable, or refused."""

from __future__ import annotations

import argparse
import logging
import shutil
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from iotscore.cli.job import guarded, prepare
from iotscore.errors import WarehouseError
from iotscore.exit_codes import USER_FAULT
from iotscore.query.query import register_tables, run_query
from iotscore.verify import Outcome, verify_warehouse
from iotscore.warehouse.migrate import migrate
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.schema_version import PROPERTY
from iotscore.warehouse.schemas import LAYOUT, TABLES
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.warehouse.open import Direct
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

LATE = {table: list(definition.late) for table, definition in TABLES.items() if definition.late}


def make_old(warehouse: Warehouse) -> None:
    """Write every table anew as layout 1 was: without a number and without late columns."""
    for table in present(warehouse):
        path = f"{warehouse.root}/{table}"
        rows = DeltaTable(path).to_pyarrow_table().drop_columns(list(TABLES[table].late))
        shutil.rmtree(path)
        write_deltalake(path, rows)


def present(warehouse: Warehouse) -> list[str]:
    """Return the tables that have been written."""
    return [table for table in TABLES if DeltaTable.is_deltatable(f"{warehouse.root}/{table}")]


def state(warehouse: Warehouse, table: str) -> tuple[str | None, list[str], int]:
    """Return a table's number, its columns and its version, as delta-rs reads them."""
    found = DeltaTable(f"{warehouse.root}/{table}")
    names = [field.name for field in found.schema().fields]
    return found.metadata().configuration.get(PROPERTY), names, found.version()


def through(warehouse: Warehouse, direct: Direct) -> Warehouse:
    """Return another view of a warehouse, which knows nothing yet."""
    return open_warehouse(warehouse.spark, warehouse.root, direct=direct)


NEEDED_TO_SCORE = ("traffic", "ingest_files", "models", "model_aliases", "scores", "scored_files")
DIRECT = pytest.mark.parametrize("direct", ["auto", "never"])


@DIRECT
def test_a_table_states_its_layout_from_the_start(warehouse: Warehouse, direct: Direct) -> None:
    """Whoever makes a table writes the number, where both delta-rs and Spark read it."""
    through(warehouse, direct=direct).create("runs")
    readers: tuple[Direct, ...] = ("auto", "never")
    for reader in readers:
        stated = through(warehouse, direct=reader).properties("runs")
        assert stated[PROPERTY] == str(LAYOUT)
        assert "run_id" in stated["delta.dataSkippingStatsColumns"]


PART_COLUMNS = ("score", "norm", "flag")
"""What ``scores`` has of each detector."""


def test_late_columns_are_declared_and_may_be_null() -> None:
    """What may be added to an older table is a nullable column of its schema, and the newest."""
    parts = [f"{n}_{w}" for n in ("neighbours", "envelope") for w in PART_COLUMNS]
    rates = ["recall_attack_low", "recall_attack_high", "fpr_low", "fpr_high", "fpr_promised"]
    found = {table: sorted(names) for table, names in LATE.items()}
    assert found == {
        "models": ["expired_at", "sequence"],
        "model_aliases": ["sequence"],
        "runs": ["sequence"],
        "ingest_files": ["records_hash"],
        "scored_files": ["expired_at", "records_hash", "sha256"],
        "explained_files": ["expired_at"],
        "scores": sorted([*parts, "severity"]),
        "metrics": sorted([*rates, "sequence"]),
    }
    for table, names in LATE.items():
        assert all(TABLES[table].schema[name].nullable for name in names)


@DIRECT
def test_an_older_warehouse_is_read_with_nulls(
    night_copy: Callable[[str], Warehouse], direct: Direct
) -> None:
    """Readers, the job sql among them, answer before any job has migrated it, and write nothing."""
    old = night_copy("default")
    make_old(old)
    before = state(old, "scored_files")
    reader = through(old, direct=direct)
    assert {row["sha256"] for row in reader.rows("scored_files")} == {None}
    assert reader.values("scored_files", "sha256") == {None}
    assert [row["sha256"] for row in reader.rows("scored_files", ["sha256"])] == [None] * 5
    session = old.spark.newSession()
    register_tables(open_warehouse(session, old.root, direct=direct))
    found = run_query(session, "SELECT count(*) AS files, count(sha256) AS known FROM scored_files")
    assert found.collect()[0].asDict() == {"files": 5, "known": 0}
    assert state(old, "scored_files") == before
    assert before[0] is None
    assert "sha256" not in before[1]


@DIRECT
def test_a_writing_job_migrates_an_older_warehouse(
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Any],
    caplog: pytest.LogCaptureFixture,
    direct: Direct,
) -> None:
    """Columns and number are added once and told; no row is lost, changed or scored again."""
    old = night_copy("default")
    if direct == "never":  # Spark takes seconds for each table, and what is new comes in any
        for table in {*present(old)} - {*NEEDED_TO_SCORE}:
            shutil.rmtree(f"{old.root}/{table}")
    make_old(old)
    late = [table for table in present(old) if table in LATE]
    rows = {table: DeltaTable(f"{old.root}/{table}").to_pyarrow_table() for table in late}
    chosen = settings("default", f"storage.direct={direct}")
    with caplog.at_level(logging.INFO, "iotscore"):
        prepare(old.spark, old.root, argparse.Namespace(profile="default"), chosen)
    lines = [record.message for record in caplog.records if "has layout" in record.message]
    now = f"has layout {LAYOUT} now, was 1:"
    assert f"the table scored_files {now} column(s) sha256, expired_at, records_hash added" in lines
    assert f"the table traffic {now} no column to add" in lines
    for table in present(old):
        number, columns, version = state(old, table)
        assert number == str(LAYOUT)
        assert set(columns) >= set(TABLES[table].schema.fieldNames())
        assert version == (2 if table in LATE else 1)
    for table, before in rows.items():
        after = DeltaTable(f"{old.root}/{table}").to_pyarrow_table()
        assert after.select(before.column_names).equals(before)
    assert list(migrate(through(old, direct=direct))) == []
    run = Stages(through(old, direct=direct), chosen)
    assert run.score() == 0


def test_a_new_night_works_on_a_migrated_warehouse(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any], tmp_path: Path
) -> None:
    """New rows have the new column, old ones keep NULL, and old files are not scored again."""
    old = night_copy("default")
    make_old(old)
    write_traffic(tmp_path / "in" / "2.2026-11-21.csv", make_features(25, 9))
    arguments = argparse.Namespace(profile="default")
    job = prepare(old.spark, old.root, arguments, settings("default"))
    run = Stages(job.warehouse, settings("default"))
    run.ingest(tmp_path / "in")
    assert run.score() == 25
    known = [row["sha256"] for row in job.warehouse.rows("scored_files")]
    assert (known.count(None), len(known)) == (5, 6)


def test_a_migration_that_was_killed_goes_on(night_copy: Callable[[str], Warehouse]) -> None:
    """The number comes last: columns that are there already are no fault."""
    old = night_copy("default")
    make_old(old)
    next(migrate(old))
    through(old, direct="auto").add_columns("scored_files")
    assert state(old, "scored_files")[0] is None
    assert len(list(migrate(through(old, direct="auto")))) == len(present(old)) - 1
    assert {state(old, table)[0] for table in present(old)} == {str(LAYOUT)}


def test_columns_of_a_detector_that_is_gone_stay(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any], tmp_path: Path
) -> None:
    """A table with columns that nothing writes is appended to, replaced in, proved and queried."""
    old = night_copy("default")
    path, columns = f"{old.root}/scores", {}
    rows = DeltaTable(path).to_pyarrow_table()
    for name, kind in (("score", pa.float64()), ("norm", pa.float64()), ("flag", pa.bool_())):
        columns[f"mahalanobis_{name}"] = pa.nulls(len(rows), kind)
    shutil.rmtree(path)
    write_deltalake(path, pa.table({**dict(zip(rows.column_names, rows, strict=True)), **columns}))
    chosen = settings("default", "ingest.changed_files=replace")
    job = prepare(old.spark, old.root, argparse.Namespace(profile="default"), chosen)
    run = Stages(job.warehouse, chosen)
    for seed, file in ((9, "2.2026-11-21.csv"), (10, "2.2026-11-21.csv")):
        write_traffic(tmp_path / "in" / file, make_features(25, seed))
        run.ingest(tmp_path / "in")
        assert run.score() == 25
        run.explain()
    assert run.evaluate() is not None
    found = {check.name: check for check in verify_warehouse(job.warehouse, 1_000, None)}
    assert {check.outcome for check in found.values()} == {Outcome.HOLDS}
    assert found["sample"].compared.startswith("285 scores of 1 models")
    assert state(old, "scores")[1][-3:] == list(columns)
    session = old.spark.newSession()
    register_tables(open_warehouse(session, old.root))
    counted = "SELECT count(*) AS rows, count(mahalanobis_score) AS known FROM scores"
    assert run_query(session, counted).collect()[0].asDict() == {"rows": 285, "known": 0}


@pytest.mark.parametrize(
    ("number", "direct"),
    [
        (str(LAYOUT + 1), "auto"),
        (str(LAYOUT + 1), "never"),
        ("2027.1", "auto"),
        ("", "auto"),
    ],
)
def test_a_newer_layout_is_refused(
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    number: str,
    direct: Direct,
) -> None:
    """Neither readers nor writers touch it; one line says which table, which number, what to do."""
    newer = night_copy("default")
    path = f"{newer.root}/scores"
    DeltaTable(path).alter.set_table_properties({PROPERTY: number}, raise_if_not_exists=False)
    before = {table: state(newer, table) for table in present(newer)}
    chosen = settings("default", f"storage.direct={direct}")
    arguments = argparse.Namespace(profile="default")
    code = guarded("nightly", lambda: prepare(newer.spark, newer.root, arguments, chosen))
    assert code == USER_FAULT
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line == (
        f"iotscore nightly: the table scores in {newer.root} has the layout {number} and this "
        f"version of iotscore knows layouts up to {LAYOUT}: update iotscore, then run the same "
        "command again"
    )
    with pytest.raises(WarehouseError, match="update iotscore"):
        register_tables(through(newer, direct=direct))
    assert {table: state(newer, table) for table in present(newer)} == before


def test_a_column_that_cannot_be_added_is_refused_with_the_command(
    night_copy: Callable[[str], Warehouse],
) -> None:
    """NULL would be a lie in old rows, so nothing is changed and the message says what to run."""
    old = night_copy("default")
    make_old(old)
    rows = DeltaTable(f"{old.root}/ingest_files").to_pyarrow_table().drop_columns(["status"])
    shutil.rmtree(f"{old.root}/ingest_files")
    write_deltalake(f"{old.root}/ingest_files", rows)
    told = (
        r"ingest_files .* lacks the columns \['status'\].*nightly --input DIR --warehouse NEW_DIR"
    )
    ways: tuple[Direct, ...] = ("auto", "never")
    for direct in ways:
        with pytest.raises(WarehouseError, match=told):
            list(migrate(through(old, direct=direct)))
        with pytest.raises(WarehouseError, match=told):
            through(old, direct=direct).read("ingest_files")
    with pytest.raises(WarehouseError, match=told):
        old.rows("ingest_files")
    assert {state(old, table)[0] for table in present(old)} == {None}
