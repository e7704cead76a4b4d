"""A warehouse that Spark reads and writes: storage, catalogues and features that only it knows.

Functions run over frames in Arrow batches of 10,000 rows; Spark's writer makes the data files and
Delta's the commits.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from delta.tables import DeltaTable
from pyspark.errors import PySparkException
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_schema

from iotscore import failpoints
from iotscore.errors import UnsupportedStorageError, WarehouseError, first_line
from iotscore.warehouse.delta_rs.compaction import compact
from iotscore.warehouse.delta_rs.files import local_folder, local_path
from iotscore.warehouse.delta_spark.batch_functions import mapped, packed_parts
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.record_sums import RecordSum
from iotscore.warehouse.records import plain, with_constants
from iotscore.warehouse.results import DataFileCheck, Proof, commit_of
from iotscore.warehouse.schema_version import PROPERTY, STATED
from iotscore.warehouse.schemas import definition
from iotscore.warehouse.selection import BATCH_ROWS
from iotscore.warehouse.side_outputs import Mapped
from iotscore.warehouse.spark_frames import load_delta, read_delta, sums_by_query, unreadable
from iotscore.warehouse.tasks import numbered, numbers
from iotscore.warehouse.warehouse import Warehouse, arrow_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.warehouse.compaction import Compaction, CompactionOptions
    from iotscore.warehouse.delta_spark.batch_functions import Transport
    from iotscore.warehouse.results import Commit
    from iotscore.warehouse.selection import Condition, Selection
    from iotscore.warehouse.side_outputs import SideOutput
    from iotscore.warehouse.warehouse import Fold, TableFunction
    from iotscore.warehouse.writer_lock import Lock

_USER_METADATA: Final = "spark.databricks.delta.commitInfo.userMetadata"
"""Spark writes the value of this setting into every commit."""
_MOST_LISTED: Final = 2_000
"""Up to here a filter lists values, which lets Delta skip data files; beyond it joins."""
_OF_THE_RUN: Final = ("model_version", "run_id", "ingest_run")
"""Columns by which the rows of a run are found again."""


class DeltaSparkWarehouse(Warehouse):
    """Reads and writes by Spark; see :class:`iotscore.warehouse.warehouse.Warehouse`.

    Parameters
    ----------
    spark, root, lock
        As there.
    transport
        How records reach a function that returns a row for each.
    """

    def __init__(
        self,
        spark: SparkSession,
        root: str,
        lock: Lock | None = None,
        transport: Transport = "arrow",
    ) -> None:
        super().__init__(spark, root, lock)
        self._transport: Transport = transport

    @contextmanager
    def marked(self, mark: str) -> Iterator[None]:
        """See the base class."""
        before = self.spark.conf.get(_USER_METADATA, None)
        self.spark.conf.set(_USER_METADATA, mark)
        try:
            yield
        finally:
            with suppress(Exception):  # if Java is gone, what ended the body is what counts
                if before is None:
                    self.spark.conf.unset(_USER_METADATA)
                else:
                    self.spark.conf.set(_USER_METADATA, before)

    # Functions over rows where they lie.

    def map_records(
        self,
        chosen: Selection,
        load: Callable[[], TableFunction],
        into: str,
        stamp: Mapping[str, Any],
        *,
        doing: str,
        is_row_wise: bool = False,
        replacing: Condition | None = None,
        sides: Sequence[SideOutput] = (),
    ) -> Mapped:
        """See the base class; no side output is made: Spark's writer makes one table in a pass."""
        schema, done = definition(into).arrow_schema, self.spark.sparkContext.accumulator(0)

        def stamped() -> TableFunction:
            make = load()

            def run(records: pa.Table) -> pa.Table:
                rows = with_constants(make(records), stamp, schema)
                done.add(records.num_rows)
                failpoints.hit_in_worker(f"{doing} batch")
                return rows

            return run

        transport = self._transport if is_row_wise else "arrow"
        rows = mapped(self._chosen(chosen), stamped, schema, transport)
        with rows_progress(doing, done, chosen.rows):
            self._write(into, rows, stamp, replacing)
        return Mapped(self._sums(into, stamp), tuple(None for _ in sides))

    def map_tasks(
        self,
        tasks: Sequence[Any],
        rows_of: Callable[[Any], Iterable[pa.Table]],
        into: str,
        stamp: Mapping[str, Any],
        *,
        also: Sequence[Mapping[str, Any]] = (),
        replacing: Condition | None = None,
    ) -> dict[str, RecordSum]:
        """See the base class."""
        schema = definition(into).arrow_schema

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for number in numbers(batches):
                for rows in rows_of(tasks[number]):
                    made = plain(with_constants(rows, stamp, schema)).cast(schema)
                    yield from made.to_batches(BATCH_ROWS)

        frame = numbered(self.spark, len(tasks)).mapInArrow(run, from_arrow_schema(schema))
        if also:
            frame = self._frame(into, arrow_rows(into, also)).unionByName(frame)
        self._write(into, frame, stamp, replacing)
        return self._sums(into, stamp)

    def fold_records(
        self, chosen: Selection, load: Callable[[], Fold], *, doing: str | None = None
    ) -> Iterator[pa.Table]:
        """See the base class."""
        done = self.spark.sparkContext.accumulator(0)

        def run(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
            def counted() -> Iterator[pa.Table]:
                for records in tables:
                    yield records
                    done.add(records.num_rows)

            yield load()(counted())

        with rows_progress(doing or "count", done, chosen.rows):
            yield from packed_parts(self._chosen(chosen), run)

    def fold_files(self, chosen: Selection, fold: TableFunction) -> Iterator[pa.Table]:
        """See the base class."""

        def run(rows: pa.Table) -> pa.Table:
            found = fold(rows)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, found.schema) as writer:
                writer.write_table(found)
            return pa.table({"part": [sink.getvalue().to_pybytes()]})

        grouped = self._chosen(chosen).groupBy("file_id").applyInArrow(run, "part binary")
        for row in grouped.toLocalIterator():
            yield pa.ipc.open_stream(bytes(row["part"])).read_all()

    def collect_records(self, chosen: Selection, keep: TableFunction) -> Iterator[pa.Table]:
        """See the base class."""

        def run(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
            yield from (kept for kept in map(keep, tables) if kept.num_rows)

        yield from packed_parts(self._chosen(chosen), run)

    def _chosen(self, chosen: Selection) -> DataFrame:
        frame = self.read(chosen.table, chosen.version)
        for name, values in chosen.where.items():
            if len(values) <= _MOST_LISTED:
                frame = frame.where(F.col(name).isin(list(values)))
            else:
                wanted = self.spark.createDataFrame(pa.table({name: pa.array(values)}))
                frame = frame.join(F.broadcast(wanted), name, "left_semi")
        return frame.select(*chosen.columns)

    def _write(
        self, table: str, rows: DataFrame, stamp: Mapping[str, Any], replacing: Condition | None
    ) -> None:
        if replacing is None:
            self._append_frame(table, rows)
        else:
            # Delta wants every new row to meet the condition.
            self._replace_frame(table, rows, f"{replacing.sql()} OR ({_written(stamp)})")

    def _sums(self, table: str, stamp: Mapping[str, Any]) -> dict[str, RecordSum]:
        """Return what lies in a table of the rows of a run that were just written."""
        if not _written(stamp):
            return {}
        written = self.read(table).where(_written(stamp))
        if definition(table).is_proved:
            return {file_id: total for (file_id,), total in sums_by_query(written).items()}
        counted = written.groupBy("file_id").count().collect()
        return {row["file_id"]: RecordSum(row["count"]) for row in counted}

    # What stands behind the tables.

    def read(self, table: str, version: int | None = None) -> DataFrame:
        """See the base class."""
        return read_delta(self, table, version)

    def columns(self, table: str) -> list[str]:
        """See the base class."""
        return load_delta(self, table).columns

    def properties(self, table: str) -> dict[str, str]:
        """See the base class."""
        try:
            detail = DeltaTable.forPath(self.spark, self.uri(table)).detail()
            return dict(detail.select("properties").collect()[0]["properties"])
        except PySparkException as error:
            raise unreadable(self, table, error) from error

    def commits_after(self, table: str, version: int) -> list[Commit]:
        """See the base class."""
        history = DeltaTable.forPath(self.spark, self.uri(table)).history()
        described = ("version", "operation", "operationParameters", "userMetadata")
        rows = history.where(F.col("version") > version).select(*described).collect()
        commits = (commit_of(row["version"], row.asDict()) for row in rows)
        return sorted(commits, key=lambda commit: commit.version)

    def count(self, table: str) -> int | None:
        """See the base class."""
        return self.read(table).count()  # Delta answers from the log

    def check_data_files(self, table: str) -> DataFileCheck:  # noqa: ARG002 - the contract
        """See the base class."""
        return DataFileCheck()

    def prove(self, table: str, by: Sequence[str], version: int | None = None) -> Proof:
        """See the base class."""
        return Proof(sums_by_query(self.read(table, version), by))

    def compact(self, table: str, options: CompactionOptions) -> Compaction:
        """See the base class."""
        if (path := local_path(self.root)) is None:
            message = (
                f"the warehouse {self.root} is not in a local or mounted folder that maintain can "
                "work in; run OPTIMIZE and VACUUM of Delta Lake for Spark on its tables"
            )
            raise UnsupportedStorageError(message)
        self.require_lock()
        made_of = definition(table)
        return compact(f"{path}/{table}", made_of.arrow_schema, made_of.indexed, options)

    def drop(self, table: str) -> None:
        """See the base class."""
        filesystem, path = self._hadoop_path(table)
        filesystem.delete(path, True)  # noqa: FBT003 - recursive, a Java argument
        self._known.discard(table)

    def _is_table(self, table: str) -> bool:
        try:
            return DeltaTable.isDeltaTable(self.spark, self.uri(table))
        except PySparkException as error:
            raise unreadable(self, table, error) from error

    def _create(self, table: str) -> None:
        made_of = definition(table)
        try:
            (
                DeltaTable.createIfNotExists(self.spark)
                .location(self._qualified(table))
                .addColumns(made_of.schema)
                .property("delta.dataSkippingStatsColumns", ",".join(made_of.indexed))
                .property(PROPERTY, STATED[PROPERTY])
                .execute()
            )
        except PySparkException as error:
            message = (
                f"cannot write the table {table} in {self.root}: {first_line(error)}; check that "
                "the folder exists and may be written"
            )
            raise WarehouseError(message) from error

    def _set_properties(self, table: str, properties: Mapping[str, str]) -> None:
        pairs = ", ".join(f"'{name}' = '{value}'" for name, value in properties.items())
        place = self.uri(table).replace("`", "``")
        self.spark.sql(f"ALTER TABLE delta.`{place}` SET TBLPROPERTIES ({pairs})")

    def _table(
        self, table: str, columns: Sequence[str], where: Mapping[str, Sequence[str]]
    ) -> pa.Table:
        return self._rows(table, columns, where).toArrow()

    def _batches(
        self, table: str, columns: Sequence[str], where: Mapping[str, Sequence[str]]
    ) -> Iterator[pa.RecordBatch]:
        for part in packed_parts(self._rows(table, columns, where), lambda tables: tables):
            yield from plain(part).to_batches()

    def _rows(
        self, table: str, columns: Sequence[str], where: Mapping[str, Sequence[str]]
    ) -> DataFrame:
        frame = self.read(table)
        for name, values in where.items():
            frame = frame.where(F.col(name).isin(list(values)))
        return frame.select(*columns)

    def _append(self, table: str, rows: pa.Table) -> None:
        self._save(table, self._frame(table, rows), "append")

    def _append_frame(self, table: str, rows: DataFrame) -> None:
        self.create(table)
        self.require_lock()
        self._save(table, rows, "append")
        failpoints.hit(f"append {table}")

    def _replace(self, table: str, rows: pa.Table, condition: Condition) -> bool:
        self._save(table, self._frame(table, rows), "overwrite", replaceWhere=condition.sql())
        return True

    def _replace_frame(self, table: str, rows: DataFrame, condition: str) -> None:
        self.create(table)
        self.require_lock()
        self._save(table, rows, "overwrite", replaceWhere=condition)
        failpoints.hit(f"replace {table}")

    def _save(self, table: str, rows: DataFrame, mode: str, **options: str) -> None:
        writer = rows.write.format("delta").mode(mode).option("mergeSchema", "true")
        writer.options(**options).save(self.uri(table))

    def _frame(self, table: str, rows: pa.Table) -> DataFrame:
        return self.spark.createDataFrame(rows, definition(table).schema).coalesce(1)

    def _delete(self, table: str, condition: str) -> bool:
        DeltaTable.forPath(self.spark, self.uri(table)).delete(condition)
        return True

    def _restore(self, table: str, version: int) -> None:
        DeltaTable.forPath(self.spark, self.uri(table)).restoreToVersion(version)

    def _version(self, table: str) -> int:
        history = DeltaTable.forPath(self.spark, self.uri(table)).history(1)
        return int(history.collect()[0]["version"])

    def _qualified(self, table: str) -> str:
        """Return a folder as Hadoop writes it in full, which Delta wants of a new table."""
        if local_folder(self.root) == self.root:
            return self.uri(table)
        filesystem, path = self._hadoop_path(table)
        return str(filesystem.makeQualified(path).toString())

    def _hadoop_path(self, name: str) -> tuple[Any, Any]:
        """Return Hadoop's file system and path of a folder."""
        jvm: Any = self.spark.sparkContext._jvm  # noqa: SLF001 - no public file system API
        path = jvm.org.apache.hadoop.fs.Path(self.uri(name))
        conf = self.spark.sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001
        return path.getFileSystem(conf), path


def _written(stamp: Mapping[str, Any]) -> str:
    """Return the condition on rows that have the identifiers of a stamp."""
    return " AND ".join(f"{name} = '{stamp[name]}'" for name in _OF_THE_RUN if name in stamp)
