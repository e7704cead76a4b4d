"""Tables to a report: the figures are those that the records themselves give."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.cli.commands.report import report
from iotscore.errors import ModelError, WarehouseError
from iotscore.features import HYBRID
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
