"""Scoring without rows in the JVM; the scores are those of :mod:`iotscore.scoring.udf`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from iotscore.sampling.splits import SPLITS
from iotscore.scoring.udf import load_broadcast
from iotscore.warehouse.delta_rs.row_groups import record_splits, records_of
from iotscore.warehouse.record_files import write_from_records
from iotscore.warehouse.schemas import RECORD_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pyspark import Accumulator, Broadcast
    from pyspark.sql import SparkSession

    from iotscore.sampling.splits import SplitPlan
    from iotscore.warehouse.delta_rs.data_files import DataFile


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

    Parameters
    ----------
    spark, paths, file_ids, target, done
        As for :func:`iotscore.warehouse.record_files.write_from_records`.
    bundle
        Model with frozen calibration; each worker process rebuilds it once.
    plan
        Which records the model was trained from; all records of a file are scored.
    stamp
        Columns that are the same in every row, ``model_version`` among them.
    """

    def load() -> Callable[[pa.Table], pa.Table]:
        model = load_broadcast(bundle, stamp["model_version"])

        def scored(rows: pa.Table) -> pa.Table:
            scores = model.score(*records_of(rows))
            columns = {name: rows.column(name) for name in RECORD_COLUMNS}
            columns |= {name: pa.array(values) for name, values in scores.items()}
            splits = pa.array(record_splits(plan, rows))
            columns["split"] = pa.DictionaryArray.from_arrays(splits, pa.array(SPLITS))
            return pa.table(columns)

        return scored

    return write_from_records(spark, paths, file_ids, "scores", target, load, stamp, done)
