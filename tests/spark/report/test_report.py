"""Tables to a report: the figures are those that the records themselves give."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.cli.commands.report import report
from iotscore.errors import ModelError, WarehouseError
from iotscore.features import FEATURES, HYBRID
from iotscore.models.registry import load_model
from iotscore.report.night import DetectorCard
from iotscore.report.output_folder import prepare_folder
from iotscore.report.read import read_night
from iotscore.report.read.events import read_flagged_records
from iotscore.report.read.files import scored_files
from iotscore.report.read.night import _model_card
from iotscore.report.read.score_counts import read_counted
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)
SCORED = ("device", "event_day", "is_anomaly", "label", "split", "hybrid_score", "file_id")


def records(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Return what the report never reads: every scored record."""
    return warehouse.rows("scores", SCORED)


def test_a_clock_that_is_ahead_makes_no_night(
    night_copy: Callable[[str], Warehouse], caplog: pytest.LogCaptureFixture
) -> None:
    """Its capture is named, and the report is about the newest night that has come."""
    warehouse = night_copy("default")
    expected = read_night(warehouse, None)
    (entry,) = warehouse.rows("ingest_files", source_file="1.2026-11-20.csv")
    (scored,) = warehouse.rows("scored_files", file_id=entry["file_id"])
    ahead = {"file_id": "ahead", "source_file": "9.csv", "event_day": date(2099, 1, 1)}
    warehouse.append("ingest_files", [entry | ahead])
    warehouse.append("scored_files", [scored | {"file_id": "ahead"}])
    assert read_night(warehouse, None).days == expected.days
    assert "1 file(s) are of days after" in caplog.text
    assert "9.csv" in caplog.text


def test_flagged_records_are_counted_as_in_the_records(night: Warehouse) -> None:
    """By day and by device, the counts of the histogram are those of the scores."""
    found = read_night(night, None)
    rows = records(night)
    by_day = Counter(row["event_day"] for row in rows)
    flagged = Counter((row["device"], row["event_day"]) for row in rows if row["is_anomaly"])
    assert [(one.day, one.records) for one in found.days] == sorted(by_day.items())
    for place, day in enumerate(found.days):
        assert day.flagged == sum(count for (_, of), count in flagged.items() if of == day.day)
        for device in found.devices:
            assert (device.trend[place] or 0) == flagged[device.name, day.day]
    today = found.today.day
    assert today == max(by_day)
    for device in found.devices:
        assert device.flagged == device.trend[-1] == flagged[device.name, today]
    seen = [row["split"] in ("train", "calibration") for row in rows if row["event_day"] == today]
    assert found.seen == sum(seen) > 0


def test_spreads_hold_the_records_that_were_not_learned_from(night: Warehouse) -> None:
    """As many of each kind as the scores hold, and as many above the threshold."""
    found = read_night(night, None)
    shape = next(one for one in found.shapes if one.detector == HYBRID)
    unseen = [row for row in records(night) if row["split"] not in ("train", "calibration")]
    kinds = Counter({0: "benign", 1: "attack", None: "unlabelled"}[row["label"]] for row in unseen)
    assert {kind: int(counts.sum()) for kind, counts in shape.counts.items()} == kinds
    assert shape.threshold == found.model.hybrid.threshold
    assert shape.edges[0] <= min(row["hybrid_score"] for row in unseen)
    assert shape.edges[-1] >= max(row["hybrid_score"] for row in unseen)


def test_what_labels_say_is_what_was_measured(night: Warehouse) -> None:
    """Figures are the rows of ``metrics``; the heat map is counted from the records."""
    found = read_night(night, None).evaluation
    assert found is not None
    assert found.headline is not None
    (row,) = night.rows(
        "metrics",
        detector=HYBRID,
        scope="all",
        threshold_policy="benign_quantile",
        evaluation_id=found.evaluation_id,
    )
    assert (found.headline.tp, found.headline.fpr) == (row["tp"], row["fpr"])
    assert {one.detector for one in found.curves} == {one.detector for one in found.figures}
    attacks = [row for row in records(night) if row["label"] == 1]
    names = {"Doorbell": "gafgyt.tcp", "Camera": "mirai.syn"}
    for device, rates in found.heat.cells:
        flags = [row["is_anomaly"] for row in attacks if row["device"] == device]
        cells = dict(zip(found.heat.attacks, rates, strict=True))
        assert cells.pop(names[device]) == pytest.approx(np.mean(flags))
        assert set(cells.values()) == {None}


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


