"""A warehouse: a folder of Delta tables, read and written by their plain names."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import functions as F

from iotscore import failpoints
from iotscore.errors import WarehouseError
from iotscore.warehouse.delta_rs import table as local_table
from iotscore.warehouse.delta_rs.commits import commit_of, commits_between
from iotscore.warehouse.delta_rs.rewrite import rewritten
from iotscore.warehouse.schema_version import (
    PROPERTY,
    STATED,
    check_columns,
    check_layout,
    late_columns,
)
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.warehouse.delta_rs.commits import Commit
    from iotscore.warehouse.delta_rs.data_files import DataFile
    from iotscore.warehouse.writer_lock import Lock

_USER_METADATA: Final = "spark.databricks.delta.commitInfo.userMetadata"
"""Spark writes the value of this setting into every commit."""

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
    direct
        Whether a local folder's ledgers are read and written without Spark, in milliseconds
        instead of seconds, and workers may write its data files.
    lock
        What the job holds that may write; without one nobody looks after it.
    """

    def __init__(
        self, spark: SparkSession, root: str, *, direct: bool = True, lock: Lock | None = None
    ) -> None:
        self.spark = spark
        self.root = root.rstrip("/")
        self._lock = lock
        self._mark: str | None = None
        self._local = local_table.local_path(self.root) if direct else None
        self._known: set[str] = set()

    @property
    def is_direct(self) -> bool:
        """Whether data files may be read and written without Spark."""
        return self._local is not None

    def path(self, table: str) -> str:
        """Return where a table's folder is."""
        return f"{self.root}/{table}"

    def uri(self, table: str) -> str:
        """Return a table's folder for Spark, which looks for paths without a scheme in HDFS.

        So it does where ``HADOOP_CONF_DIR`` names one as the default; a local folder stays local.
        """
        scheme = "file:" if self.root.startswith("/") else ""
        return f"{scheme}{self.root}/{table}"

    def local_path(self, table: str) -> str:
        """Return a table's folder as a path; only a direct warehouse has one."""
        if self._local is None:
            message = f"the warehouse {self.root} is not direct"
            raise RuntimeError(message)
        return f"{self._local}/{table}"

    def require_lock(self) -> None:
        """Stop a job whose lock somebody took away; every commit asks before."""
        if self._lock is not None:
            self._lock.require()

    @contextmanager
    def marked(self, mark: str) -> Iterator[None]:
        """Write into each commit of the body, delta-rs's and Spark's, whose it is."""
        before, self._mark = self._mark, mark
        set_before = self.spark.conf.get(_USER_METADATA, None)
        self.spark.conf.set(_USER_METADATA, mark)
        try:
            yield
        finally:
            self._mark = before
            with suppress(Exception):  # if Java is gone, what ended the body is what counts
                if set_before is None:
                    self.spark.conf.unset(_USER_METADATA)
                else:
                    self.spark.conf.set(_USER_METADATA, set_before)

    def exists(self, table: str) -> bool:
        """Say whether a table has been written."""
        if table not in self._known:
            try:
                found = (
                    local_table.is_table(self.local_path(table))
                    if self.is_direct
                    else DeltaTable.isDeltaTable(self.spark, self.uri(table))
                )
            except PySparkException as error:
                raise self._unreadable(table, error) from error
            if found:
                check_layout(table, self.root, self.properties(table))
                self._known.add(table)
        return table in self._known

    def properties(self, table: str) -> dict[str, str]:
        """Return what a table that exists says about itself."""
        if self.is_direct:
            return local_table.properties(self.local_path(table))
        try:
            detail = DeltaTable.forPath(self.spark, self.uri(table)).detail()
            return dict(detail.select("properties").collect()[0]["properties"])
        except PySparkException as error:
            raise self._unreadable(table, error) from error

    def set_properties(self, table: str, properties: Mapping[str, str]) -> None:
        """Make a table say something about itself, in one commit."""
        self.require_lock()
        if self.is_direct:
            local_table.set_properties(self.local_path(table), properties, self._mark)
            return
        pairs = ", ".join(f"'{name}' = '{value}'" for name, value in properties.items())
        place = self.uri(table).replace("`", "``")
        self.spark.sql(f"ALTER TABLE delta.`{place}` SET TBLPROPERTIES ({pairs})")

    def columns(self, table: str) -> list[str]:
        """Return the columns that a table has in its folder."""
        if self.is_direct:
            return local_table.column_names(self.local_path(table))
        return self._load(table).columns

    def add_columns(self, table: str) -> None:
        """Add the columns that a table lacks, in one commit; they are NULL in its rows."""
        self.require_lock()
        if self.is_direct:
            empty = TABLES[table].arrow_schema.empty_table()
            local_table.append_rows(self.local_path(table), empty, self._mark)
        else:
            self.append(table, self.to_frame(table, []))

    def read(self, table: str) -> DataFrame:
        """Return a table as it is now.

        Raises
        ------
        WarehouseError
            The table is damaged, not readable, or lacks columns that this version needs.
        """
        if not self.exists(table):
            return self.spark.createDataFrame([], TABLES[table].schema)
        frame = self._load(table)
        check_columns(table, self.root, frame.columns)
        schema = TABLES[table].schema
        for name in late_columns(table, frame.columns):
            frame = frame.withColumn(name, F.lit(None).cast(schema[name].dataType))
        return frame

    def _load(self, table: str) -> DataFrame:
        try:
            return self.spark.read.format("delta").load(self.uri(table))
        except PySparkException as error:
            raise self._unreadable(table, error) from error

    def rows(
        self, table: str, columns: Sequence[str] | None = None, **where: str | Sequence[str]
    ) -> list[dict[str, Any]]:
        """Return rows of a small table on the driver; times are UTC.

        Parameters
        ----------
        table
            Its name.
        columns
            Those wanted; None for all.
        **where
            Only rows whose column holds this value, or one of these.

        Raises
        ------
        WarehouseError
            As for :meth:`read`.
        """
        found = self.table(table, columns or TABLES[table].schema.fieldNames(), **where)
        return list(found.to_pylist())

    def values(self, table: str, column: str, **where: str | Sequence[str]) -> set[Any]:
        """Return the different values of a column in rows chosen as by :meth:`rows`."""
        if self.is_direct:
            found = self.table(table, [column], **where)
        else:
            found = self.frame(table, **where).select(column).distinct().toArrow()
        return set(found.column(column).unique().to_pylist())

    def table(self, table: str, columns: Sequence[str], **where: str | Sequence[str]) -> pa.Table:
        """Return rows as :meth:`rows` does, for Arrow: more than a few, but not without bound."""
        if not self.is_direct:
            return self.frame(table, **where).select(*columns).toArrow()
        if not self.exists(table):
            return TABLES[table].arrow_schema.empty_table().select(list(columns))
        path = self.local_path(table)
        present = local_table.column_names(path)
        check_columns(table, self.root, present)
        late = late_columns(table, present)
        read = [name for name in columns if name not in late] or present[:1]
        found = local_table.read_rows(path, read, _listed(where))
        for name in late:
            kind = TABLES[table].arrow_schema.field(name).type
            found = found.append_column(name, pa.nulls(found.num_rows, kind))
        return found.select(list(columns))

    def batches(
        self, table: str, columns: Sequence[str], **where: str | Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows as :meth:`table` returns them, a part of the table at a time."""
        if not self.is_direct:
            yield from _parts(self.frame(table, **where).select(*columns))
        elif self.exists(table):
            yield from local_table.scan(self.local_path(table), columns, _listed(where))

    def data_files(self, table: str, **where: Sequence[str]) -> list[str]:
        """Return the paths of a direct table's data files that may hold rows with these values."""
        return local_table.data_files(self.local_path(table), where)

    def frame(self, table: str, **where: str | Sequence[str]) -> DataFrame:
        """Return rows as :meth:`rows` does, on the executors."""
        frame = self.read(table)
        for name, values in _listed(where).items():
            frame = frame.where(F.col(name).isin(values))
        return frame

    def count_by_file(self, table: str, condition: str) -> dict[str, int]:
        """Count the rows that meet an SQL condition, on the executors, by ``file_id``."""
        counts = self.read(table).where(condition).groupBy("file_id").count().collect()
        return {row["file_id"]: row["count"] for row in counts}

    def append(self, table: str, frame: DataFrame) -> None:
        """Add rows in one commit; columns that the table lacks are added to it."""
        self.create(table)
        self.require_lock()
        (
            frame.write.format("delta")
            .mode("append")
            .option("mergeSchema", "true")
            .save(self.uri(table))
        )
        failpoints.hit(f"append {table}")

    def append_rows(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Add a few rows that the driver holds, in one commit."""
        if not rows:
            return
        if self.is_direct:
            _check_names(table, rows)
            self.append_table(
                table, pa.Table.from_pylist(list(rows), schema=TABLES[table].arrow_schema)
            )
        else:
            self.append(table, self.to_frame(table, rows))

    def append_table(self, table: str, rows: pa.Table) -> None:
        """Add rows that the driver holds to a direct table, in one commit."""
        self.create(table)
        self.require_lock()
        local_table.append_rows(
            self.local_path(table), rows.select(TABLES[table].arrow_schema.names), self._mark
        )
        failpoints.hit(f"append {table}")

    def add_files(self, table: str, files: Sequence[DataFile]) -> None:
        """Make data files in the table's folder part of it, in one commit."""
        if files:
            self.require_lock()
            local_table.exchange_files(self.local_path(table), files, mark=self._mark)
            failpoints.hit(f"append {table}")

    def exchange_files(
        self, table: str, added: Sequence[DataFile], file_ids: Collection[str]
    ) -> None:
        """Put data files in the place of all rows of some landing files, in one commit."""
        path = self.local_path(table)
        paths = self.data_files(table, file_id=sorted(file_ids))
        schema, indexed = local_table.schema(path), TABLES[table].indexed
        removed, rest = rewritten(paths, file_ids, schema, indexed)
        self.require_lock()
        local_table.exchange_files(path, [*added, *rest], removed, self._mark)
        failpoints.hit(f"replace {table}")

    def replace(self, table: str, frame: DataFrame, condition: str) -> None:
        """Put rows in the place of those that meet a condition, in one commit.

        Every new row must meet the condition too; Delta checks that.
        """
        self.create(table)
        self.require_lock()
        (
            frame.write.format("delta")
            .mode("overwrite")
            .option("replaceWhere", condition)
            .option("mergeSchema", "true")
            .save(self.uri(table))
        )
        failpoints.hit(f"replace {table}")

    def replace_rows(self, table: str, rows: Sequence[Mapping[str, Any]], condition: str) -> None:
        """Put a few rows that the driver holds in the place of others, as :meth:`replace` does."""
        if self.is_direct:
            self.create(table)
            _check_names(table, rows)
            added = pa.Table.from_pylist(list(rows), schema=TABLES[table].arrow_schema)
            self.require_lock()
            local_table.replace_rows(self.local_path(table), added, condition, self._mark)
            failpoints.hit(f"replace {table}")
        else:
            self.replace(table, self.to_frame(table, rows), condition)

    def version(self, table: str) -> int | None:
        """Return the number of a table's newest commit, None if there is no table."""
        if not self.exists(table):
            return None
        if self.is_direct:
            return local_table.version(self.local_path(table))
        history = DeltaTable.forPath(self.spark, self.uri(table)).history(1)
        return int(history.collect()[0]["version"])

    def commits_after(self, table: str, version: int) -> list[Commit]:
        """Return the commits of a table after a version, rising."""
        if self.is_direct:
            path = self.local_path(table)
            return commits_between(path, version, local_table.version(path))
        history = DeltaTable.forPath(self.spark, self.uri(table)).history()
        described = ("version", "operation", "operationParameters", "userMetadata")
        rows = history.where(F.col("version") > version).select(*described).collect()
        return sorted(
            (commit_of(row["version"], row.asDict()) for row in rows), key=lambda one: one.version
        )

    def restore(self, table: str, version: int | None) -> None:
        """Make a table what it was at a version, in one commit; None: what it was when made."""
        now = self.version(table)
        wanted = version or 0
        if now is None or now == wanted:
            return
        self.require_lock()
        if self.is_direct:
            local_table.restore(self.local_path(table), wanted, self._mark)
        else:
            DeltaTable.forPath(self.spark, self.uri(table)).restoreToVersion(wanted)
        failpoints.hit(f"restore {table}")

    def delete(self, table: str, condition: str) -> None:
        """Remove the rows that meet an SQL condition, in one commit."""
        if not self.exists(table):
            return
        self.require_lock()
        if not self.is_direct:
            DeltaTable.forPath(self.spark, self.uri(table)).delete(condition)
        elif not local_table.delete_rows(self.local_path(table), condition, self._mark):
            return
        failpoints.hit(f"delete {table}")

    def remove_folder(self, name: str) -> None:
        """Delete a folder that is not a table, with all that it holds."""
        filesystem, path = self._hadoop_path(name)
        filesystem.delete(path, True)  # noqa: FBT003 - recursive, a Java argument

    def _qualified(self, table: str) -> str:
        """Return a folder as Hadoop writes it in full, which Delta wants of a new table."""
        if local_table.local_folder(self.root) == self.root:
            return self.uri(table)
        filesystem, path = self._hadoop_path(table)
        return str(filesystem.makeQualified(path).toString())

    def _hadoop_path(self, name: str) -> tuple[Any, Any]:
        """Return Hadoop's file system and path of a folder."""
        jvm: Any = self.spark.sparkContext._jvm  # noqa: SLF001 - no public file system API
        path = jvm.org.apache.hadoop.fs.Path(self.uri(name))
        conf = self.spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001
        return path.getFileSystem(conf), path

    def to_frame(self, table: str, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
        """Return the driver's rows as a frame with the table's columns; absent values are NULL."""
        _check_names(table, rows)
        definition = TABLES[table]
        values = pa.Table.from_pylist(list(rows), schema=definition.arrow_schema)
        return self.spark.createDataFrame(values, definition.schema).coalesce(1)

    def create(self, table: str) -> None:
        """Make a table, empty, unless it is there."""
        if self.exists(table):
            return
        self.require_lock()
        definition = TABLES[table]
        if self.is_direct:
            local_table.create_table(
                self.local_path(table),
                definition.arrow_schema,
                definition.indexed,
                STATED,
                self._mark,
            )
            self._known.add(table)
            failpoints.hit(f"create {table}")
            return
        try:
            (
                DeltaTable.createIfNotExists(self.spark)
                .location(self._qualified(table))
                .addColumns(definition.schema)
                .property("delta.dataSkippingStatsColumns", ",".join(definition.indexed))
                .property(PROPERTY, STATED[PROPERTY])
                .execute()
            )
        except PySparkException as error:
            message = (
                f"cannot write the table {table} in {self.root}: {_first_line(error)}; check that "
                "the folder exists and may be written"
            )
            raise WarehouseError(message) from error
        self._known.add(table)
        failpoints.hit(f"create {table}")

    def _unreadable(self, table: str, error: Exception) -> WarehouseError:
        return WarehouseError(
            f"cannot read the table {table} in {self.root}: {_first_line(error)}; restore the "
            "folder or give --warehouse another one"
        )


def _parts(frame: DataFrame) -> Iterator[pa.RecordBatch]:
    """Yield the rows of a frame; the driver holds those of two tasks, not all of them."""

    def packed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
            yield pa.record_batch({"part": [sink.getvalue().to_pybytes()]})

    for row in frame.mapInArrow(packed, "part binary").toLocalIterator(prefetchPartitions=True):
        yield from pa.ipc.open_stream(bytes(row["part"]))


def _listed(where: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    return {
        name: [value] if isinstance(value, str) else list(value) for name, value in where.items()
    }


def _check_names(table: str, rows: Sequence[Mapping[str, Any]]) -> None:
    names = TABLES[table].schema.fieldNames()
    if unknown := {name for row in rows for name in row} - set(names):
        message = f"rows for the table {table} have unknown columns {sorted(unknown)}"
        raise KeyError(message)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
