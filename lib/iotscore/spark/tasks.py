"""Run a Python function once per task on the executors and bring its reports to the driver."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from pyspark.sql import SparkSession

    from iotscore.storage.data_files import DataFile

    Task = TypeVar("Task")
    Report = TypeVar("Report")


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
    # Plain tasks, no query: Spark's SQL engine takes two seconds to wake up and adds nothing.
    numbered = spark.sparkContext.parallelize(range(len(tasks)), len(tasks))
    return list(numbered.flatMap(lambda number: function(tasks[number])).collect())


def run_arrow_tasks(
    spark: SparkSession, tasks: Sequence[Task], function: Callable[[Task], Iterable[dict[str, Any]]]
) -> list[dict[str, Any]]:
    """Do the same in the Arrow workers that pandas and Arrow functions run in.

    Reports are JSON objects here.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            for number in batch.column(0).to_pylist():
                for report in function(tasks[number]):
                    yield pa.RecordBatch.from_pydict({"report": [json.dumps(report)]})

    count = len(tasks)
    # Spark makes these rows by itself. Rows that Python sends to the executors would pass through
    # a second Python worker per core first.
    numbered = spark.range(0, count, 1, count)
    found = numbered.mapInArrow(run, "report string").collect()
    return [json.loads(row.report) for row in found]


def rows_of_file(files: Sequence[DataFile]) -> dict[str, int]:
    """Return the rows in some data files by file id."""
    total: Counter[str] = Counter()
    for file in files:
        total.update(file.rows_of_file)
    return dict(total)
