"""Scores counted in bins: nothing is lost, however they come, and bins are as documented."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.evaluation import binning
from iotscore.evaluation.binning import BIN_KEY, SCHEMA, bins_of, columns_to_count, count_scores

BINS = 16


def scored(rows: int, seed: int = 0) -> pa.Table:
    """Return scores of a few files; every tenth record has no label and no flags."""
    chance = np.random.default_rng(seed)
    is_known = chance.random(rows) > 0.1
    columns = {
        "file_id": chance.choice(["a", "b", "c"], rows),
        "label": pa.array(chance.integers(0, 2, rows), pa.int32(), mask=~is_known),
        "split": chance.choice(["test", "train"], rows),
    }
    for name in ("iforest", "lstm", "hybrid"):
        score = chance.normal(size=rows).round(2)
        columns[f"{name}_score"] = score
        columns["is_anomaly" if name == "hybrid" else f"{name}_flag"] = pa.array(
            score > 0.5, mask=~is_known
        )
    return pa.table(columns).select(columns_to_count(["iforest", "lstm"]))


def sorted_frame(counted: pa.Table) -> pd.DataFrame:
    """Return counts in the order of their keys."""
    frame = counted.to_pandas()
    return frame.sort_values(list(BIN_KEY), na_position="first").reset_index(drop=True)


@given(st.lists(st.floats(-1e12, 1e12), min_size=2, max_size=50), st.integers(1, 5000))
def test_bins_rise_with_the_score(scores: list[float], bins_per_e_fold: int) -> None:
    """A higher score is never in a lower bin; zero is in bin 0; the formula is that documented."""
    ordered = np.sort(np.array(scores))
    bins = bins_of(ordered, bins_per_e_fold)
    assert (np.diff(bins) >= 0).all()
    assert bins_of(np.zeros(1), bins_per_e_fold)[0] == 0
    for score, found in zip(ordered.tolist(), bins.tolist(), strict=True):
        fold = math.copysign(1, score) * math.log1p(abs(score) * 2.0**40) * bins_per_e_fold
        assert found <= fold + 1e-6 * abs(fold)
        assert fold <= found + 1 + 1e-6 * abs(fold)


@pytest.mark.parametrize("batch_rows", [1, 7, 1000])
def test_counts_are_those_of_pandas(monkeypatch: pytest.MonkeyPatch, batch_rows: int) -> None:
    """Counts do not depend on batches, and are those of a plain group-by; NULLs are a group."""
    monkeypatch.setattr(binning, "_LEAST_MERGED", 50)
    rows = scored(1000)
    found = sorted_frame(count_scores(rows.to_batches(batch_rows), ["iforest", "lstm"], BINS))
    frame = rows.to_pandas()
    parts = [
        frame[["file_id", "label", "split"]].assign(
            detector=name,
            score=frame[f"{name}_score"],
            bin=bins_of(frame[f"{name}_score"].to_numpy(), BINS),
            flag=frame["is_anomaly" if name == "hybrid" else f"{name}_flag"],
        )
        for name in ("iforest", "lstm", "hybrid")
    ]
    groups = pd.concat(parts).groupby(list(BIN_KEY), dropna=False)["score"]
    expected = groups.agg(low="min", high="max", rows="count").reset_index()
    expected = expected.sort_values(list(BIN_KEY), na_position="first").reset_index(drop=True)
    for name in ("file_id", "split", "detector", "bin", "low", "high", "rows"):
        assert found[name].to_list() == expected[name].to_list()
    assert found["rows"].sum() == 3 * len(frame)


def test_nothing_to_count() -> None:
    """No batch, or empty ones, give an empty table with all columns."""
    empty = scored(1).slice(1).to_batches()
    assert count_scores([], ["lstm"], BINS).schema == SCHEMA
    assert count_scores(empty, ["iforest", "lstm"], BINS).num_rows == 0
