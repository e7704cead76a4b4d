"""A warehouse: a folder of Delta tables, read and written by their plain names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from delta.tables import DeltaTable
from pyspark.errors import PySparkException

from iotscore.errors import WarehouseError
from iotscore.spark.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import Column, DataFrame, SparkSession

STAGING: Final = "_staging"
"""Folder for what a running stage must put down; a killed run's leftovers are overwritten."""


class Warehouse:
    """Reads and writes the tables below one folder.

    A table that nobody has written yet reads as empty, so that every query has an answer from the
    first day on. Every write is one Delta commit: all of it is there, or nothing.

    Parameters
    ----------
    spark
        The session.
    root
        Folder: an absolute local path or a URI that Spark can write.
    """

    def __init__(self, spark: SparkSession, root: str) -> None:
        self.spark = spark
        self.root = root.rstrip("/")
        self._known: set[str] = set()

    def path(self, table: str) -> str:
        """Return where a table's folder is."""
        return f"{self.root}/{table}"

    def exists(self, table: str) -> bool:
        """Say whether a table has been written."""
        if table not in self._known:
            try:
                found = DeltaTable.isDeltaTable(self.spark, self.path(table))
            except PySparkException as error:
                raise self._unreadable(table, error) from error
            if found:
                self._known.add(table)
        return table in self._known

    def read(self, table: str) -> DataFrame:
        """Return a table as it is now.

        Raises
        ------
        WarehouseError
            The table is damaged, not readable, or lacks columns that this version needs.
        """
        if not self.exists(table):
            return self.spark.createDataFrame([], TABLES[table].schema)
        try:
            frame = self.spark.read.format("delta").load(self.path(table))
        except PySparkException as error:
            raise self._unreadable(table, error) from error
        if missing := set(TABLES[table].schema.fieldNames()) - set(frame.columns):
            message = (
                f"the table {table} in {self.root} lacks the columns {sorted(missing)}; it was "
                "written by another version: ingest into a new warehouse"
            )
            raise WarehouseError(message)
        return frame

    def append(self, table: str, frame: DataFrame) -> None:
        """Add rows in one commit; columns that the table lacks are added to it."""
        self._create(table)
        (
            frame.write.format("delta")
            .mode("append")
            .option("mergeSchema", "true")
            .save(self.path(table))
        )

    def append_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a few rows that the driver holds, in one commit."""
        if rows:
            self.append(table, self.to_frame(table, rows))

    def replace(self, table: str, frame: DataFrame, condition: str) -> None:
        """Put rows in the place of those that meet a condition, in one commit.

        Every new row must meet the condition too; Delta checks that.
        """
        self._create(table)
        (
            frame.write.format("delta")
            .mode("overwrite")
            .option("replaceWhere", condition)
            .option("mergeSchema", "true")
            .save(self.path(table))
        )

    def delete(self, table: str, condition: Column) -> None:
        """Remove rows, in one commit."""
        if self.exists(table):
            DeltaTable.forPath(self.spark, self.path(table)).delete(condition)

    def remove_folder(self, name: str) -> None:
        """Delete a folder that is not a table, with all that it holds."""
        jvm: Any = self.spark.sparkContext._jvm  # noqa: SLF001 - no public file system API
        path = jvm.org.apache.hadoop.fs.Path(self.path(name))
        conf = self.spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001
        path.getFileSystem(conf).delete(path, True)  # noqa: FBT003 - recursive, a Java argument

    def to_frame(self, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Return the driver's rows as a frame with the table's columns; absent values are NULL."""
        schema = TABLES[table].schema
        names = schema.fieldNames()
        if unknown := {name for row in rows for name in row} - set(names):
            message = f"rows for the table {table} have unknown columns {sorted(unknown)}"
            raise KeyError(message)
        values = [tuple(row.get(name) for name in names) for row in rows]
        return self.spark.createDataFrame(values, schema).coalesce(1)

    def _create(self, table: str) -> None:
        if self.exists(table):
            return
        definition = TABLES[table]
        try:
            (
                DeltaTable.createIfNotExists(self.spark)
                .location(self.path(table))
                .addColumns(definition.schema)
                .property("delta.dataSkippingStatsColumns", ",".join(definition.indexed))
                .execute()
            )
        except PySparkException as error:
            message = (
                f"cannot write the table {table} in {self.root}: {_first_line(error)}; check that "
                "the folder exists and may be written"
            )
            raise WarehouseError(message) from error
        self._known.add(table)

    def _unreadable(self, table: str, error: Exception) -> WarehouseError:
        return WarehouseError(
            f"cannot read the table {table} in {self.root}: {_first_line(error)}; restore the "
            "folder or give --warehouse another one"
        )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
