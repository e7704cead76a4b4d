"""A warehouse in a folder that the driver and all executors see: no row passes through the JVM.

Spark hands out row groups and the model. Records go from Parquet to Arrow to a function and back,
in workers that write data files themselves; the driver commits them by delta-rs
(``docs/decisions/0004-workers-write-data-files.md``).
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from iotscore import failpoints
from iotscore.errors import WarehouseError
from iotscore.object_stores import is_object_store
from iotscore.warehouse.delta_rs import files, snapshots, writes
from iotscore.warehouse.delta_rs import table as delta
from iotscore.warehouse.delta_rs.commits import Author, commits_between
from iotscore.warehouse.delta_rs.compaction import compact
from iotscore.warehouse.delta_rs.data_files import DataFile, sums_of_file
from iotscore.warehouse.delta_rs.inventory import check_files, row_count
from iotscore.warehouse.delta_rs.passes import Pass, Target
from iotscore.warehouse.delta_rs.proof import prove_file
from iotscore.warehouse.delta_rs.record_tasks import by_landing_file, folded, reader
from iotscore.warehouse.delta_rs.rewrite import rewritten
from iotscore.warehouse.delta_rs.row_groups import row_groups
from iotscore.warehouse.partitioning import partition_by_size
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.record_sums import added
from iotscore.warehouse.results import DataFileCheck, Proof
from iotscore.warehouse.schema_version import STATED
from iotscore.warehouse.schemas import definition
from iotscore.warehouse.selection import BATCH_ROWS
from iotscore.warehouse.session import core_count
from iotscore.warehouse.side_outputs import Mapped, Prepared
from iotscore.warehouse.spark_frames import read_delta, sums_by_query
from iotscore.warehouse.tasks import TASKS_PER_CORE, numbered, numbers, run_tasks
from iotscore.warehouse.warehouse import Warehouse, arrow_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.warehouse.compaction import Compaction, CompactionOptions
    from iotscore.warehouse.delta_rs.passes import SideReport
    from iotscore.warehouse.delta_rs.row_groups import RowGroup
    from iotscore.warehouse.record_sums import RecordSum
    from iotscore.warehouse.results import Commit
    from iotscore.warehouse.selection import Condition, Selection
    from iotscore.warehouse.side_outputs import SideOutput
    from iotscore.warehouse.warehouse import Fold, TableFunction
    from iotscore.warehouse.writer_lock import Lock

_LOG: Final = logging.getLogger(__name__)
_TASK_ROWS: Final = {"monitor": 200_000}
"""About the records of a task that leaves little behind: a second of work."""
_WRITE_ROWS: Final = 100_000
"""About the records of a task that writes; scored, they become one data file of some 3 MB."""
_MOST_ROWS_ON_DRIVER: Final = 500_000
"""So many rows the driver folds in a second or two, before a query of Spark's has woken up."""


