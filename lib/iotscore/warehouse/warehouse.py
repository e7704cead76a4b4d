"""The contract of a warehouse: what stages ask of a folder of Delta tables, wherever it lies.

A stage selects rows, has a function from Arrow table to Arrow table applied to them, and writes
what it returns or reads it. Two implementations do that: :mod:`iotscore.warehouse.delta_rs` and
:mod:`iotscore.warehouse.delta_spark`; :func:`iotscore.warehouse.open.open_warehouse` chooses.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from iotscore import failpoints, object_stores
from iotscore.object_stores import is_object_store
from iotscore.warehouse.schema_version import check_columns, check_version, late_columns
from iotscore.warehouse.schemas import TABLES, definition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.warehouse.compaction import Compaction, CompactionOptions
    from iotscore.warehouse.record_sums import RecordSum
    from iotscore.warehouse.results import Commit, DataFileCheck, Proof
    from iotscore.warehouse.selection import Condition, Selection
    from iotscore.warehouse.side_outputs import Mapped, SideOutput
    from iotscore.warehouse.writer_lock import Lock

    Rows: TypeAlias = Sequence[Mapping[str, Any]] | pa.Table
    TableFunction: TypeAlias = Callable[[pa.Table], pa.Table]
    Fold: TypeAlias = Callable[[Iterator[pa.Table]], pa.Table]


class Warehouse(ABC):
    """Reads and writes the tables below one folder.

    A table that nobody has written yet reads as empty, so that every query has an answer from the
    first day on. Every write is one Delta commit: all of it is there, or nothing.

    Parameters
    ----------
    spark
        The session.
    root
        Folder: an absolute local path or a URI.
    lock
        What the job holds that may write; without one nobody looks after it.
    """

    def __init__(self, spark: SparkSession, root: str, lock: Lock | None = None) -> None:
        self.spark = spark
        self.root = root.rstrip("/")
        self._lock = lock
        self._mark: str | None = None
        self._known: set[str] = set()

    def uri(self, table: str) -> str:
        """Return a table's folder for Spark, which looks for paths without a scheme in HDFS.

        So it does where ``HADOOP_CONF_DIR`` names one as the default; a local folder stays local.
        """
        if self.root.startswith("/"):
            return f"file:{self.root}/{table}"
        root = object_stores.hadoop_uri(self.root) if is_object_store(self.root) else self.root
        return f"{root}/{table}"

    def require_lock(self) -> None:
        """Stop a job whose lock somebody took away; every commit asks before."""
        if self._lock is not None:
            self._lock.require()

    def keep_out_earlier_writers(self) -> None:
        """Commit the lock's number to every table, if an earlier holder may still be writing.

        Its commit that is on its way is then either in the table, and seen, or refused.
        """
        lock = self._lock
        if lock is None or lock.is_fenced:
            return
        for table in TABLES:
            if self.exists(table):
                self.set_properties(table, {"iotscore.writer": str(lock.epoch)})
        lock.fenced()

    @contextmanager
    def marked(self, mark: str) -> Iterator[None]:
        """Write into each commit of the body whose it is."""
        before, self._mark = self._mark, mark
        try:
            yield
        finally:
            self._mark = before

    # What tables there are.

    def exists(self, table: str) -> bool:
        """Say whether a table has been written.

        Raises
        ------
        WarehouseError
            It cannot be read, or a newer version has written it.
        """
        if table not in self._known and self._is_table(table):
            check_version(table, self.root, self.properties(table))
            self._known.add(table)
        return table in self._known

    def set_properties(self, table: str, properties: Mapping[str, str]) -> None:
        """Make a table say something about itself, in one commit."""
        self.require_lock()
        self._set_properties(table, properties)

    def add_columns(self, table: str) -> None:
        """Add the columns that a table lacks, in one commit; they are NULL in its rows."""
        self.require_lock()
        self._append(table, definition(table).arrow_schema.empty_table())

    def create(self, table: str) -> None:
        """Make a table, empty, unless it is there."""
        if not self.exists(table):
            self.require_lock()
            self._create(table)
            self._known.add(table)
            failpoints.hit(f"create {table}")

    # Rows on the driver.

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
            The table is damaged, not readable, or lacks columns that this version needs.
        """
        found = self.table(table, columns or definition(table).schema.fieldNames(), **where)
        return list(found.to_pylist())

    def values(self, table: str, column: str, **where: str | Sequence[str]) -> set[Any]:
        """Return the different values of a column in rows chosen as by :meth:`rows`."""
        found = self.table(table, [column], **where)
        return set(found.column(column).unique().to_pylist())

    def table(self, table: str, columns: Sequence[str], **where: str | Sequence[str]) -> pa.Table:
        """Return rows as :meth:`rows` does, for Arrow: more than a few, but not without bound."""
        schema = definition(table).arrow_schema
        if not self.exists(table):
            return schema.empty_table().select(list(columns))
        present = self.columns(table)
        check_columns(table, self.root, present)
        late = late_columns(table, present)
        read = [name for name in columns if name not in late] or present[:1]
        found = self._table(table, read, listed(where))
        for name in late:
            found = found.append_column(name, pa.nulls(found.num_rows, schema.field(name).type))
        return found.select(list(columns))

    def batches(
        self, table: str, columns: Sequence[str], **where: str | Sequence[str]
    ) -> Iterator[pa.RecordBatch]:
        """Yield rows as :meth:`table` returns them, a part of the table at a time."""
        if self.exists(table):
            yield from self._batches(table, columns, listed(where))

    # Commits of what the driver holds.

    def append(self, table: str, rows: Rows) -> None:
        """Add rows in one commit; columns that the table lacks are added to it."""
        if len(rows):
            self.create(table)
            self.require_lock()
            self._append(table, arrow_rows(table, rows))
            failpoints.hit(f"append {table}")

    def replace(self, table: str, rows: Rows, condition: Condition) -> None:
        """Put rows in the place of those that match a condition, in one commit.

        Where there are neither new rows nor old ones, nothing is written.

        Raises
        ------
        ValueError
            A new row does not match it.
        """
        new = arrow_rows(table, rows)
        if not pc.all(condition.mask(new), min_count=0).as_py():
            message = f"new rows of {table} do not all match {condition.sql()[:300]}"
            raise ValueError(message)
        self.create(table)
        self.require_lock()
        if self._replace(table, new, condition):
            failpoints.hit(f"replace {table}")

    def delete(self, table: str, condition: str) -> None:
        """Remove the rows that meet an SQL condition, in one commit."""
        if self.exists(table):
            self.require_lock()
            if self._delete(table, condition):
                failpoints.hit(f"delete {table}")

    def restore(self, table: str, version: int | None) -> None:
        """Make a table what it was at a version, in one commit; None: what it was when made."""
        now, wanted = self.version(table), version or 0
        if now is not None and now != wanted:
            self.require_lock()
            self._restore(table, wanted)
            failpoints.hit(f"restore {table}")

    def version(self, table: str) -> int | None:
        """Return the number of a table's newest commit, None if there is no table."""
        return self._version(table) if self.exists(table) else None

    # Functions over rows where they lie.

    @abstractmethod
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
        """Make rows of records on the executors and write them to a table, in one commit.

        Parameters
        ----------
        chosen
            The records.
        load
            Called once a task; returns a function from at most
            :data:`iotscore.warehouse.selection.BATCH_ROWS` records to rows. Texts are dictionaries.
        into
            The table; columns that the function does not return are NULL.
        stamp
            Columns that are the same in every new row; the run's among them.
        doing
            What the progress line says.
        is_row_wise
            Whether the function returns a row for each record, in their order.
        replacing
            Rows of the table that go in the same commit.
        sides
            What else is to be made of the records, if the function is row-wise. An implementation
            may make none of it.
        """

    @abstractmethod
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
        """Write what a function makes of each task on the executors; return sums by file id.

        Parameters
        ----------
        tasks
            What the function gets, one call a task; anything that can be pickled.
        rows_of
            Yields rows of the table.
        into, stamp, replacing
            As in :meth:`map_records`.
        also
            Complete rows that the driver holds, for the same commit.
        """

    @abstractmethod
    def fold_records(
        self, chosen: Selection, load: Callable[[], Fold], *, doing: str | None = None
    ) -> Iterator[pa.Table]:
        """Reduce records to small tables, one a task, and bring these to the driver.

        Parameters
        ----------
        chosen
            The records.
        load
            Called once a task; returns a function from tables as in :meth:`map_records` to one.
        doing
            What the progress line says of much work; None: the work is little, and the driver may
            do it where that is quicker.
        """

    @abstractmethod
    def fold_files(self, chosen: Selection, fold: TableFunction) -> Iterator[pa.Table]:
        """Reduce all chosen rows of one landing file after the other; bring that to the driver.

        Parameters
        ----------
        chosen
            Rows of a table, ``file_id`` among their columns.
        fold
            From a file's rows, at least one, in any order, to a table.
        """

    @abstractmethod
    def collect_records(self, chosen: Selection, keep: TableFunction) -> Iterator[pa.Table]:
        """Yield what a function keeps of records, some at a time; the driver holds all of it.

        Parameters
        ----------
        chosen
            The records.
        keep
            From tables as in :meth:`map_records` to what is wanted of them.
        """

    # What stands behind the tables.

    @abstractmethod
    def read(self, table: str, version: int | None = None) -> DataFrame:
        """Return a table for a query of Spark's, as it is now or was at a version.

        Raises
        ------
        WarehouseError
            As for :meth:`rows`.
        """

    @abstractmethod
    def columns(self, table: str) -> list[str]:
        """Return the columns that a table has in its folder."""

    @abstractmethod
    def properties(self, table: str) -> dict[str, str]:
        """Return what a table that exists says about itself."""

    @abstractmethod
    def commits_after(self, table: str, version: int) -> list[Commit]:
        """Return the commits of a table after a version, rising."""

    @abstractmethod
    def count(self, table: str) -> int | None:
        """Count a table by its log; None if the log does not say."""

    @abstractmethod
    def check_data_files(self, table: str) -> DataFileCheck:
        """Look up the data files that a table's log names, where that is possible."""

    @abstractmethod
    def prove(self, table: str, by: Sequence[str], version: int | None = None) -> Proof:
        """Read every value of a table and sum its rows up by columns of texts."""

    @abstractmethod
    def compact(self, table: str, options: CompactionOptions) -> Compaction:
        """Make small data files large, and delete those that no version needs any more.

        Raises
        ------
        UnsupportedStorageError
            That is not done in this storage.
        WarehouseError
            It failed.
        """

    @abstractmethod
    def drop(self, table: str) -> None:
        """Delete a table's folder with all that it holds."""

    @abstractmethod
    def _is_table(self, table: str) -> bool: ...

    @abstractmethod
    def _create(self, table: str) -> None: ...

    @abstractmethod
    def _set_properties(self, table: str, properties: Mapping[str, str]) -> None: ...

    @abstractmethod
    def _table(
        self, table: str, columns: Sequence[str], where: Mapping[str, Sequence[str]]
    ) -> pa.Table: ...

    @abstractmethod
    def _batches(
        self, table: str, columns: Sequence[str], where: Mapping[str, Sequence[str]]
    ) -> Iterator[pa.RecordBatch]: ...

    @abstractmethod
    def _append(self, table: str, rows: pa.Table) -> None: ...

    @abstractmethod
    def _replace(self, table: str, rows: pa.Table, condition: Condition) -> bool:
        """Replace rows; say whether there was anything to write."""

    @abstractmethod
    def _delete(self, table: str, condition: str) -> bool:
        """Delete rows; say whether there were any."""

    @abstractmethod
    def _restore(self, table: str, version: int) -> None: ...

    @abstractmethod
    def _version(self, table: str) -> int: ...


def listed(where: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    """Return the values of each column as a list."""
    return {
        name: [value] if isinstance(value, str) else list(value) for name, value in where.items()
    }


def arrow_rows(table: str, rows: Rows) -> pa.Table:
    """Return the driver's rows with a table's columns; absent values are NULL.

    Raises
    ------
    KeyError
        A row has a column that the table has not.
    """
    schema = definition(table).arrow_schema
    if isinstance(rows, pa.Table):
        return rows.select(schema.names)
    if unknown := {name for row in rows for name in row} - set(schema.names):
        message = f"rows for the table {table} have unknown columns {sorted(unknown)}"
        raise KeyError(message)
    return pa.Table.from_pylist(list(rows), schema=schema)