def monitored(warehouse: Warehouse) -> None:
    """Write what a run of ``monitor`` leaves, and a suppression; rows of a killed run beside it."""
    version = warehouse.rows("models")[0]["model_version"]
    days = {row["file_id"]: row["event_day"] for row in warehouse.rows("ingest_files")}
    today = max(days.values())
    stamp = {"model_version": version, "run_id": "r1"}
    ledger = {row["file_id"]: row["sha256"] for row in warehouse.rows("ingest_files")}
    warehouse.append(
        "monitored_files",
        [
            {**stamp, "file_id": one, "sha256": ledger[one], "rows_monitored": 1,
             "monitored_at": NOW}
            for one in ledger
        ],
    )  # fmt: skip
    alert = {
        **stamp, "severity": "warning", "device_id": None, "value": 1.0, "limit": 0.5,
        "message": "it moved", "cool_down_until": today, "raised_at": NOW, "first_seen": today,
    }  # fmt: skip
    kinds = [  # kind, severity, device, feature, days before the night
        ("drift", "warning", "Camera", "H_L5_mean", 0), ("drift", "warning", "Camera", None, 7),
        ("drift", "warning", "Camera", None, 8), ("all_moved", "critical", None, None, 0),
        ("drift", "warning", "Doorbell", "H_L5_weight", 1), ("volume", "info", "Doorbell", None, 1),
    ]  # fmt: skip
    alerts = [
        {**alert, "kind": kind, "severity": severity, "device": device, "feature": feature,
         "alert_id": str(number), "event_day": today - timedelta(days=before)}
        for number, (kind, severity, device, feature, before) in enumerate(kinds)
    ]  # fmt: skip
    warehouse.append("alerts", [*alerts, {**alerts[0], "run_id": "killed"}])
    hide = {"reason": "known", "author": "somebody", "created_at": NOW}
    warehouse.append(
        "suppressions",
        [
            {**hide, "suppression_id": "1", "device": "Door%", "feature": "H\\_%"},
            {**hide, "suppression_id": "2", "kind": "drift", "expires_at": NOW - timedelta(1000)},
        ],
    )
    drift = {**stamp, "event_day": today, "counts": [], "records": 600, "monitored_at": NOW}
    indices = dict(zip(FEATURES[:5], (0.3, 0.9, 0.1, 0.9, 2.0), strict=True)) | {
        "hybrid_score": 9.0
    }
    moving = [
        {**drift, "device_id": 1, "device": "Camera", "feature": name, "psi": psi, "shift": None,
         "is_flagged_excluded": kind, "is_moved": psi > limit, "psi_limit": limit}
        for kind, limit in ((True, 0.25), (False, 1.0))
        for name, psi in indices.items()
    ]  # fmt: skip
    unknown = {
        **drift,
        "device": "Doorbell",
        "feature": "hybrid_score",
        "is_flagged_excluded": True,
    }
    killed = [{**row, "run_id": "killed"} for row in moving]
    before = [{**row, "event_day": today - timedelta(days=1)} for row in moving]
    warehouse.append("drift", [unknown, *moving, *killed, *before])


