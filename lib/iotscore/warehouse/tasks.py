"""Run a Python function once per task on the executors and bring its reports to the driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from iotscore.errors import IotscoreError, RefusedAccessError
from iotscore.s3_refusals import refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

    Task = TypeVar("Task")
    Report = TypeVar("Report")

TASKS_PER_CORE: Final = 4
"""Least tasks per core, if there is work for so many: the last must not run alone for long."""


def numbered(spark: SparkSession, count: int) -> DataFrame:
    """Return a frame with one partition per task, which holds the task's number.

    Spark makes such rows by itself. Rows that Python sends to the executors would pass through a
    second Python worker per core first.
    """
    return spark.range(0, count, 1, max(count, 1))


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

    Raises
    ------
    RefusedAccessError
        A task may not read or write in S3.
    """
    if not tasks:
        return []
    # Plain tasks, no query: Spark's SQL engine takes two seconds to wake up and adds nothing. All
    # stages share their Python workers, which live on with the model that they have loaded.
    every = spark.sparkContext.parallelize(range(len(tasks)), len(tasks))
    reports: list[Any] = every.flatMap(
        lambda number: _unless_refused(function(tasks[number]))
    ).collect()
    if refused := [each.told for each in reports if isinstance(each, _Refused)]:
        raise RefusedAccessError(refused[0])
    return reports


@dataclass(frozen=True)
class _Refused:
    """A report in the place of an error, which Spark would try again and log as a traceback."""

    told: str


def _unless_refused(reports: Iterable[Report]) -> Iterator[Report | _Refused]:
    try:
        yield from reports
    except (IotscoreError, OSError) as error:
        if (told := refusal(str(error), "the workers")) is None:
            raise
        yield _Refused(told)
