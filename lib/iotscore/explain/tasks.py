"""Explaining in workers: flagged records in, rows of ``explanations`` out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa

from iotscore.explain.explanation import explain
from iotscore.features import HYBRID, SEVERITY, flag_column, score_column
from iotscore.scoring.udf import load_broadcast
from iotscore.warehouse.delta_rs.row_groups import records_of
from iotscore.warehouse.record_files import write_from_records
from iotscore.warehouse.schemas import RECORD_COLUMNS, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from pyspark import Accumulator, Broadcast
    from pyspark.sql import SparkSession

    from iotscore.detect.model import Calibration, Model
    from iotscore.warehouse.delta_rs.data_files import DataFile

STAMP: Final = ("model_version", "run_id", "explained_at")
"""Columns that are the same in every row of a run."""

_FUSED: Final = (score_column(HYBRID), SEVERITY)


def write_explanations(
    spark: SparkSession,
    paths: Sequence[str],
    file_ids: Sequence[str],
    bundle: Broadcast[bytes],
    stamp: Mapping[str, Any],
    target: str,
    done: Accumulator[int],
) -> list[DataFile]:
    """Let the tasks find the flagged records and write why they are flagged.

    Records are scored again rather than joined with ``scores``: that takes 3 microseconds each,
    and the scores are the same to the last bit.

    Parameters
    ----------
    spark, paths, file_ids, target, done
        As for :func:`iotscore.warehouse.record_files.write_from_records`.
    bundle
        Model with frozen calibration; each worker process rebuilds it once.
    stamp
        The columns of :data:`STAMP`.
    """

    def load() -> Callable[[pa.Table], pa.Table]:
        model = load_broadcast(bundle, stamp["model_version"])
        return lambda records: _flagged(model, records)

    return write_from_records(spark, paths, file_ids, "explanations", target, load, stamp, done)


def _flagged(model: Model, records: pa.Table) -> pa.Table:
    scores = model.score(*records_of(records))
    flagged = np.flatnonzero(scores[flag_column(HYBRID)])
    fused = {
        name: pa.array(scores[name][flagged]) if name in scores else pa.nulls(flagged.size)
        for name in _FUSED
    }
    return _explained(model, records.take(pa.array(flagged)), fused, None)


def explaining(
    bundle: Broadcast[bytes],
    version: str,
    calibrations: Mapping[str, Calibration] | None,
) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    """Return a function for ``mapInArrow`` from flagged records to explanations.

    Parameters
    ----------
    bundle, version
        The model.
    calibrations
        One per detector, for a model that holds none.
    """
    schema = TABLES["explanations"].arrow_schema
    kept = pa.schema([field for field in schema if field.name not in STAMP])

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        model = load_broadcast(bundle, version)
        for batch in batches:
            records = pa.Table.from_batches([batch])
            fused = {name: records.column(name) for name in _FUSED}
            explained = _explained(model, records, fused, calibrations)
            yield from explained.select(kept.names).cast(kept).to_batches()

    return run


def _explained(
    model: Model,
    records: pa.Table,
    fused: Mapping[str, pa.Array],
    calibrations: Mapping[str, Calibration] | None,
) -> pa.Table:
    """Return the columns of ``explanations`` without the stamp."""
    columns = {name: records.column(name) for name in RECORD_COLUMNS}
    explained = explain(model, *records_of(records), calibrations)
    return pa.table({**columns, **fused, **explained.to_columns()})
