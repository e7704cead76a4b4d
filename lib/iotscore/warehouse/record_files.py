"""From records to another table without rows in the JVM: workers read and write data files.

Spark hands out row groups and the model. Records, in batches of the size that UDFs get, go from
Parquet to Arrow to a function and back.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from iotscore import failpoints
from iotscore.warehouse.delta_rs.data_files import DataFile, DataFileWriter, with_constants
from iotscore.warehouse.delta_rs.row_groups import read_batches, row_groups
from iotscore.warehouse.partitioning import deal
from iotscore.warehouse.schemas import RECORD_COLUMNS, TABLES
from iotscore.warehouse.session import core_count
from iotscore.warehouse.tasks import TASKS_PER_CORE, run_arrow_tasks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pyspark import Accumulator
    from pyspark.sql import SparkSession

    from iotscore.warehouse.delta_rs.row_groups import RowGroup

_BATCH_ROWS: Final = 10_000
_TASK_ROWS: Final = 100_000
"""About the records of a task; scored, they become one data file of some 3 MB."""


def write_from_records(
    spark: SparkSession,
    paths: Sequence[str],
    file_ids: Sequence[str],
    table: str,
    target: str,
    load: Callable[[], Callable[[pa.Table], pa.Table]],
    stamp: Mapping[str, Any],
    done: Accumulator[int],
) -> list[DataFile]:
    """Let the tasks make rows of records and write them into data files of a table.

    Nothing is in the table before the files are added to it. A task that is tried again writes
    another file; only those of tasks that ended well are returned.

    Parameters
    ----------
    spark
        The session.
    paths
        Data files of ``traffic``.
    file_ids
        Landing files whose records are wanted.
    table
        Which table's columns to write.
    target
        Its folder, which every executor can write.
    load
        Called once a task; returns the function from a batch of records to rows.
    stamp
        Columns that are the same in every row.
    done
        Counts finished records.
    """
    schema, indexed = TABLES[table].arrow_schema, TABLES[table].indexed
    is_proved = table == "scores"
    wanted = pa.array(file_ids)
    least = TASKS_PER_CORE * core_count(spark)
    tasks = deal(row_groups(paths), lambda group: group.rows, _TASK_ROWS, least)

    def write(groups: list[RowGroup]) -> Iterator[dict[str, Any]]:
        make = load()
        with DataFileWriter(target, indexed, hashed=is_proved) as writer:
            for records in read_batches(groups, RECORD_COLUMNS, wanted, _BATCH_ROWS):
                if (rows := make(records)).num_rows:
                    writer.write(with_constants(rows, stamp, schema))
                done.add(records.num_rows)
                failpoints.hit_in_worker("score batch")
            if file := writer.close():
                yield asdict(file)

    return [DataFile(**found) for found in run_arrow_tasks(spark, tasks, write)]
