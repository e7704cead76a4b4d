"""Figures from counted scores, against scikit-learn on the very rows that were counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from counted_scores import (
    CATALOGUE,
    COARSE,
    FINE,
    ROW,
    ROWS,
    SCORE,
    count,
    figures_of,
    files_of,
    measure,
    scored,
    within,
)
from iotscore.evaluation.protocols.policies import BENIGN_QUANTILE, ROC_YOUDEN

if TYPE_CHECKING:
    import numpy as np


def shares(labels: np.ndarray, flags: np.ndarray) -> dict[str, float | None]:
    """Return scikit-learn's figures of flags; None where one is not defined."""
    precision, recall, f1, _ = sk.precision_recall_fscore_support(
        labels, flags, labels=[0, 1], zero_division=math.nan
    )
    found = {"accuracy": sk.accuracy_score(labels, flags), "fpr": 1.0 - recall[0]}
    for place, kind in enumerate(("benign", "attack")):
        found[f"precision_{kind}"] = precision[place]
        found[f"recall_{kind}"] = recall[place]
        found[f"f1_{kind}"] = f1[place]
    both = len(set(labels)) == 2
    found["balanced_accuracy"] = sk.balanced_accuracy_score(labels, flags) if both else math.nan
    return {name: None if math.isnan(value) else value for name, value in found.items()}


@settings(max_examples=40)
@given(ROWS, SCORE, SCORE, st.sampled_from([COARSE, 2.0, FINE]))
def test_counts_are_those_of_the_rows(
    rows: list[tuple[int, float, float]], first: float, second: float, resolution: float
) -> None:
    """In every scope, at both thresholds and however coarse the bins, no record is miscounted."""
    frame = scored(rows)
    frozen = {"iforest": first, "hybrid": second}
    metrics, _ = figures_of(frame, resolution, frozen, ("iforest", "hybrid"))
    for row in metrics:
        part = within(frame, row["scope"], row["scope_value"])
        attacks, flags = part["label"] == 1, part[row["detector"]] > row["threshold"]
        assert (row["rows"], row["weighting"]) == (len(part), "none")
        assert row["tp"] == (attacks & flags).sum()
        assert row["fp"] == (~attacks & flags).sum()
        assert row["tn"] == (~attacks & ~flags).sum()
        assert row["fn"] == (attacks & ~flags).sum()


@pytest.mark.parametrize("resolution", [COARSE, FINE])
def test_figures_are_those_of_scikit_learn(resolution: float) -> None:
    """In every scope: areas within their bounds, everything else exact, at both thresholds."""

    # scikit-learn takes a millisecond for each figure, so examples are few and their scopes many.
    @settings(max_examples=10)
    @given(st.lists(ROW, min_size=10, max_size=60), SCORE)
    def check(rows: list[tuple[int, float, float]], threshold: float) -> None:
        frame = scored(rows)
        metrics, _ = figures_of(frame, resolution, {"hybrid": threshold}, ("hybrid",))
        for row in metrics:
            part = within(frame, row["scope"], row["scope_value"])
            labels, scores = part["label"].to_numpy(), part["hybrid"].to_numpy()
            for name, value in shares(labels, (scores > row["threshold"]).astype(int)).items():
                assert row[name] == (None if value is None else pytest.approx(value)), name
            check_areas(row, labels, scores)
            if resolution == FINE:
                assert not row["roc_auc_error"]
                assert not row["average_precision_error"]

    check()


def check_areas(row: dict[str, Any], labels: np.ndarray, scores: np.ndarray) -> None:
    """Compare both areas with scikit-learn's; where a class is absent there is none."""
    if labels.any() and not labels.all():
        auc = sk.roc_auc_score(labels, scores)
        assert abs(row["roc_auc"] - auc) <= row["roc_auc_error"] + 1e-12
    else:
        assert (row["roc_auc"], row["roc_auc_error"]) == (None, None)
    if labels.any():
        precision = sk.average_precision_score(labels, scores)
        error = row["average_precision_error"] + 1e-12
        assert abs(row["average_precision"] - precision) <= error
    else:
        assert row["average_precision"] is None


@settings(max_examples=40)
@given(ROWS)
def test_every_scope_is_measured_once(rows: list[tuple[int, float, float]]) -> None:
    """There is one row per detector, policy and scope that the records give, and no other."""
    frame = scored(rows)
    frozen = {"iforest": 0.0, "hybrid": 0.0}
    metrics, points = figures_of(frame, FINE, frozen, ("iforest", "hybrid"))
    attacks = frame[frame["label"] == 1]
    scopes = {("all", None)}
    scopes |= {("family", family) for family in frame["family"]}
    scopes |= {("attack", name) for name in attacks["family"] + "." + attacks["attack"]}
    scopes |= {("device", device) for device in frame["device"]}
    scopes |= {("file", path) for path in frame["source_file"]}
    policies = [BENIGN_QUANTILE] + [ROC_YOUDEN] * (frame["label"].nunique() == 2)
    expected = {
        (name, policy, *scope)
        for name in ("iforest", "hybrid")
        for policy in policies
        for scope in scopes
    }
    keys = ("detector", "threshold_policy", "scope", "scope_value")
    found = [tuple(row[key] for key in keys) for row in metrics]
    assert len(found) == len(expected)
    assert set(found) == expected
    assert all(row["uses_labels"] == (row["threshold_policy"] == ROC_YOUDEN) for row in metrics)
    assert {point["scope"] for point in points} <= {"all", "family", "device"}


