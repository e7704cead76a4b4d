"""Run a Python function once per task on the executors and bring its reports to the driver."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, Final, TypeVar

import pyarrow as pa

from iotscore.warehouse.record_sums import RecordSum, added, record_sums

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.warehouse.delta_rs.data_files import DataFile
    from iotscore.warehouse.record_sums import Sums

    Task = TypeVar("Task")
    Report = TypeVar("Report")

TASKS_PER_CORE: Final = 4
"""Least tasks per core, if there is enough to deal: the last one must not run alone for long."""


def numbered(spark: SparkSession, count: int) -> DataFrame:
    """Return a frame with one partition per task, which holds the task's number.

    Spark makes such rows by itself. Rows that Python sends to the executors would pass through a
    second Python worker per core first.
    """
    return spark.range(0, count, 1, count)


def numbers(batches: Iterator[pa.RecordBatch]) -> Iterator[int]:
    """Yield the numbers of the tasks in a partition of :func:`numbered`."""
    for batch in batches:
        yield from batch.column(0).to_pylist()


def run_tasks(
    spark: SparkSession, tasks: Sequence[Task], function: Callable[[Task], Iterable[Report]]
) -> list[Report]:
    """Call a function for each task on the executors and return all that it reports.

    Parameters
    ----------
    spark
        The session.
    tasks
        What the function gets, one call a task; anything that can be pickled.
    function
        Yields what the driver should know.
    """
    if not tasks:
        return []
    # Plain tasks, no query: Spark's SQL engine takes two seconds to wake up and adds nothing.
    every = spark.sparkContext.parallelize(range(len(tasks)), len(tasks))
    return list(every.flatMap(lambda number: function(tasks[number])).collect())


def run_arrow_tasks(
    spark: SparkSession, tasks: Sequence[Task], function: Callable[[Task], Iterable[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Do the same in the Arrow workers that pandas and Arrow functions run in.

    Reports are JSON objects here.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for number in numbers(batches):
            for report in function(tasks[number]):
                yield pa.RecordBatch.from_pydict({"report": [json.dumps(report)]})

    found = numbered(spark, len(tasks)).mapInArrow(run, "report string").collect()
    return [json.loads(row.report) for row in found]


def sums_by_query(frame: DataFrame, by: Sequence[str] = ("file_id",)) -> Sums:
    """Return rows and hash sum of a table's rows by columns of texts, computed by the executors."""

    def summed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        sums = added(*(record_sums(pa.Table.from_batches([batch]), by) for batch in batches))
        told = json.dumps([[list(key), *found] for key, found in sums.items()])
        yield pa.RecordBatch.from_pydict({"sums": [told]})

    found = frame.mapInArrow(summed, "sums string").collect()
    parts = [json.loads(row.sums) for row in found]
    return added(*({tuple(key): RecordSum(*of_key)} for part in parts for key, *of_key in part))


def sums_of_file(files: Sequence[DataFile]) -> dict[str, RecordSum]:
    """Return rows and hash sum in some data files by file id; the writers must have been hashed."""
    parts: Iterable[Sums] = (
        {(name,): RecordSum(rows, file.hash_of_file[name])}
        for file in files
        for name, rows in file.rows_of_file.items()
    )
    return {name: found for (name,), found in added(*parts).items()}


def rows_of_file(files: Sequence[DataFile]) -> dict[str, int]:
    """Return the rows in some data files by file id."""
    total: Counter[str] = Counter()
    for file in files:
        total.update(file.rows_of_file)
    return dict(total)
