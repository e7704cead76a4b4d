"""Figures from counted scores, against scikit-learn on the very rows that were counted."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from iotscore.evaluation import figures
from iotscore.evaluation.protocols.policies import BENIGN_QUANTILE, ROC_YOUDEN
from iotscore.evaluation.scopes import ScoredFile

if TYPE_CHECKING:
    from collections.abc import Mapping

    Rows = list[dict[str, Any]]

CATALOGUE = [
    ScoredFile("a1", "1.benign.csv", "bell", "benign", None),
    ScoredFile("b2", "1.gafgyt.tcp.csv", "bell", "gafgyt", "tcp"),
    ScoredFile("c3", "1.mirai.scan.csv", "bell", "mirai", "scan"),
    ScoredFile("d4", "2.benign.csv", "cam", "benign", None),
    ScoredFile("e5", "2.gafgyt.tcp.csv", "cam", "gafgyt", "tcp"),
    ScoredFile("f6", "3.mirai.ack.csv", "plug", "mirai", "ack"),
    ScoredFile("g7", "4.benign.csv", "lamp", "benign", None),
]
COARSE, FINE = 0.5, 1e6
"""Bins per unit of score: many scores in a bin, and one distinct score in each."""
SCHEMA = pa.schema(
    [
        ("file_id", pa.string()),
        ("label", pa.int32()),
        ("bin", pa.int64()),
        ("flag", pa.bool_()),
        ("low", pa.float64()),
        ("high", pa.float64()),
        ("rows", pa.int64()),
    ]
)
SCORE = st.integers(-40, 40).map(lambda tenths: tenths / 10)
ROW = st.tuples(st.integers(0, len(CATALOGUE) - 1), SCORE, SCORE)
ROWS = st.lists(ROW, min_size=1, max_size=60)


def scored(rows: list[tuple[int, float, float]]) -> pd.DataFrame:
    """Return records with the columns that scopes and figures ask for."""
    records = [
        {**vars(CATALOGUE[place]), "iforest": first, "hybrid": second}
        for place, first, second in rows
    ]
    frame = pd.DataFrame(records)
    return frame.assign(label=(frame["family"] != "benign").astype(int))


def count(frame: pd.DataFrame, resolution: float, thresholds: Mapping[str, float]) -> pd.DataFrame:
    """Count scores in bins as the engine does; flags are null without a threshold."""
    parts = []
    for name in ("iforest", "hybrid"):
        part = frame[["file_id", "label"]].assign(detector=name, score=frame[name])
        part["bin"] = np.floor(part["score"] * resolution).astype(np.int64)
        part["flag"] = part["score"] > thresholds[name] if name in thresholds else None
        parts.append(part)
    long = pd.concat(parts).astype({"flag": object})
    keys = ["file_id", "label", "detector", "bin", "flag"]
    grouped = long.groupby(keys, dropna=False)["score"].agg(low="min", high="max", rows="size")
    bins = grouped.reset_index()
    return bins.astype({"flag": object}).where(bins.notna(), None).astype({"bin": np.int64})


def measure(
    bins: pd.DataFrame, files: Mapping[str, ScoredFile], options: tuple[Any, ...]
) -> tuple[Rows, Rows]:
    """Hand over the bins as the engine does: detector by detector, in several batches."""

    def batches_of(name: str) -> list[pa.RecordBatch]:
        mine = bins[bins["detector"] == name]
        return pa.Table.from_pandas(mine, SCHEMA, preserve_index=False).to_batches(3)

    return figures.measure(batches_of, files, *options)


def files_of(frame: pd.DataFrame) -> dict[str, ScoredFile]:
    """Return the files that the records come from."""
    return {file.file_id: file for file in CATALOGUE if file.file_id in set(frame["file_id"])}


def within(frame: pd.DataFrame, scope: str, value: str | None) -> pd.DataFrame:
    """Pick a scope's records by hand, from what the docs say about scopes."""
    benign = frame["family"] == "benign"
    if scope == "all":
        return frame
    if scope == "family":
        return frame[(frame["family"] == value) | benign]
    if scope == "attack":
        return frame[(frame["family"] + "." + frame["attack"].fillna("") == value) | benign]
    if scope == "device":
        return frame[frame["device"] == value]
    own = frame["source_file"] == value
    if benign[own].any():
        return frame[own]
    return frame[own | (benign & frame["device"].isin(frame["device"][own]))]


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
    options = (("iforest", "hybrid"), frozen, 50, None)
    metrics, _ = measure(count(frame, resolution, frozen), files_of(frame), options)
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
        frozen = {"hybrid": threshold}
        options = (("hybrid",), frozen, 50, None)
        metrics, _ = measure(count(frame, resolution, frozen), files_of(frame), options)
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
    metrics, points = measure(
        count(frame, FINE, frozen),
        files_of(frame),
        (("iforest", "hybrid"), frozen, 50, None),
    )
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
    assert {row["uses_labels"] for row in metrics if row["threshold_policy"] == ROC_YOUDEN} <= {
        True
    }
    assert not any(row["uses_labels"] for row in metrics if row["threshold_policy"] != ROC_YOUDEN)
    assert {point["scope"] for point in points} <= {"all", "family", "device"}


