"""Figures of records that stand for more, as many as a file's weight says."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from counted_scores import CATALOGUE, FINE, ROWS, figures_of, measure, scored, within


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
    metrics, _ = figures_of(
        frame, FINE, {"iforest": 0.05}, ("iforest",), weights={**weights, "not here.csv": 5}
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
    metrics, _ = figures_of(frame, FINE, {"hybrid": 0.5}, ("hybrid",), weights=weights)
    everything = metrics[0]
    assert everything["rows"] == 2
    assert [everything[cell] for cell in ("tn", "fp", "fn", "tp")] == [10, 0, 0, 100]
    assert "cam" not in {row["scope_value"] for row in metrics}


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
