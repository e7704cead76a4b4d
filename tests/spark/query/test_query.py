"""The sql job's ready queries, and the other engines that the documentation shows."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.query.query import register_tables, run_query
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

    Ask = Callable[[str], list[Any]]
    Opened = Callable[[SparkSession, str], SparkSession]

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[3]
READY = {path.stem: path.read_text() for path in sorted((ROOT / "conf" / "sql").glob("*.sql"))}


@pytest.mark.parametrize("name", READY)
def test_ready_query_works_on_the_first_day(empty: SparkSession, name: str) -> None:
    """Before anything was ingested, a ready query has its documented columns and no row."""
    result = run_query(empty, READY[name])
    assert re.findall(r"^-- (\w+): ", READY[name], re.MULTILINE) == result.columns
    assert result.collect() == []


FAULTLESS = {"quarantined_files", "files_refused", "unscored_files"}


@pytest.mark.parametrize("name", READY)
def test_ready_query_finds_a_night(ask: Ask, name: str) -> None:
    """After a night, a ready query has rows, except those that look for faults."""
    assert bool(ask(READY[name])) == (name not in FAULTLESS)


@pytest.mark.parametrize("name", READY)
def test_figures_come_with_their_marking(empty: SparkSession, name: str) -> None:
    """A query that shows figures of a model says if labels and simulated data went into them."""
    columns = set(run_query(empty, READY[name]).columns)
    if columns & {"flagged", "hybrid_alarms", "detection_rate", "recall_attack", "tpr", "p50"}:
        assert "uses_labels" in columns
        assert columns & {"data_kind", "is_synthetic"}


def test_tables_of_other_storage_answer_too(spark: SparkSession, night: Warehouse) -> None:
    """What Spark alone can read is found by its plain name, even after paths are forbidden."""
    elsewhere = open_warehouse(spark, night.root, direct="never")
    register_tables(elsewhere)
    rows = run_query(spark, "SELECT count(*) AS n FROM scores JOIN runs USING (run_id)").collect()
    assert rows[0].n > 0


def test_worst_devices_counts_flags_of_the_latest_day(ask: Ask) -> None:
    """Only the newest event day is counted, most flagged records first, without labels."""
    rows = ask(READY["worst_devices"])
    scores = ask("SELECT device, event_day, is_anomaly FROM scores")
    latest = max(row.event_day for row in scores)
    flagged = [row.device for row in scores if row.event_day == latest and row.is_anomaly]
    assert {row.device: row.flagged for row in rows} == {
        device: flagged.count(device) for device in ("Doorbell", "Camera")
    }
    assert [row.flagged for row in rows] == sorted((row.flagged for row in rows), reverse=True)
    assert {(row.event_day, row.threshold_policy, row.uses_labels) for row in rows} == {
        (latest, "benign_quantile", False)
    }


def test_flags_by_labels_are_marked(paper_night: Warehouse, opened: Opened) -> None:
    """A model whose flags start at a threshold chosen with labels says so."""
    spark = opened(paper_night.spark, paper_night.root)
    rows = run_query(spark, READY["worst_devices"]).collect()
    assert {(row.threshold_policy, row.uses_labels) for row in rows} == {("roc_youden", True)}


def test_unlabelled_records_are_a_kind_of_their_own(ask: Ask) -> None:
    """The distribution of scores counts every scored record once, unlabelled ones too."""
    rows = ask(READY["score_distribution_by_device"])
    records = {(row.device_id, row.kind): row.records for row in rows}
    assert records == {
        (1, "benign"): 90,
        (1, "attack"): 40,
        (1, "unknown"): 30,
        (2, "benign"): 60,
        (2, "attack"): 40,
    }
    for row in rows:
        assert row.lowest <= row.p01 <= row.p25 <= row.p50 <= row.p75 <= row.p99 <= row.highest


def test_runs_show_each_stage_once(ask: Ask) -> None:
    """A stage that ended is one row, its end, although the table has its start too."""
    rows = ask(READY["runs_recent"])
    assert sorted(row.stage for row in rows) == ["evaluate", "explain", "ingest", "score", "train"]
    assert {row.status for row in rows} == {"done"}


def test_reconciliation_agrees_on_a_good_night(ask: Ask) -> None:
    """All five files reconcile; none lost a line."""
    rows = ask(READY["ingest_reconciliation"])
    assert [(row.reconciles, row.rows_lost) for row in rows] == [(True, 0)] * 5


def moment(second: int) -> datetime:
    """Return a time."""
    return datetime(2026, 1, 2, 3, 4, second, tzinfo=UTC)


def test_faults_of_an_ingest_are_listed(warehouse: Warehouse, opened: Opened) -> None:
    """Refused lines and files appear with reason, share and whether a mended file came later."""
    good = {"status": "ingested", "rows_read": 8, "rows_accepted": 6, "rows_quarantined": 2}
    bad = {"status": "refused", "rows_read": 3, "rows_accepted": 0, "rows_quarantined": 3}
    warehouse.append(
        "ingest_files",
        [
            {**good, "file_id": "a", "source_file": "a", "run_id": "1", "ingested_at": moment(1)},
            {**bad, "file_id": "b", "source_file": "b", "run_id": "1", "ingested_at": moment(1)},
            {**bad, "file_id": "c", "source_file": "c", "run_id": "1", "ingested_at": moment(1)},
            {**good, "file_id": "c", "source_file": "c", "run_id": "2", "ingested_at": moment(2)},
        ],
    )
    line = {"file_id": "a", "source_file": "a", "run_id": "1", "reason": "empty_line"}
    warehouse.append(
        "quarantine",
        [
            {**line, "row_no": 7, "detail": "second"},
            {**line, "row_no": 4, "detail": "first"},
            {"file_id": "b", "run_id": "1", "reason": "no_header", "detail": "why"},
        ],
    )
    spark = opened(warehouse.spark, warehouse.root)
    [lines] = run_query(spark, READY["quarantined_files"]).collect()
    assert (lines.source_file, lines.lines, lines.first_row, lines.example) == ("a", 2, 4, "first")
    assert lines.percent_of_file == 25.0
    files = run_query(spark, READY["files_refused"]).collect()
    assert {row.source_file: (row.detail, row.ingested_since) for row in files} == {
        "b": ("why", False),
        "c": (None, True),
    }
    unscored = run_query(spark, READY["unscored_files"]).collect()
    assert [row.source_file for row in unscored] == ["a", "c"]


@pytest.mark.parametrize("clock", ["right", "ahead"])
def test_the_newest_promotion_is_the_champion(
    warehouse: Warehouse, opened: Opened, clock: str
) -> None:
    """After a rollback, the older model is the champion again, also if the clock was ahead before.

    Promotions of an older layout have no number; they are ordered by their times.
    """
    promoted = [(name, moment(second), None) for second, name in enumerate(("old", "new", "old"))]
    if clock == "ahead":
        promoted = [("new", moment(9), None), ("new", moment(50), 1), ("old", moment(10), 2)]
    model = {"manifest": '{"normalisation": "tail"}', "bundle": bytearray(b"123")}
    warehouse.append("models", [{**model, "model_version": name} for name in ("old", "new")])
    warehouse.append(
        "model_aliases",
        [
            {"alias": "champion", "model_version": name, "promoted_at": time, "sequence": number}
            for name, time, number in promoted
        ],
    )
    spark = opened(warehouse.spark, warehouse.root)
    rows = run_query(spark, READY["models_and_champion"]).collect()
    assert [(row.model_version, row.is_champion) for row in rows] == [("old", True), ("new", False)]
    assert {row.bundle_bytes for row in rows} == {3}


def test_the_documented_python_works(night: Warehouse) -> None:
    """The examples with deltalake in docs/sql.md run as they are printed."""
    document = (ROOT / "docs" / "sql.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```python\n(.*?)```", document, re.DOTALL)
    ours = [block for block in blocks if "duckdb" not in block]
    assert len(ours) == 2
    for block in ours:
        exec(block.replace("DIR", night.root), {})  # noqa: S102 - the document is ours


def test_event_days_are_dates(ask: Ask) -> None:
    """The day in a file's name is the day of its records."""
    days = ask("SELECT DISTINCT event_day FROM scores WHERE label IS NULL")
    assert [row.event_day for row in days] == [date(2026, 11, 20)]
