"""Scoring by ``batch_minmax``, the reports' way: normalised by everything that was scored."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from iotscore.detect.calibration.linear import ScoreCalibration, minmax_calibration
from iotscore.detect.metrics import youden_threshold
from iotscore.evaluation.histogram import counts_by_detector, histogram
from iotscore.features import score_column
from iotscore.scoring.udf import (
    broadcast,
    finishing_udf,
    raw_scoring_udf,
    records_column,
    stamp_columns,
    with_scores,
)
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.schemas import RECORD_COLUMNS
from iotscore.warehouse.tables import STAGING

if TYPE_CHECKING:
    from pyspark import Broadcast
    from pyspark.sql import DataFrame

    from iotscore.models.registry import StoredModel
    from iotscore.scoring.ledger import Todo
    from iotscore.scoring.udf import ScoreOptions
    from iotscore.warehouse.tables import Warehouse

_LOG = logging.getLogger(__name__)


def score_by_extremes(
    warehouse: Warehouse,
    stored: StoredModel,
    records: DataFrame,
    todo: Todo,
    options: ScoreOptions,
    run_id: str,
    total: int,
) -> dict[str, Any]:
    """Score new records, then normalise everything the model ever scored by its new extremes.

    Raw scores of the new records are staged, because the extremes are known only at the end. The
    model's earlier rows keep their run and time; their raw scores are read back, not computed
    again.

    Returns
    -------
    dict
        Calibrations and thresholds, for the run record.
    """
    names = tuple(stored.model.detectors)
    raw_columns = [score_column(name) for name in names]
    kept = [*RECORD_COLUMNS, *raw_columns, "model_version", "split", "run_id", "scored_at"]
    staging = warehouse.uri(STAGING)
    done = warehouse.spark.sparkContext.accumulator(0)
    of_model = f"model_version = '{stored.version}'"
    earlier = warehouse.read("scores").where(of_model)
    replaced = of_model
    if todo.stale:
        earlier = earlier.where(f"NOT ({todo.is_void()})")
        replaced = f"{of_model} OR {todo.is_void()}"
    with broadcast(warehouse.spark, stored.bundle) as bundle:
        udf = raw_scoring_udf(bundle, stored.version, names, done, options.transport)
        stamp = stamp_columns(run_id, stored.version)
        new = with_scores(records, udf(records_column()), stamp)
        with rows_progress("score", done, total):
            new.select(*kept).unionByName(earlier.select(*kept)).write.mode("overwrite").parquet(
                staging
            )
        raw = warehouse.spark.read.parquet(staging)
        calibrations = extremes(raw, names)
        normalised = _finish(raw, bundle, stored, calibrations, {})
        thresholds = _youden(normalised, names, options)
        finished = _finish(raw, bundle, stored, calibrations, thresholds)
        warehouse.replace("scores", finished, replaced)
    warehouse.remove_folder(STAGING)
    return {
        "calibrations": {name: vars(value) for name, value in calibrations.items()},
        "thresholds": thresholds,
    }


def extremes(raw: DataFrame, names: tuple[str, ...]) -> dict[str, ScoreCalibration]:
    """Return the calibration of each detector by the extremes of some raw scores."""
    ends = raw.agg(
        *(F.min(score_column(name)).alias(f"{name}_low") for name in names),
        *(F.max(score_column(name)).alias(f"{name}_high") for name in names),
    ).collect()[0]
    return {name: minmax_calibration(ends[f"{name}_low"], ends[f"{name}_high"]) for name in names}


def _finish(
    raw: DataFrame,
    bundle: Broadcast[bytes],
    stored: StoredModel,
    calibrations: dict[str, ScoreCalibration],
    thresholds: dict[str, float],
) -> DataFrame:
    names = tuple(stored.model.detectors)
    udf = finishing_udf(bundle, stored.version, names, calibrations, thresholds)
    columns = [score_column(name) for name in names]
    stamp = [F.col(name) for name in ("model_version", "split", "run_id", "scored_at")]
    return with_scores(raw, udf(*columns), stamp)


def _youden(
    normalised: DataFrame, names: tuple[str, ...], options: ScoreOptions
) -> dict[str, float]:
    """Choose each threshold at the ROC curve's largest TPR - FPR, which uses the labels."""
    measured = normalised.where(F.col("label").isNotNull() & F.col("split").isin(*options.splits))
    counts = counts_by_detector(histogram(measured, names, options.bins_per_e_fold))
    chosen = {name: youden_threshold(of_detector) for name, of_detector in counts.items()}
    found = {name: value for name, value in chosen.items() if value is not None}
    if not found:
        _LOG.warning(
            "score: no flags, because a threshold of batch_minmax needs labels of both kinds"
        )
    return found
