"""Scoring: the same numbers as scikit-learn and Keras, whatever Spark does with the rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import IsolationForest
from sklearn.preprocessing import MinMaxScaler

from frames import frame_of
from iotscore.features import FEATURES
from iotscore.models.registry import load_model
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

_NAMES = ("iforest", "lstm", "neighbours", "envelope")
_SCORES = [f"{name}_{what}" for name in _NAMES for what in ("score", "norm")]
_SCORES += ["hybrid_score", "severity"]


def _sorted(warehouse: Warehouse, table: str) -> pd.DataFrame:
    return frame_of(warehouse, table).sort_values(["file_id", "row_no"], ignore_index=True)


def test_every_record_is_scored_once(night: Warehouse) -> None:
    """Scores hold every record of traffic exactly once, with what describes it."""
    scores, traffic = _sorted(night, "scores"), _sorted(night, "traffic")
    shared = ["file_id", "row_no", "source_file", "device", "family", "attack", "event_day"]
    pd.testing.assert_frame_equal(scores[shared], traffic[shared])
    assert scores[_SCORES].notna().all().all()
    ledger = frame_of(night, "scored_files")
    assert int(ledger["rows_scored"].sum()) == len(scores) == 260


def test_equal_to_scikit_learn(night: Warehouse) -> None:
    """The stored forest score is minus scikit-learn's, fitted and scored directly."""
    traffic, scores = _sorted(night, "traffic"), _sorted(night, "scores")
    train = traffic[scores["split"] == "train"]
    scaler = load_model(night).model.scaler
    forest = IsolationForest(contamination="auto", random_state=42)
    forest.fit(scaler.transform(train[list(FEATURES)].to_numpy()))
    scaled = scaler.transform(traffic[list(FEATURES)].to_numpy())
    stored = scores["iforest_score"].to_numpy()
    np.testing.assert_allclose(stored, -forest.score_samples(scaled), rtol=0, atol=1e-9)


def test_equal_to_the_model_in_one_process(night: Warehouse) -> None:
    """What Spark stored is bit for bit what the model computes on one matrix of all records."""
    traffic = _sorted(night, "traffic")
    devices = traffic["device_id"].to_numpy().astype(np.int64)
    direct = load_model(night).model.score(traffic[list(FEATURES)].to_numpy(), devices)
    stored = _sorted(night, "scores")
    for column, values in direct.items():
        assert (stored[column].to_numpy() == values).all(), column


@pytest.mark.parametrize("batch", [1, 7])
def test_batch_size_changes_no_score(
    night_copy: Callable[[str], Warehouse], settings: Callable, batch: int
) -> None:
    """Arrow batches of 1 and 7 rows, in any partitioning, give the scores of 10,000."""
    direct = night_copy("default")
    expected = _sorted(direct, "scores")
    for table in ("scores", "scored_files"):
        direct.delete(table, "true")
    key = "spark.sql.execution.arrow.maxRecordsPerBatch"
    before = direct.spark.conf.get(key)
    direct.spark.conf.set(key, str(batch))
    try:
        through = open_warehouse(direct.spark, direct.root, direct="never")
        assert Stages(through, settings("default")).score() == 260
    finally:
        direct.spark.conf.set(key, str(before))
    again = _sorted(direct, "scores")
    assert (again[_SCORES].to_numpy() == expected[_SCORES].to_numpy()).all()
    assert (again["is_anomaly"] == expected["is_anomaly"]).all()


def test_flags_are_scores_above_thresholds(night: Warehouse) -> None:
    """A flag says that a raw score, ``is_anomaly`` that the hybrid one is above its threshold."""
    thresholds = load_model(night).manifest["thresholds"]
    scores = _sorted(night, "scores")
    assert (scores["iforest_flag"] == (scores["iforest_score"] > thresholds["iforest"])).all()
    assert (scores["is_anomaly"] == (scores["hybrid_score"] > thresholds["hybrid"])).all()


def test_hybrid_ranks_by_the_weighted_sum(night: Warehouse) -> None:
    """The hybrid score is the level of one part neighbours and two parts envelope."""
    scores = _sorted(night, "scores")
    summed = (scores["neighbours_norm"] + 2.0 * scores["envelope_norm"]) / 3.0
    tail = load_model(night).model.hybrid_tail
    assert tail is not None
    expected = tail.normalise(summed.to_numpy())
    np.testing.assert_allclose(scores["hybrid_score"], expected, rtol=1e-9)
    levels = scores["hybrid_score"]
    np.testing.assert_allclose(scores["severity"], 100.0 * levels / (levels + 3.0), rtol=1e-12)


def test_new_files_are_scored_alone(
    night_copy: Callable[[str], Warehouse], settings: Callable, tmp_path: Path
) -> None:
    """A later night scores only its own records, by the same model."""
    warehouse = night_copy("default")
    write_traffic(tmp_path / "in" / "2.2026-11-21.csv", make_features(25, 9))
    run = Stages(warehouse, settings("default"))
    run.ingest(tmp_path / "in")
    assert run.score() == 25
    assert warehouse.count("scores") == 285
    assert not frame_of(warehouse, "scores").duplicated(["file_id", "row_no"]).any()


def test_batch_minmax_is_the_reports_fusion(paper_night: Warehouse) -> None:
    """The paper profile normalises by the extremes of all it scored and takes half of each file."""
    scores = _sorted(paper_night, "scores")
    assert scores.groupby("source_file").size().to_dict() == {
        "1.2026-11-20.csv": 15,
        "1.benign.csv": 45,
        "1.gafgyt.tcp.csv": 20,
        "2.benign.csv": 30,
        "2.mirai.syn.csv": 20,
    }
    raw = scores[["iforest_score", "lstm_score"]].to_numpy()
    norm = scores[["iforest_norm", "lstm_norm"]].to_numpy()
    np.testing.assert_allclose(norm, MinMaxScaler().fit_transform(raw), atol=1e-12)
    np.testing.assert_allclose(scores["hybrid_score"], norm @ [0.4, 0.6], rtol=1e-12)
    assert set(scores.query("label == 0")["split"]) == {"train"}


def test_batch_minmax_follows_new_extremes(
    night_copy: Callable[[str], Warehouse], settings: Callable, tmp_path: Path
) -> None:
    """New records move the extremes, so every stored row of the model is normalised anew."""
    warehouse = night_copy("paper")
    before = _sorted(warehouse, "scores")
    write_traffic(tmp_path / "in" / "2.gafgyt.udp.csv", make_features(30, 9, 9.0))
    run = Stages(warehouse, settings("paper"))
    run.ingest(tmp_path / "in")
    run.score()
    after = _sorted(warehouse, "scores")
    assert len(after) == len(before) + 15
    np.testing.assert_allclose(after["lstm_norm"].agg(["min", "max"]), [0, 1], atol=1e-12)
    kept = after[after["source_file"] != "2.gafgyt.udp.csv"]
    assert (kept["lstm_score"].to_numpy() == before["lstm_score"].to_numpy()).all()
    assert (kept["run_id"].to_numpy() == before["run_id"].to_numpy()).all()
    assert kept["lstm_norm"].max() < before["lstm_norm"].max()
