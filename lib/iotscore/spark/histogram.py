"""Scores counted in fine bins: small enough for the driver, whatever the number of rows.

A score's bin is ``floor(sign(s) * ln(1 + |s| * 2^40) * bins_per_e_fold)``, which rises with the
score. Beyond the tiny scores below 2^-40 a bin spans a relative width of ``1 / bins_per_e_fold``.
A bin keeps its smallest and largest score, and bins are cut at the threshold (``flag``), so counts
at the stored threshold are exact and a bin with one distinct score hides nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyspark.sql import functions as F

from iotscore.columns import HYBRID, flag_column, score_column
from iotscore.detect.metrics import ScoreCounts

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from pyspark.sql import Column, DataFrame

_SCALE: Final = float(2**40)
_BY: Final = ("file_id", "label", "split", "detector", "bin", "flag")


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
        ``rows``.
    """
    judged = F.explode(
        F.array(
            *(
                F.struct(
                    F.lit(name).alias("detector"),
                    F.col(score_column(name)).alias("score"),
                    F.col(flag_column(name)).alias("flag"),
                )
                for name in (*names, HYBRID)
            )
        )
    )
    long = scores.select("file_id", "label", "split", judged.alias("judged")).select(
        "file_id", "label", "split", "judged.*"
    )
    binned = long.withColumn("bin", _bin("score", bins_per_e_fold))
    return binned.groupBy(*_BY).agg(
        F.min("score").alias("low"), F.max("score").alias("high"), F.count("*").alias("rows")
    )


def _bin(column: str, bins_per_e_fold: int) -> Column:
    score = F.col(column)
    return F.floor(F.signum(score) * F.log1p(F.abs(score) * _SCALE) * bins_per_e_fold).cast("long")


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
