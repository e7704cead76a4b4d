"""Metrics from counted scores: equal to scikit-learn's on the same rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from sklearn import metrics as skm

from frames import frame_of
from iotscore.models.registry import load_model
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def _test_rows(warehouse: Warehouse) -> pd.DataFrame:
    scores = frame_of(warehouse, "scores")
    return scores[scores["label"].notna() & (scores["split"] == "test")]


def _row(warehouse: Warehouse, **wanted: str) -> pd.Series:
    found = frame_of(warehouse, "metrics")
    for column, value in wanted.items():
        found = found[found[column] == value]
    assert len(found) == 1
    return found.iloc[0]


@pytest.mark.parametrize("detector", ["iforest", "envelope", "hybrid"])
def test_figures_equal_scikit_learn(night: Warehouse, detector: str) -> None:
    """Areas agree within the stated bound, figures at the frozen threshold exactly."""
    rows = _test_rows(night)
    labels, scores = rows["label"].astype(int), rows[f"{detector}_score"]
    flags = scores > load_model(night).manifest["thresholds"][detector]
    found = _row(night, detector=detector, scope="all", threshold_policy="benign_quantile")
    auc_error = abs(found["roc_auc"] - skm.roc_auc_score(labels, scores))
    assert auc_error <= found["roc_auc_error"] + 1e-12
    ap_error = abs(found["average_precision"] - skm.average_precision_score(labels, scores))
    assert ap_error <= found["average_precision_error"] + 1e-12
    assert found["accuracy"] == pytest.approx(skm.accuracy_score(labels, flags), abs=1e-12)
    assert found["recall_attack"] == pytest.approx(skm.recall_score(labels, flags), abs=1e-12)
    assert found["f1_benign"] == pytest.approx(skm.f1_score(1 - labels, ~flags), abs=1e-12)
    (tn, fp), (fn, tp) = skm.confusion_matrix(labels, flags)
    assert tuple(found[["tp", "fp", "tn", "fn"]]) == (tp, fp, tn, fn)
    assert not found["uses_labels"]


def test_youden_threshold_uses_labels_and_says_so(night: Warehouse) -> None:
    """The second policy is the ROC curve's best point, marked as chosen with labels."""
    rows = _test_rows(night)
    fpr, tpr, _ = skm.roc_curve(rows["label"].astype(int), rows["hybrid_score"])
    found = _row(night, detector="hybrid", scope="all", threshold_policy="roc_youden")
    assert found["uses_labels"]
    assert found["recall_attack"] - found["fpr"] == pytest.approx((tpr - fpr).max(), abs=1e-9)


def test_scopes_compare_with_the_right_benign_records(night: Warehouse) -> None:
    """An attack meets the benign records of all devices, a file those of its own device."""
    rows = _test_rows(night)
    benign = rows[rows["label"] == 0]
    syn = rows[rows["attack"] == "syn"]
    own = benign[benign["device"] == "Camera"]
    for scope, value, negatives in (
        ("attack", "mirai.syn", benign),
        ("file", "2.mirai.syn.csv", own),
    ):
        both = pd.concat([syn, negatives])
        found = _row(
            night,
            detector="lstm",
            scope=scope,
            scope_value=value,
            threshold_policy="benign_quantile",
        )
        assert found["rows"] == len(both)
        expected = skm.roc_auc_score(both["label"].astype(int), both["lstm_score"])
        assert abs(found["roc_auc"] - expected) <= found["roc_auc_error"] + 1e-12


def test_training_and_unlabelled_records_are_left_out(night: Warehouse) -> None:
    """The default profile measures on records that neither fitted nor calibrated the model."""
    found = _row(night, detector="hybrid", scope="all", threshold_policy="benign_quantile")
    # A third of 150 benign records, but one after each gap, and 80 attacks; 30 have no label.
    assert found["rows"] == 48 + 80
    assert found["data_kind"] == "partial"


def test_same_evaluation_is_stored_once(
    night_copy: Callable[[str], Warehouse], settings: Callable
) -> None:
    """Evaluating again without new scores adds no row."""
    warehouse = night_copy("default")
    before = warehouse.count("metrics")
    first = warehouse.rows("metrics")[0]["evaluation_id"]
    assert Stages(warehouse, settings("default")).evaluate() == first
    assert warehouse.count("metrics") == before


def test_weights_stand_for_the_full_files(
    night_copy: Callable[[str], Warehouse], settings: Callable, tmp_path: Path
) -> None:
    """With file weights each file counts as many records as the weights say."""
    weights = tmp_path / "weights.csv"
    lines = [
        "1.benign.csv,300",
        "2.benign.csv,700",
        "1.gafgyt.tcp.csv,5000",
        "2.mirai.syn.csv,4000",
    ]
    weights.write_text(
        "\n".join(["File Name, Data Count, Feature Count", *(f"{line},115" for line in lines)])
    )
    warehouse = night_copy("default")
    run = Stages(warehouse, settings("default", f"evaluate.file_weights={weights}"))
    evaluation = run.evaluate()
    rows = frame_of(warehouse, "metrics", scope="all", detector="hybrid")
    found = rows[rows["evaluation_id"] == evaluation]
    assert set(found["weighting"]) == {"file_weights"}
    totals = found[["tp", "fp", "tn", "fn"]].sum(axis=1)
    assert totals.to_list() == pytest.approx([10_000] * 2, abs=1)


def test_curve_runs_from_corner_to_corner(night: Warehouse) -> None:
    """A stored ROC curve starts at (0, 0), ends at (1, 1) and never falls."""
    curve = frame_of(night, "roc_points").query("scope == 'all' and detector == 'hybrid'")
    curve = curve.sort_values("point")
    assert tuple(curve[["fpr", "tpr"]].iloc[0]) == (0.0, 0.0)
    assert tuple(curve[["fpr", "tpr"]].iloc[-1]) == (1.0, 1.0)
    assert curve["fpr"].is_monotonic_increasing
    assert curve["tpr"].is_monotonic_increasing
    assert len(curve) <= 200