@settings(max_examples=30)
@given(ROWS, st.sampled_from([COARSE, FINE]))
def test_youden_is_the_best_of_the_curve(
    rows: list[tuple[int, float, float]], resolution: float
) -> None:
    """Without frozen thresholds flags are null, and the labels choose the best TPR - FPR."""
    frame = scored(rows)
    metrics, points = figures_of(frame, resolution, {}, ("hybrid",), most=1000)
    if frame["label"].nunique() < 2:
        assert metrics == []
        return
    assert {row["threshold_policy"] for row in metrics} == {ROC_YOUDEN}
    labels, scores = frame["label"].to_numpy(), frame["hybrid"].to_numpy()
    best = metrics[0]["recall_attack"] - metrics[0]["fpr"]
    curve = [point for point in points if point["scope"] == "all"]
    assert best == pytest.approx(max(point["tpr"] - point["fpr"] for point in curve))
    if resolution == FINE:
        fpr, tpr, _ = sk.roc_curve(labels, scores)
        assert best == pytest.approx((tpr - fpr).max())


@settings(max_examples=30)
@given(ROWS, st.sampled_from([COARSE, FINE]), st.sampled_from([3, 5, 1000]))
def test_points_lie_on_the_curve(
    rows: list[tuple[int, float, float]], resolution: float, most: int
) -> None:
    """Each stored point has the rates of the rows above its threshold, corners included."""
    frame = scored(rows)
    _, points = figures_of(frame, resolution, {}, ("iforest",), most=most)
    curves: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
    for point in points:
        curves.setdefault((point["scope"], point["scope_value"]), []).append(point)
        part = within(frame, point["scope"], point["scope_value"])
        flags = part["iforest"] > point["threshold"]
        assert point["tpr"] == pytest.approx(flags[part["label"] == 1].mean())
        assert point["fpr"] == pytest.approx(flags[part["label"] == 0].mean())
    for curve in curves.values():
        assert [point["point"] for point in curve] == list(range(len(curve)))
        assert 2 <= len(curve) <= most
        ends = [(point["fpr"], point["tpr"]) for point in (curve[0], curve[-1])]
        assert ends == [(0.0, 0.0), (1.0, 1.0)]


@settings(max_examples=20)
@given(ROWS, ROWS, st.booleans())
def test_unlabelled_records_never_count(
    rows: list[tuple[int, float, float]], others: list[tuple[int, float, float]], weighted: bool
) -> None:
    """Bins of files without a label change no figure and no point."""
    frame, unlabelled = scored(rows), scored(others).assign(file_id="night", label=None)
    frozen = {"iforest": 0.3}
    weights = dict.fromkeys((file.source_file for file in CATALOGUE), 1000) if weighted else None
    options = (("iforest", "hybrid"), frozen, 50, weights)
    clean = count(frame, COARSE, frozen)
    mixed = pd.concat([count(unlabelled, COARSE, frozen), clean], ignore_index=True)
    assert measure(mixed, files_of(frame), options) == measure(clean, files_of(frame), options)


@pytest.mark.parametrize("weights", [None, {"1.benign.csv": 5}])
def test_nothing_to_measure(weights: dict[str, int] | None) -> None:
    """Without labelled records there is no figure, and no failure."""
    bins = count(scored([(0, 0.1, 0.1)]), FINE, {})
    assert measure(bins, {}, (("hybrid",), {}, 50, weights)) == ([], [])


@pytest.mark.parametrize(("place", "label"), [(0, 0), (1, 1)])
def test_one_class_alone_has_no_curve(place: int, label: int) -> None:
    """With benign records only, or attacks only, rates of the other class are None, never 0."""
    frame = scored([(place, 0.1, 0.1), (place, 0.9, 0.9)])
    metrics, points = figures_of(frame, FINE, {"hybrid": 0.5}, ("hybrid",))
    assert points == []
    for row in metrics:
        assert row["threshold_policy"] == BENIGN_QUANTILE
        assert row["accuracy"] == 0.5
        assert row["roc_auc"] is None
        assert row["balanced_accuracy"] is None
        assert (row["fpr"], row["recall_attack"]) == ((0.5, None) if label == 0 else (None, 0.5))
