"""Record hashes and fractions in queries of Spark's, as the job verify asks them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F

from iotscore.features import KEY

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


def record_hash(seed: int) -> Column:
    """Return a 64-bit hash of the record's key, evenly spread over all signed integers."""
    return F.xxhash64(F.lit(seed), *map(F.col, KEY))


def take_fraction(frame: DataFrame, fraction: float, seed: int) -> DataFrame:
    """Return the records of each file with the lowest hashes: ``round(fraction * rows)`` of them.

    Only keys are shuffled to find each file's cut-off; the records themselves stay in place.
    """
    if fraction >= 1.0:
        return frame
    by_hash = Window.partitionBy("file_id").orderBy("hash")
    whole_file = Window.partitionBy("file_id")
    ranked = frame.select("file_id", record_hash(seed).alias("hash")).select(
        "file_id",
        "hash",
        F.row_number().over(by_hash).alias("rank"),
        F.round(F.count(F.lit(1)).over(whole_file) * fraction).alias("wanted"),
    )
    cutoffs = (
        ranked.where(F.col("rank") <= F.col("wanted"))
        .groupBy("file_id")
        .agg(F.max("hash").alias("cutoff"))
    )
    return (
        frame.join(F.broadcast(cutoffs), "file_id")
        .where(record_hash(seed) <= F.col("cutoff"))
        .drop("cutoff")
    )
