"""Scores counted in the bins of :mod:`iotscore.evaluation.binning`, once per file."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from iotscore.detect.metrics import ScoreCounts
from iotscore.evaluation.binning import columns_to_count, count_scores, merge_counts
from iotscore.warehouse.selection import Selection, rows_where

if TYPE_CHECKING:
    import pandas as pd

    from iotscore.models.context import Context


def update_histogram(context: Context, bins_per_e_fold: int) -> int:
    """Count a model's scores of files that are not counted yet; return how many they were."""
    warehouse, stored = context.warehouse, context.stored
    scored = warehouse.rows("scored_files", model_version=stored.version)
    counted = warehouse.values("score_histogram", "file_id", model_version=stored.version)
    todo = [row for row in scored if row["rows_scored"] and row["file_id"] not in counted]
    if not todo:
        return 0
    rows: int = sum(row["rows_scored"] for row in todo)
    names = tuple(stored.model.detectors)
    where = {"model_version": [stored.version]}
    if not stored.is_batch_minmax:
        where["file_id"] = sorted(row["file_id"] for row in todo)
        # Of a run's rows, which lie together, Delta knows the data files; file ids are hashes.
        where["run_id"] = sorted({row["run_id"] for row in todo})
    chosen = Selection("scores", tuple(columns_to_count(names)), where, rows)
    count = partial(count_scores, names=names, bins_per_e_fold=bins_per_e_fold)
    counts = merge_counts(warehouse.fold_records(chosen, lambda: count))
    for name, value in (("model_version", stored.version), ("run_id", context.run_id)):
        counts = counts.append_column(name, pa.repeat(value, counts.num_rows))
    order = [(name, "ascending") for name in ("detector", "file_id", "bin")]
    stamped = counts.sort_by(order)
    if stored.is_batch_minmax:
        # New extremes moved every normalised score, so the earlier counts are void.
        of_model = rows_where(model_version=stored.version)
        warehouse.replace("score_histogram", stamped, of_model)
    else:
        warehouse.append("score_histogram", stamped)
    return rows


def counts_by_detector(counted: pa.Table) -> dict[str, ScoreCounts]:
    """Return attacks and benign records per bin, over all files, by detector."""
    frame: pd.DataFrame = counted.to_pandas()
    frame["negatives"] = frame["rows"].where(frame["label"] == 0, 0)
    frame["positives"] = frame["rows"].where(frame["label"] == 1, 0)
    by = ["detector", "bin", "flag"]
    ends = {"low": "min", "high": "max", "negatives": "sum", "positives": "sum"}
    grouped = frame.groupby(by, dropna=False, as_index=False).agg(ends)
    grouped = grouped.sort_values(by, na_position="first")
    return {
        str(name): ScoreCounts(*(part[column].to_numpy() for column in ends))
        for name, part in grouped.groupby("detector")
    }
