"""Explanations, incidents, Shapley values and refused input: read from tables, and on the page."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from iotscore.cli.commands.report import report
from iotscore.report.output_folder import prepare_folder
from iotscore.report.read import read_night

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)


def explain(warehouse: Warehouse, sentence: str) -> None:
    """Explain two records of a file and nothing else, beside two rows that do not count."""
    for table in ("explanations", "explained_files", "incidents"):
        warehouse.delete(table, "true")
    version = warehouse.rows("models")[0]["model_version"]
    files = {row["source_file"]: row for row in warehouse.rows("ingest_files")}
    attack = files["1.gafgyt.tcp.csv"]
    described = {
        name: attack[name]
        for name in ("file_id", "source_file", "device_id", "device", "family", "attack", "label")
    }
    described |= {"event_day": attack["event_day"], "model_version": version, "run_id": "r1"}
    one = {
        "base": 0.1, "rest": 0.2, "sentence": sentence, "explained_at": NOW, "severity": 60.0,
        "top": [{"feature": "H_L5_weight", "contribution": 2.0, "value": 9.0, "low": 0.0,
                 "high": 1.0}],
    }  # fmt: skip
    scores = {3: 4.0, 5: 4.5}
    rows = [{**described, **one, "row_no": row, "hybrid_score": scores[row]} for row in scores]
    undone = {**rows[0], "row_no": 7, "hybrid_score": 9.0, "run_id": "killed"}
    other = {**rows[0], "row_no": 8, "hybrid_score": 9.0, "model_version": "another"}
    warehouse.append("explanations", [*rows, undone, other])
    entry = {"model_version": version, "file_id": attack["file_id"], "explained_at": NOW}
    entry |= {"run_id": "r1", "rows_explained": 2, "sha256": attack["sha256"]}
    warehouse.append("explained_files", [entry])
    incident = {
        **described, "incident_id": "i1", "first_row": 3, "last_row": 30, "voted_row": 11,
        "delay": 9, "records": 25, "vote_window": 15, "peak_row": 5, "peak_score": 4.5,
        "peak_severity": 60.0, "top": [], "sentence": sentence, "found_at": NOW,
    }  # fmt: skip
    warehouse.append("incidents", [incident, {**incident, "incident_id": "i2", "peak_score": 5.0}])
    shapley = {"detector": "lstm", "base_value": 0.1, "score": 0.6, "explained_at": NOW}
    warehouse.append(
        "shap_values",
        [
            {
                **shapley,
                "model_version": version,
                "run_id": run,
                "file_id": attack["file_id"],
                "row_no": row,
                "label": row % 2,
                "feature": name,
                "value": 1.0 * row,
                "shap_value": part,
            }
            for run in ("20261123", "20261124")
            for row in (1, 2, 3)
            for name, part in (("MI_dir_L5_weight", 0.4), ("H_L5_mean", 0.1))
        ],
    )


def test_the_whole_report_of_an_explained_night(
    night_copy: Callable[[str], Warehouse], tmp_path: Path
) -> None:
    """Explanations that count, incidents, Shapley values, refused input: all on the page."""
    warehouse = night_copy("default")
    explain(warehouse, "<b>too many</b> packets")
    (first, *_) = warehouse.rows("ingest_files")
    refused = {**first, "file_id": "f", "source_file": "x.csv", "status": "refused"}
    warehouse.append("ingest_files", [{**refused, "reason": "empty_file"}])
    line = {"run_id": first["run_id"], "quarantined_at": NOW, "detail": "found it"}
    warehouse.append(
        "quarantine",
        [
            {**line, "file_id": "f", "reason": "empty_file"},
            {**line, "file_id": "g", "reason": "not_a_number", "row_no": 4},
            {**line, "file_id": "g", "reason": "not_a_number", "row_no": 5, "run_id": "earlier"},
        ],
    )
    found = read_night(warehouse, None)
    (record,) = found.flagged_records
    assert (record.row_no, record.score, record.alike, found.explained) == (5, 4.5, 2, 2)
    assert record.top == (("H_L5_weight", 2.0),)
    assert [one.peak_score for one in found.incidents] == [5.0, 4.5]
    assert {one.name: one.incidents for one in found.devices} == {"Doorbell": 2, "Camera": 0}
    assert [(one.what, one.reason, one.lately, one.ever) for one in found.quality.refused] == [
        ("file", "empty_file", 1, 1), ("line", "not_a_number", 1, 2),
    ]  # fmt: skip
    assert found.quality.files_refused[0].detail == "found it"
    assert found.shapley is not None
    assert found.shapley.shap_values.tolist() == [[0.1, 0.4]] * 3
    assert found.shapley.labels.tolist() == [1, 0, 1]
    page = report(warehouse, prepare_folder(str(tmp_path / "out")), None)
    text = page.read_text(encoding="utf-8")
    assert "&lt;b&gt;too many&lt;/b&gt; packets" in text
    assert "<b>too many" not in text
    assert len(list(page.parent.glob("*.png"))) == 6


def test_content_that_was_replaced_is_not_shown(night_copy: Callable[[str], Warehouse]) -> None:
    """Explanations and scores of an earlier content of a file are void."""
    warehouse = night_copy("default")
    explain(warehouse, "void")
    before = read_night(warehouse, None)
    changed = [
        {**row, "sha256": "another"} if row["source_file"] == "1.gafgyt.tcp.csv" else row
        for row in warehouse.rows("ingest_files")
    ]
    warehouse.delete("ingest_files", "true")
    warehouse.append("ingest_files", changed)
    after = read_night(warehouse, None)
    assert (after.flagged_records, after.explained, after.incidents) == ((), 0, ())
    assert before.today.records - after.today.records == 40
