"""Scored records of a few files, counted in bins as the engine does, and measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
from hypothesis import strategies as st

from iotscore.evaluation import figures
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


def figures_of(
    frame: pd.DataFrame,
    resolution: float,
    thresholds: Mapping[str, float],
    detectors: tuple[str, ...],
    *,
    most: int = 50,
    weights: Mapping[str, int] | None = None,
) -> tuple[Rows, Rows]:
    """Count the scores of records and measure them: rows of metrics, points of curves."""
    options = (detectors, thresholds, most, weights)
    return measure(count(frame, resolution, thresholds), files_of(frame), options)


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
