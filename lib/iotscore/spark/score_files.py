"""Scoring without rows in the JVM: workers read data files, score, and write data files.

Spark hands out row groups and the model. Records, in batches of the size that UDFs get, go from
Parquet to Arrow to the model and back; the scores are those of :mod:`iotscore.spark.scorer`, bit
for bit.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa

from iotscore import faults
from iotscore.deal import deal
from iotscore.spark.schemas import RECORD_COLUMNS, TABLES
from iotscore.spark.scorer import load_broadcast
from iotscore.spark.session import core_count
from iotscore.spark.tasks import TASKS_PER_CORE, run_arrow_tasks
from iotscore.splits import SPLITS
from iotscore.storage.data_files import DataFile, DataFileWriter, with_constants
from iotscore.storage.records import read_batches, record_splits, records_of, row_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark import Accumulator, Broadcast
    from pyspark.sql import SparkSession

    from iotscore.splits import SplitPlan
    from iotscore.storage.records import RowGroup

_BATCH_ROWS: Final = 10_000
_TASK_ROWS: Final = 100_000
"""About the rows of a task, which become one data file of some 3 MB."""


def write_scores(
    spark: SparkSession,
    paths: Sequence[str],
    file_ids: Sequence[str],
    bundle: Broadcast[bytes],
    plan: SplitPlan,
    stamp: Mapping[str, Any],
    target: str,
    done: Accumulator[int],
) -> list[DataFile]:
    """Let the tasks score records and write data files of ``scores``.

    Nothing is in the table before the files are added to it. A task that is tried again writes
    another file; only those of tasks that ended well are returned.

    Parameters
    ----------
    spark
        The session.
    paths
        Data files of ``traffic``.
    file_ids
        Landing files whose records are to be scored.
    bundle
        Model with frozen calibration; each worker process rebuilds it once.
    plan
        Which records the model was trained from; all records of a file are scored.
    stamp
        Columns that are the same in every row, ``model_version`` among them.
    target
        Folder of the table, which every executor can write.
    done
        Counts finished rows.
    """
    schema, indexed = TABLES["scores"].arrow_schema, TABLES["scores"].indexed
    wanted = pa.array(file_ids)
    least = TASKS_PER_CORE * core_count(spark)
    tasks = deal(row_groups(paths), lambda group: group.rows, _TASK_ROWS, least)

    def write(groups: list[RowGroup]) -> Iterator[dict[str, Any]]:
        model = load_broadcast(bundle, stamp["model_version"])
        with DataFileWriter(target, indexed) as writer:
            for rows in read_batches(groups, RECORD_COLUMNS, wanted, _BATCH_ROWS):
                scores = model.score(*records_of(rows))
                columns = {name: rows.column(name) for name in RECORD_COLUMNS}
                columns |= {name: pa.array(values) for name, values in scores.items()}
                splits = pa.array(record_splits(plan, rows))
                columns["split"] = pa.DictionaryArray.from_arrays(splits, pa.array(SPLITS))
                writer.write(with_constants(pa.table(columns), stamp, schema))
                done.add(rows.num_rows)
                faults.reach_in_worker("score batch")
            if file := writer.close():
                yield asdict(file)

    return [DataFile(**found) for found in run_arrow_tasks(spark, tasks, write)]