@settings(max_examples=30)
@given(ROWS, st.sampled_from([COARSE, FINE]))
def test_youden_is_the_best_of_the_curve(
    rows: list[tuple[int, float, float]], resolution: float
) -> None:
    """Without frozen thresholds flags are null, and the labels choose the best TPR - FPR."""
    frame = scored(rows)
    metrics, points = measure(
        count(frame, resolution, {}), files_of(frame), (("hybrid",), {}, 1000, None)
    )
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
    _, points = measure(
        count(frame, resolution, {}), files_of(frame), (("iforest",), {}, most, None)
    )
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


@settings(max_examples=10)
@given(ROWS, st.data())
def test_weights_stand_for_more_records(
    rows: list[tuple[int, float, float]], data: st.DataObject
) -> None:
    """Weighted figures are scikit-learn's with sample weights, to a thousandth of a record."""
    frame = scored(rows)
    sizes = frame["source_file"].value_counts()
    weights = {
        path: size * data.draw(st.integers(1, 5)) + data.draw(st.integers(0, size))
        for path, size in sizes.items()
    }
    frame["weight"] = frame["source_file"].map(lambda path: weights[path] / sizes[path])
    frozen = {"iforest": 0.05}
    metrics, _ = measure(
        count(frame, FINE, frozen),
        files_of(frame),
        (("iforest",), frozen, 50, {**weights, "not here.csv": 5}),
    )
    for row in metrics:
        part = within(frame, row["scope"], row["scope_value"])
        labels, scores = part["label"].to_numpy(), part["iforest"].to_numpy()
        options = {"sample_weight": part["weight"].to_numpy()}
        flags = (scores > row["threshold"]).astype(int)
        counted = sk.confusion_matrix(labels, flags, labels=[0, 1], **options).ravel()
        cells = [row[cell] for cell in ("tn", "fp", "fn", "tp")]
        assert cells == pytest.approx(counted.tolist(), rel=1e-3)
        assert row["rows"] == len(part)
        assert row["weighting"] == "file_weights"
        assert row["accuracy"] == pytest.approx(
            sk.accuracy_score(labels, flags, **options), abs=1e-3
        )
        if labels.any() and not labels.all():
            assert row["roc_auc"] == pytest.approx(
                sk.roc_auc_score(labels, scores, **options), abs=1e-3
            )
            assert row["average_precision"] == pytest.approx(
                sk.average_precision_score(labels, scores, **options), abs=1e-3
            )


def test_a_file_without_weight_does_not_count() -> None:
    """Neither its records nor its scope are in figures that its weight is missing from."""
    frame = scored([(0, 0.1, 0.1), (1, 0.9, 0.9), (3, 0.2, 0.2), (3, 0.8, 0.8)])
    weights = {"1.benign.csv": 10, "1.gafgyt.tcp.csv": 100}
    metrics, _ = measure(
        count(frame, FINE, {"hybrid": 0.5}),
        files_of(frame),
        (("hybrid",), {"hybrid": 0.5}, 50, weights),
    )
    everything = metrics[0]
    assert everything["rows"] == 2
    assert [everything[cell] for cell in ("tn", "fp", "fn", "tp")] == [10, 0, 0, 100]
    assert "cam" not in {row["scope_value"] for row in metrics}


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
    frozen = {"hybrid": 0.5}
    metrics, points = measure(
        count(frame, FINE, frozen), files_of(frame), (("hybrid",), frozen, 50, None)
    )
    assert points == []
    for row in metrics:
        assert row["threshold_policy"] == BENIGN_QUANTILE
        assert row["accuracy"] == 0.5
        assert row["roc_auc"] is None
        assert row["balanced_accuracy"] is None
        assert (row["fpr"], row["recall_attack"]) == ((0.5, None) if label == 0 else (None, 0.5))


def test_a_large_count_is_exact() -> None:
    """Counts of a data set's size, weighted, stay whole and exact."""
    files = {file.file_id: file for file in CATALOGUE[:2]}
    bins = pd.DataFrame(
        {
            "file_id": ["a1", "a1", "b2", "b2"],
            "label": [0, 0, 1, 1],
            "detector": "lstm",
            "bin": [1, 2, 1, 2],
            "flag": [False, True, False, True],
            "low": [1.0, 2.0, 1.0, 2.0],
            "high": [1.5, 2.5, 1.5, 2.5],
            "rows": [555_931, 1, 7, 6_506_667],
        }
    )
    weights = {"1.benign.csv": 555_932 * 1000, "1.gafgyt.tcp.csv": 6_506_674 * 1000}
    metrics, _ = measure(bins, files, (("lstm",), {"lstm": 1.7}, 50, weights))
    cells = [metrics[0][cell] for cell in ("tn", "fp", "fn", "tp")]
    assert cells == [555_931_000, 1000, 7000, 6_506_667_000]
    assert metrics[0]["rows"] == 7_062_606
