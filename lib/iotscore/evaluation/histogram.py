"""Scores counted in the bins of :mod:`iotscore.evaluation.binning`, on the executors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from iotscore.detect.metrics import ScoreCounts
from iotscore.detect.model import BATCH_MINMAX
from iotscore.evaluation.binning import BIN_KEY, SCHEMA, columns_to_count, count_scores

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from pyspark.sql import DataFrame

    from iotscore.models.registry import StoredModel
    from iotscore.warehouse.tables import Warehouse

_MOST_ROWS_ON_DRIVER: Final = 500_000
"""So many scores the driver counts in a second or two, before a query of Spark's has woken up."""


def histogram(scores: DataFrame, names: Sequence[str], bins_per_e_fold: int) -> DataFrame:
    """Count records by file, split, detector and bin.

    Parameters
    ----------
    scores
        Rows with the columns of ``scores``.
    names
        Detectors; the hybrid score is counted too.
    bins_per_e_fold
        Resolution.

    Returns
    -------
    DataFrame
        ``file_id``, ``label``, ``split``, ``detector``, ``bin``, ``flag``, ``low``, ``high`` and
        ``rows``; one row per bin that has a record.
    """

    def count(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from count_scores(batches, names, bins_per_e_fold).to_batches()

    of_partitions = scores.select(*columns_to_count(names)).mapInArrow(
        count, from_arrow_schema(SCHEMA)
    )
    return of_partitions.groupBy(*BIN_KEY).agg(
        F.min("low").alias("low"), F.max("high").alias("high"), F.sum("rows").alias("rows")
    )


def update_histogram(
    warehouse: Warehouse, stored: StoredModel, bins_per_e_fold: int, run_id: str
) -> int:
    """Count a model's scores of files that are not counted yet; return how many they were."""
    scored = warehouse.rows("scored_files", model_version=stored.version)
    counted = warehouse.values("score_histogram", "file_id", model_version=stored.version)
    todo = [row for row in scored if row["rows_scored"] and row["file_id"] not in counted]
    if not todo:
        return 0
    rows: int = sum(row["rows_scored"] for row in todo)
    names = tuple(stored.model.detectors)
    stamp = {"model_version": stored.version, "run_id": run_id}
    # Of a run's rows, which lie together, Delta knows the data files; file ids are hashes.
    new = {
        "file_id": sorted(row["file_id"] for row in todo),
        "run_id": sorted({row["run_id"] for row in todo}),
    }
    if stored.manifest["normalisation"] == BATCH_MINMAX:
        # New extremes moved every normalised score, so the earlier counts are void.
        scores = warehouse.frame("scores", model_version=stored.version)
        counts = _stamped(histogram(scores, names, bins_per_e_fold), stamp)
        condition = f"model_version = '{stored.version}'"
        warehouse.replace("score_histogram", counts, condition)
    elif warehouse.is_direct and rows <= _MOST_ROWS_ON_DRIVER:
        batches = warehouse.batches(
            "scores", columns_to_count(names), model_version=stored.version, **new
        )
        counted_here = count_scores(batches, names, bins_per_e_fold)
        warehouse.append_table("score_histogram", _stamped_table(counted_here, stamp))
    else:
        scores = warehouse.frame("scores", model_version=stored.version, **new)
        counts = _stamped(histogram(scores, names, bins_per_e_fold), stamp)
        warehouse.append("score_histogram", counts)
    return rows


def _stamped(counts: DataFrame, stamp: Mapping[str, str]) -> DataFrame:
    return counts.withColumns({name: F.lit(value) for name, value in stamp.items()})


def _stamped_table(counts: pa.Table, stamp: Mapping[str, str]) -> pa.Table:
    for name, value in stamp.items():
        counts = counts.append_column(name, pa.repeat(value, counts.num_rows))
    return counts.sort_by([(name, "ascending") for name in ("detector", "file_id", "bin")])


def counts_by_detector(counted: DataFrame) -> dict[str, ScoreCounts]:
    """Return attacks and benign records per bin, over all files, by detector."""
    grouped = counted.groupBy("detector", "bin", "flag").agg(
        F.min("low").alias("low"),
        F.max("high").alias("high"),
        F.sum(F.when(F.col("label") == 0, F.col("rows")).otherwise(0)).alias("negatives"),
        F.sum(F.when(F.col("label") == 1, F.col("rows")).otherwise(0)).alias("positives"),
    )
    frame: pd.DataFrame = grouped.toPandas()
    frame = frame.sort_values(["detector", "bin", "flag"], na_position="first")
    return {str(name): to_counts(part) for name, part in frame.groupby("detector")}


def to_counts(bins: pd.DataFrame) -> ScoreCounts:
    """Return one row per bin, in order, as counts."""
    return ScoreCounts(
        low=bins["low"].to_numpy(),
        high=bins["high"].to_numpy(),
        negatives=bins["negatives"].to_numpy(),
        positives=bins["positives"].to_numpy(),
    )