class DeltaRsWarehouse(Warehouse):
    """Reads and writes data files in Python; see :class:`iotscore.warehouse.warehouse.Warehouse`.

    Parameters
    ----------
    spark, root, lock
        As there.
    path
        The folder as a path.
    """

    def __init__(self, spark: SparkSession, root: str, path: str, lock: Lock | None = None) -> None:
        super().__init__(spark, root, lock)
        self._folder = path
        snapshots.forget(path)

    @property
    def _author(self) -> Author:
        return Author(self._mark, None if self._lock is None else self._lock.epoch)

    def _path(self, table: str) -> str:
        return f"{self._folder}/{table}"

    # Functions over rows where they lie.

    def map_records(
        self,
        chosen: Selection,
        load: Callable[[], TableFunction],
        into: str,
        stamp: Mapping[str, Any],
        *,
        doing: str,
        is_row_wise: bool = False,  # noqa: ARG002 - the contract
        replacing: Condition | None = None,
        sides: Sequence[SideOutput] = (),
    ) -> Mapped:
        """See the base class."""
        # Spark makes no table in a folder where somebody has left a file.
        for table in (into, *(one.into for one in sides)):
            if table is not None:
                self.create(table)
        done = self.spark.sparkContext.accumulator(0)
        target = self._target(into, stamp)
        beside = [
            (one, None if one.into is None else self._target(one.into, one.stamp)) for one in sides
        ]
        each = Pass(reader(chosen), load, target, beside, done, f"{doing} batch")
        tasks = self._tasks(chosen, _WRITE_ROWS)
        with rows_progress(doing, done, chosen.rows):
            reports = run_tasks(self.spark, tasks, each.run)
        files = [report.file for report in reports if report.file is not None]
        sums = self._commit(into, files, replacing)
        made = [[report.sides[place] for report in reports] for place in range(len(sides))]
        return Mapped(sums, tuple(map(self._prepared, sides, made)))

    def _prepared(self, side: SideOutput, made: Sequence[SideReport]) -> Prepared | None:
        if faults := [part.fault for part in made if part.fault]:
            message = (
                "%s will read the records again: in %d of %d tasks its part of the pass failed, %s"
            )
            _LOG.warning(message, side.stage, len(faults), len(made), faults[0])
            return None

        def commit(replacing: Condition | None) -> dict[str, RecordSum]:
            if side.into is None:
                return {}
            files = [part.file for part in made if part.file is not None]
            return self._commit(side.into, files, replacing)

        return Prepared(commit, tuple(part.table for part in made if part.table is not None))

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
        self.create(into)
        target = self._target(into, stamp)
        files = run_tasks(self.spark, tasks, lambda task: target.written(rows_of(task)))
        files += self._target(into, {}).written([arrow_rows(into, also)])
        return self._commit(into, files, replacing)

    def fold_records(
        self, chosen: Selection, load: Callable[[], Fold], *, doing: str | None = None
    ) -> Iterator[pa.Table]:
        """See the base class."""
        groups, read = self._row_groups(chosen), reader(chosen)
        if doing is None and sum(group.rows for group in groups) <= _MOST_ROWS_ON_DRIVER:
            yield load()(read(groups))
            return
        done = self.spark.sparkContext.accumulator(0)

        def run(mine: list[RowGroup]) -> Iterator[pa.Table]:
            fold = load()

            def counted() -> Iterator[pa.Table]:
                for records in read(mine):
                    yield records
                    done.add(records.num_rows)

            yield fold(counted())

        tasks = self._tasks(chosen, _TASK_ROWS.get(doing or "", _WRITE_ROWS))
        with rows_progress(doing or "count", done, chosen.rows):
            found = run_tasks(self.spark, tasks, run)
        yield from found

    def fold_files(self, chosen: Selection, fold: TableFunction) -> Iterator[pa.Table]:
        """See the base class."""
        groups = self._row_groups(chosen)
        if sum(group.rows for group in groups) <= _MOST_ROWS_ON_DRIVER:
            yield from folded(reader(chosen)(groups), fold)
            return

        def run(task: tuple[list[str], list[RowGroup]]) -> Iterator[pa.Table]:
            file_ids, mine = task
            of_task = replace(chosen, where={**chosen.where, "file_id": file_ids})
            yield from folded(reader(of_task)(mine), fold)

        yield from run_tasks(self.spark, by_landing_file(groups), run)

    def collect_records(self, chosen: Selection, keep: TableFunction) -> Iterator[pa.Table]:
        """See the base class."""
        for records in reader(chosen)(self._row_groups(chosen)):
            if (kept := keep(records)).num_rows:
                yield kept

    def _row_groups(self, chosen: Selection) -> list[RowGroup]:
        if not self.exists(chosen.table):
            return []
        paths = delta.data_files(self._path(chosen.table), chosen.where, chosen.version)
        return row_groups(paths, chosen.where)

    def _tasks(self, chosen: Selection, largest: int) -> list[list[RowGroup]]:
        least = TASKS_PER_CORE * core_count(self.spark)
        groups = self._row_groups(chosen)
        return partition_by_size(groups, lambda group: group.rows, largest, least)

    def _target(self, table: str, stamp: Mapping[str, Any]) -> Target:
        return Target(self._path(table), table, stamp)

    def _commit(
        self, table: str, added_files: Sequence[DataFile], replacing: Condition | None
    ) -> dict[str, RecordSum]:
        """Make data files part of a table, and take rows away, in one commit.

        Nothing is in the table before. A task that was tried again wrote another file; only those
        of tasks that ended well are here.
        """
        path, removed, rest = self._path(table), list[str](), list[DataFile]()
        if replacing is not None:
            paths = delta.data_files(path, {})
            schema, indexed = delta.schema(path), definition(table).indexed
            removed, rest = rewritten(paths, replacing, schema, indexed)
        if added_files or removed:
            self.require_lock()
            writes.exchange_files(path, [*added_files, *rest], removed, self._author)
            failpoints.hit(f"{'append' if replacing is None else 'replace'} {table}")
        return sums_of_file(added_files)

    # What stands behind the tables.

    def read(self, table: str, version: int | None = None) -> DataFrame:
        """See the base class."""
        if not is_object_store(self._folder):
            return read_delta(self, table, version)
        return self._frame(table, version)

    def _frame(self, table: str, version: int | None) -> DataFrame:
        """Return a table that workers read, so that Spark needs no client of the store.

        Columns that only the folder has, of a detector that is gone, are there as in a local one.
        """
        # A night asks nothing of Spark's SQL and does without its modules.
        from pyspark.sql.pandas.types import from_arrow_schema
        from pyspark.sql.types import StructType

        made_of, paths, more = definition(table), list[str](), pa.schema([])
        if self.exists(table):
            paths = delta.data_files(self._path(table), {}, version)
            there = delta.schema(self._path(table))
            more = pa.schema([one for one in there if one.name not in made_of.arrow_schema.names])
        schema = pa.schema([*made_of.arrow_schema, *more])

        def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for number in numbers(batches):
                yield from files.rows_of([paths[number]], schema, BATCH_ROWS)

        tasks = numbered(self.spark, len(paths))
        return tasks.mapInArrow(run, StructType([*made_of.schema, *from_arrow_schema(more)]))

    def columns(self, table: str) -> list[str]:
        """See the base class."""
        return delta.column_names(self._path(table))

    def properties(self, table: str) -> dict[str, str]:
        """See the base class."""
        return delta.properties(self._path(table))

    def commits_after(self, table: str, version: int) -> list[Commit]:
        """See the base class."""
        path = self._path(table)
        return commits_between(path, version, delta.version(path))

    def count(self, table: str) -> int | None:
        """See the base class."""
        if not self.exists(table):
            return 0
        return row_count(self._path(table))

    def check_data_files(self, table: str) -> DataFileCheck:
        """See the base class."""
        return check_files(self._path(table))

    def prove(self, table: str, by: Sequence[str], version: int | None = None) -> Proof:
        """See the base class."""
        try:
            paths = delta.data_files(self._path(table), {}, version)
        except WarehouseError:  # deletion vectors, for one, which Spark can read
            return Proof(sums_by_query(self.read(table, version), by))
        # The table's own columns: it may have some that this version does not write any more.
        schema = delta.schema(self._path(table))
        there = files.present(paths)
        tasks = min(len(there), TASKS_PER_CORE * core_count(self.spark))

        def prove(mine: Sequence[str]) -> Iterator[Proof]:
            yield from (prove_file(path, schema, by) for path in mine)

        proofs = run_tasks(self.spark, [there[start::tasks] for start in range(tasks)], prove)
        faults = sorted(fault for proof in proofs for fault in proof.faults)
        return Proof(added(*(proof.sums for proof in proofs)), tuple(faults))

    def compact(self, table: str, options: CompactionOptions) -> Compaction:
        """See the base class."""
        self.require_lock()
        made_of = definition(table)
        path, schema = self._path(table), made_of.arrow_schema
        return compact(path, schema, made_of.indexed, options, self._author)

    def drop(self, table: str) -> None:
        """See the base class."""
        files.delete_folder(self._path(table))
        snapshots.forget(self._path(table))
        self._known.discard(table)

    def _is_table(self, table: str) -> bool:
        return delta.is_table(self._path(table))

    def _create(self, table: str) -> None:
        made_of = definition(table)
        path, schema = self._path(table), made_of.arrow_schema
        writes.create_table(path, schema, made_of.indexed, STATED, self._author)

    def _set_properties(self, table: str, properties: Mapping[str, str]) -> None:
        writes.set_properties(self._path(table), properties, self._author)

    def _table(
        self, table: str, columns: Sequence[str], where: Mapping[str, Sequence[str]]
    ) -> pa.Table:
        return delta.read_rows(self._path(table), columns, where)

    def _batches(
        self, table: str, columns: Sequence[str], where: Mapping[str, Sequence[str]]
    ) -> Iterator[pa.RecordBatch]:
        return delta.scan(self._path(table), columns, where)

    def _append(self, table: str, rows: pa.Table) -> None:
        writes.append_rows(self._path(table), rows, self._author)

    def _replace(self, table: str, rows: pa.Table, condition: Condition) -> bool:
        path = self._path(table)
        if delta.holds(path, condition):
            writes.replace_rows(path, rows, condition.sql(), self._author)
        elif rows.num_rows:  # reading and rewriting what stays takes several times as long
            writes.append_rows(path, rows, self._author)
        else:
            return False
        return True

    def _delete(self, table: str, condition: str) -> bool:
        return writes.delete_rows(self._path(table), condition, self._author)

    def _restore(self, table: str, version: int) -> None:
        writes.restore(self._path(table), version, self._author)

    def _version(self, table: str) -> int:
        return delta.version(self._path(table))
