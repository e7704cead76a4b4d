"""Reproducible samples: a hash of (seed, file, row) decides, so partitioning cannot."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pyspark.sql import Window
from pyspark.sql import functions as F
from pyspark.sql import types as T

from iotscore.features import FEATURES, KEY
from iotscore.sampling import splits
from iotscore.warehouse.delta_rs.row_groups import records_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from iotscore.sampling.splits import SplitPlan
    from iotscore.warehouse.delta_rs.row_groups import Records


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


def with_split(frame: DataFrame, plan: SplitPlan) -> DataFrame:
    """Add the column ``split``: what each record was to the model that was trained by ``plan``.

    Benign records of the training files are train, calibration or test by their place in the
    file; a record of those parts that a cap left out is none. Every other labelled record is
    test, an unlabelled one is none.
    """
    rows = [
        (file_id, part.train_end, part.calibration_end, part.gap)
        for file_id, part in sorted(plan.parts.items())
    ]
    schema = T.StructType(
        [
            T.StructField("file_id", T.StringType()),
            T.StructField("train_end", T.LongType()),
            T.StructField("calibration_end", T.LongType()),
            T.StructField("gap", T.IntegerType()),
        ]
    )
    parts = frame.sparkSession.createDataFrame(rows, schema)
    is_labelled = F.col("label").isNotNull()
    row_no, gap = F.col("row_no"), F.col("gap")
    in_train = row_no <= F.col("train_end")
    in_calibration = row_no <= F.col("calibration_end")
    in_gap = (~in_train & (row_no <= F.col("train_end") + gap)) | (
        ~in_calibration & (row_no <= F.col("calibration_end") + gap)
    )
    is_cold = F.col("train_end").isNotNull() & (row_no <= plan.skip_rows)
    split = (
        F.when(~is_labelled | in_gap | is_cold, splits.NONE)
        .when(in_train, _taken(plan.train_cutoff, plan.seed, splits.TRAIN))
        .when(in_calibration, _taken(plan.calibration_cutoff, plan.seed, splits.CALIBRATION))
        .otherwise(splits.TEST)
    )
    joined = frame.join(F.broadcast(parts), "file_id", "left")
    return joined.withColumn("split", split).drop("train_end", "calibration_end", "gap")


def _taken(cutoff: int | None, seed: int, split: str) -> Column:
    if cutoff is None:
        return F.lit(split)
    return F.when(record_hash(seed) <= cutoff, split).otherwise(splits.NONE)


def hash_cutoff(frame: DataFrame, cap: int, seed: int) -> int | None:
    """Return the hash of the ``cap``-th record in order of hashes, None if there are no more."""
    if frame.count() <= cap:
        return None
    hashes = frame.select(record_hash(seed).alias("hash")).orderBy("hash").limit(cap)
    return int(hashes.agg(F.max("hash")).collect()[0][0])


def draw_by_query(
    benign: DataFrame, plan: SplitPlan, most_train: int, most_calibration: int
) -> tuple[SplitPlan, Records, Records]:
    """Do through Spark what :func:`iotscore.sampling.training_sample.draw` does, from any storage."""
    sample = take_fraction(benign, plan.fraction, plan.seed)
    uncapped = with_split(sample, plan)
    train = uncapped.where(F.col("split") == splits.TRAIN)
    calibration = uncapped.where(F.col("split") == splits.CALIBRATION)
    plan = replace(
        plan,
        train_cutoff=hash_cutoff(train, most_train, plan.seed),
        calibration_cutoff=hash_cutoff(calibration, most_calibration, plan.seed),
    )
    drawn = with_split(sample, plan)
    records = [
        to_records(drawn.where(F.col("split") == split))
        for split in (splits.TRAIN, splits.CALIBRATION)
    ]
    return plan, records[0], records[1]


def to_records(frame: DataFrame) -> Records:
    """Bring records to the driver, in key order."""
    table = (
        frame.select(*KEY, "device_id", *FEATURES)
        .toArrow()
        .sort_by([(name, "ascending") for name in KEY])
    )
    return records_of(table)
