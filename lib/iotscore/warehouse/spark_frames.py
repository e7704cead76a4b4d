"""Delta tables as Spark's frames, and errors of reading them in our words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from iotscore.errors import WarehouseError, first_line
from iotscore.warehouse.record_sums import RecordSum, added, record_sums
from iotscore.warehouse.schema_version import check_columns, late_columns
from iotscore.warehouse.schemas import definition

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame

    from iotscore.warehouse.record_sums import Sums
    from iotscore.warehouse.warehouse import Warehouse


def read_delta(warehouse: Warehouse, table: str, version: int | None = None) -> DataFrame:
    """Return a table, empty if there is none; late columns that it lacks are NULL.

    Raises
    ------
    WarehouseError
        The table is damaged, not readable, or lacks columns that this version needs.
    """
    schema = definition(table).schema
    if not warehouse.exists(table):
        return warehouse.spark.createDataFrame([], schema)
    frame = load_delta(warehouse, table, version)
    check_columns(table, warehouse.root, frame.columns)
    for name in late_columns(table, frame.columns):
        frame = frame.withColumn(name, F.lit(None).cast(schema[name].dataType))
    return frame


def load_delta(warehouse: Warehouse, table: str, version: int | None = None) -> DataFrame:
    """Return a table with the columns that it has."""
    reader = warehouse.spark.read.format("delta")
    if version is not None:
        reader = reader.option("versionAsOf", version)
    try:
        return reader.load(warehouse.uri(table))
    except PySparkException as error:
        raise unreadable(warehouse, table, error) from error


def unreadable(warehouse: Warehouse, table: str, error: Exception) -> WarehouseError:
    """Return what a user is told of a table that cannot be read."""
    return WarehouseError(
        f"cannot read the table {table} in {warehouse.root}: {first_line(error)}; restore the "
        "folder or give --warehouse another one"
    )


def sums_by_query(frame: DataFrame, by: Sequence[str] = ("file_id",)) -> Sums:
    """Return rows and hash sum of a table's rows by columns of texts, computed by the executors."""

    def summed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = added(*(record_sums(pa.Table.from_batches([batch]), by) for batch in batches))
        packed = json.dumps([[list(key), *of_key] for key, of_key in sums.items()])
        yield pa.RecordBatch.from_pydict({"sums": [packed]})

    found = frame.mapInArrow(summed, "sums string").collect()
    parts = [json.loads(row.sums) for row in found]
    return added(*({tuple(key): RecordSum(*of_key)} for part in parts for key, *of_key in part))