def test_drift(night_copy: Callable[[str], Warehouse]) -> None:
    """Open alerts of the night and seven days before, and what moved; not what does not count."""
    warehouse = night_copy("default")
    before = read_night(warehouse, None)
    assert before.drift.unmonitored == before.files > 0
    assert (before.drift.alerts, before.drift.devices) == ((), ())
    monitored(warehouse)
    found = read_night(warehouse, None).drift
    today = before.today.day
    assert [(one.kind, one.device, (today - one.event_day).days) for one in found.alerts] == [
        ("all_moved", None, 0), ("drift", "Camera", 0), ("volume", "Doorbell", 1),
        ("drift", "Camera", 7),
    ]  # fmt: skip
    assert (found.hidden, found.more_alerts, found.unmonitored) == (1, 0, 0)
    camera, doorbell = found.devices
    moved = camera.unflagged
    assert (camera.device, moved.records, moved.moved, moved.features) == ("Camera", 600, 4, 5)
    tied = sorted((FEATURES[1], FEATURES[3]))
    assert [(one.name, one.psi) for one in moved.most] == [
        (FEATURES[4], 2.0), *((name, 0.9) for name in tied),
    ]  # fmt: skip
    assert (camera.all.moved, len(camera.all.most)) == (1, 1)
    assert (doorbell.device, doorbell.unflagged.records, doorbell.is_compared) == (
        "Doorbell", 600, False,
    )  # fmt: skip
    assert not doorbell.has_drifted


def test_without_labels(night_copy: Callable[[str], Warehouse], tmp_path: Path) -> None:
    """A warehouse of which nothing was measured gives a report that claims nothing."""
    warehouse = night_copy("default")
    warehouse.delete("metrics", "true")
    found = read_night(warehouse, None)
    assert found.evaluation is None
    assert all(one.tpr is None and one.fpr is None for one in found.devices)
    page = report(warehouse, prepare_folder(str(tmp_path / "out")), None)
    assert {one.name for one in page.parent.iterdir()} == {
        "report.html", "dataset_composition.png",
    }  # fmt: skip
    assert "None of the scored records has a label" in page.read_text(encoding="utf-8")


def test_thresholds_that_labels_chose_are_marked(night: Warehouse) -> None:
    """Of a model without thresholds, as of the reports' fusion, those of the figures are shown."""
    stored = load_model(night)
    bare = replace(stored, model=replace(stored.model, thresholds={}))
    evaluation = read_night(night, None).evaluation
    assert evaluation is not None
    by_labels = replace(
        evaluation, figures=tuple(one for one in evaluation.figures if one.uses_labels)
    )
    card = _model_card(night, bare, by_labels)
    assert card.promised is None
    assert card.hybrid.uses_labels
    assert by_labels.headline is not None
    assert card.hybrid.threshold == by_labels.headline.threshold
    assert _model_card(night, bare, None).hybrid == DetectorCard(HYBRID, None, None)
    assert not _model_card(night, stored, evaluation).hybrid.uses_labels


def test_other_storage_gives_the_same(spark: SparkSession, night: Warehouse) -> None:
    """Where Spark must read, the same is found; each query of its takes a second to wake up."""
    elsewhere = open_warehouse(spark, night.root, direct="never")
    version = load_model(night).version
    files = scored_files(night, version)
    here, there = (read_counted(one, version, {HYBRID: 3.0}, files) for one in (night, elsewhere))
    assert (there.flagged, there.seen, there.files) == (here.flagged, here.seen, here.files)
    np.testing.assert_array_equal(there.shapes[0].edges, here.shapes[0].edges)
    mine = list(files.values())
    assert read_flagged_records(elsewhere, version, mine) == read_flagged_records(
        night, version, mine
    )


def test_nothing_to_report_is_refused(
    night_copy: Callable[[str], Warehouse], warehouse: Warehouse
) -> None:
    """No model, an unknown one, no scores, scores that nobody counted: each says what to do."""
    with pytest.raises(ModelError, match="no champion yet; run the job train"):
        read_night(warehouse, None)
    copy = night_copy("default")
    with pytest.raises(ModelError, match="there is no model 'nobody'"):
        read_night(copy, "nobody")
    copy.delete("score_histogram", "true")
    with pytest.raises(WarehouseError, match="not counted yet; run the job evaluate"):
        read_night(copy, None)
    copy.delete("scored_files", "true")
    with pytest.raises(WarehouseError, match=r"has no scores of the model .* run the job score"):
        read_night(copy, None)


def test_the_night_is_the_newest_day_with_records(night: Warehouse) -> None:
    """The unlabelled file's name states another day, which is part of the trend."""
    found = read_night(night, None)
    assert date(2026, 11, 20) in [one.day for one in found.days]
    assert found.usual is None or found.usual.records > 0
