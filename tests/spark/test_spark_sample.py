"""Samples and splits: chosen by hashes, so that no cluster can choose others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from iotscore.sampling.spark_sample import hash_cutoff, take_fraction, to_records, with_split
from iotscore.sampling.splits import FilePart, SplitPlan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from iotscore.warehouse.tables import Warehouse

pytestmark = pytest.mark.spark


def _records(spark: SparkSession, rows: dict[str, int], label: int | None = 0) -> DataFrame:
    keys = [(file, row, label) for file, count in rows.items() for row in range(1, count + 1)]
    return spark.createDataFrame(keys, "file_id string, row_no long, label int")


def _keys(frame: DataFrame) -> set[tuple[str, int]]:
    return {(row.file_id, row.row_no) for row in frame.collect()}


@pytest.mark.parametrize("fraction", [0.5, 0.15])
def test_exact_share_of_each_file(spark: SparkSession, fraction: float) -> None:
    """Every file gives the rounded share of its records, not a share on average."""
    taken = take_fraction(_records(spark, {"a": 401, "b": 10, "c": 1}), fraction, 42)
    counts = {row["file_id"]: row["count"] for row in taken.groupBy("file_id").count().collect()}
    assert counts.get("a") == {0.5: 201, 0.15: 60}[fraction]
    assert counts.get("b") == {0.5: 5, 0.15: 2}[fraction]


def test_sample_ignores_partitioning_and_follows_the_seed(spark: SparkSession) -> None:
    """The same seed takes the same records from any layout; another seed takes others."""
    records = _records(spark, {"a": 200, "b": 200})
    one = _keys(take_fraction(records.coalesce(1), 0.5, 42))
    shuffled = records.repartition(7, F.rand(3)).orderBy(F.rand(4))
    assert _keys(take_fraction(shuffled, 0.5, 42)) == one
    assert _keys(take_fraction(records, 0.5, 43)) != one


def test_split_follows_capture_order(spark: SparkSession) -> None:
    """The first part of a training file fits, the next calibrates, the rest is for testing."""
    plan = SplitPlan(42, 1.0, {"a": FilePart(3, 6)})
    records = _records(spark, {"a": 9, "new": 2})
    found = {(row.file_id, row.row_no): row.split for row in with_split(records, plan).collect()}
    assert [found["a", row] for row in range(1, 10)] == (
        ["train"] * 3 + ["calibration"] * 3 + ["test"] * 3
    )
    assert found["new", 1] == "test"


def test_unlabelled_records_are_in_no_split(spark: SparkSession) -> None:
    """Without a label a record can neither fit nor measure."""
    records = _records(spark, {"a": 3}, label=None)
    plan = SplitPlan(42, 1.0, {"a": FilePart(1, 2)})
    assert {row.split for row in with_split(records, plan).collect()} == {"none"}


def test_cap_takes_exactly_its_number(spark: SparkSession) -> None:
    """A cap leaves exactly that many records in the part; the others are used for nothing."""
    records = _records(spark, {"a": 300})
    cutoff = hash_cutoff(records, 100, 42)
    plan = SplitPlan(42, 1.0, {"a": FilePart(300, 300)}, train_cutoff=cutoff)
    counts = with_split(records, plan).groupBy("split").count().collect()
    assert {row["split"]: row["count"] for row in counts} == {"train": 100, "none": 200}
    assert hash_cutoff(records, 300, 42) is None


def test_matrix_is_in_key_order(night: Warehouse) -> None:
    """The driver's matrix does not depend on the order in which Spark returns records."""
    traffic = night.read("traffic")
    one = to_records(traffic)
    other = to_records(traffic.repartition(5).orderBy(F.rand(1)))
    assert (other.features == one.features).all()
    assert (other.devices == one.devices).all()
