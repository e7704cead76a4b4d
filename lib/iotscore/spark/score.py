"""``traffic`` and a model to ``scores``: every record that the model has not scored yet, once."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pyspark.sql import functions as F

from iotscore.columns import score_column
from iotscore.detect.calibration import ScoreCalibration, minmax_calibration
from iotscore.detect.metrics import youden_threshold
from iotscore.spark.histogram import counts_by_detector, histogram
from iotscore.spark.ingest import INGESTED
from iotscore.spark.progress import rows_progress
from iotscore.spark.registry import load_model
from iotscore.spark.sample import take_fraction, with_split
from iotscore.spark.schemas import RECORD_COLUMNS
from iotscore.spark.score_files import write_scores
from iotscore.spark.scorer import features_column, finishing_udf, raw_scoring_udf, scoring_udf
from iotscore.spark.tables import STAGING
from iotscore.spark.tasks import rows_of_file
from iotscore.splits import SplitPlan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyspark import Broadcast
    from pyspark.sql import Column, DataFrame

    from iotscore.spark.registry import StoredModel
    from iotscore.spark.runs import Stage
    from iotscore.spark.scorer import Transport
    from iotscore.spark.tables import Warehouse

_LOG = logging.getLogger(__name__)
_MOST_LISTED_FILES: Final = 2_000
"""Up to here a filter lists the file ids, which lets Delta skip data files; beyond it joins."""


@dataclass(frozen=True)
class ScoreOptions:
    """How to score; ``conf/base.yaml`` explains each value.

    Attributes
    ----------
    transport
        How records reach the UDF, where one scores.
    splits, bins_per_e_fold
        How ``batch_minmax`` models choose their thresholds.
    """

    transport: Transport
    splits: tuple[str, ...]
    bins_per_e_fold: int


def score(
    warehouse: Warehouse,
    model_version: str | None,
    options: ScoreOptions,
    run_id: str,
    stage: Stage,
) -> str:
    """Score what a model has not scored yet.

    Scores are committed first and the ledger ``scored_files`` last, each in one commit.

    Parameters
    ----------
    warehouse
        Where.
    model_version
        None for the champion.
    options
        How.
    run_id
        Stamped on every new row.
    stage
        Gets rows and counts.

    Returns
    -------
    str
        The version of the model that scored.

    Raises
    ------
    ModelError
        There is no such model, or it is damaged.
    """
    stored = load_model(warehouse, model_version)
    plan = SplitPlan.from_json(stored.manifest["split"])
    files = _unscored_files(warehouse, stored.version)
    stage.details = {"model_version": stored.version, "files": len(files)}
    if not files:
        return stored.version
    is_frozen = stored.manifest["normalisation"] == "frozen"
    if warehouse.is_direct and is_frozen and plan.fraction == 1.0:
        rows = _score_files(warehouse, stored, plan, files, run_id)
    else:
        traffic = _records_of(warehouse, list(files))
        records = with_split(take_fraction(traffic, plan.fraction, plan.seed), plan)
        total = round(sum(files.values()) * plan.fraction)
        if is_frozen:
            _score_frozen(warehouse, stored, records, options, run_id, total)
        else:
            stage.details |= _score_batch_minmax(warehouse, stored, records, options, run_id, total)
        rows = _count(warehouse, stored.version, run_id)
    _enter(warehouse, stored.version, list(files), rows, run_id)
    stage.rows = sum(rows.values())
    return stored.version


def _unscored_files(warehouse: Warehouse, version: str) -> dict[str, int]:
    """Return ingested files that the model has not scored, with their accepted rows."""
    ledger = warehouse.rows("ingest_files", ["file_id", "rows_accepted"], status=INGESTED)
    scored = warehouse.values("scored_files", "file_id", model_version=version)
    accepted = {row["file_id"]: row["rows_accepted"] for row in ledger}
    return {file: accepted[file] for file in sorted(accepted.keys() - scored)}


def _records_of(warehouse: Warehouse, files: list[str]) -> DataFrame:
    traffic = warehouse.read("traffic")
    if len(files) <= _MOST_LISTED_FILES:
        return traffic.where(F.col("file_id").isin(files))
    wanted = warehouse.spark.createDataFrame([(file,) for file in files], "file_id string")
    return traffic.join(F.broadcast(wanted), "file_id", "left_semi")


def _stamp(run_id: str, version: str) -> list[Column]:
    return [
        F.lit(version).alias("model_version"),
        F.col("split"),
        F.lit(run_id).alias("run_id"),
        F.lit(datetime.now(UTC)).alias("scored_at"),
    ]


def _score_files(
    warehouse: Warehouse, stored: StoredModel, plan: SplitPlan, files: dict[str, int], run_id: str
) -> dict[str, int]:
    """Score whole files without Spark's rows; return the scored rows by file id."""
    spark = warehouse.spark
    done = spark.sparkContext.accumulator(0)
    stamp = {"model_version": stored.version, "run_id": run_id, "scored_at": datetime.now(UTC)}
    paths = warehouse.data_files("traffic", file_id=list(files))
    warehouse.create("scores")
    target = warehouse.local_path("scores")
    with _broadcast(warehouse, stored.bundle) as bundle:
        with rows_progress("score", done, sum(files.values())):
            written = write_scores(spark, paths, list(files), bundle, plan, stamp, target, done)
        warehouse.add_files("scores", written)
    return rows_of_file(written)


def _score_frozen(
    warehouse: Warehouse,
    stored: StoredModel,
    records: DataFrame,
    options: ScoreOptions,
    run_id: str,
    total: int,
) -> None:
    done = warehouse.spark.sparkContext.accumulator(0)
    names = tuple(stored.model.detectors)
    with _broadcast(warehouse, stored.bundle) as bundle:
        udf = scoring_udf(bundle, stored.version, names, done, options.transport)
        scored = _apply(records, udf(features_column()), _stamp(run_id, stored.version))
        with rows_progress("score", done, total):
            warehouse.append("scores", scored)


def _apply(records: DataFrame, scores: Column, stamp: list[Column]) -> DataFrame:
    """Put record columns, the struct's score columns and the stamp side by side."""
    return records.select(*RECORD_COLUMNS, scores.alias("scored"), *stamp).select(
        *RECORD_COLUMNS,
        "scored.*",
        "model_version",
        "split",
        "run_id",
        "scored_at",
    )


def _score_batch_minmax(
    warehouse: Warehouse,
    stored: StoredModel,
    records: DataFrame,
    options: ScoreOptions,
    run_id: str,
    total: int,
) -> dict[str, Any]:
    """Score new records, then normalise everything the model ever scored by its new extremes.

    Raw scores of the new records are staged, because the extremes are known only at the end. The
    model's earlier rows keep their run and time; their raw scores are read back, not computed
    again.
    """
    names = tuple(stored.model.detectors)
    raw_columns = [score_column(name) for name in names]
    kept = [*RECORD_COLUMNS, *raw_columns, "model_version", "split", "run_id", "scored_at"]
    staging = warehouse.path(STAGING)
    done = warehouse.spark.sparkContext.accumulator(0)
    with _broadcast(warehouse, stored.bundle) as bundle:
        udf = raw_scoring_udf(bundle, stored.version, names, done, options.transport)
        new = _apply(records, udf(features_column()), _stamp(run_id, stored.version))
        earlier = warehouse.read("scores").where(F.col("model_version") == stored.version)
        with rows_progress("score", done, total):
            new.select(*kept).unionByName(earlier.select(*kept)).write.mode("overwrite").parquet(
                staging
            )
        raw = warehouse.spark.read.parquet(staging)
        calibrations = _extremes(raw, names)
        normalised = _finish(raw, bundle, stored, calibrations, {})
        thresholds = _youden(normalised, names, options)
        finished = _finish(raw, bundle, stored, calibrations, thresholds)
        warehouse.replace("scores", finished, f"model_version = '{stored.version}'")
    warehouse.remove_folder(STAGING)
    return {
        "calibrations": {name: vars(value) for name, value in calibrations.items()},
        "thresholds": thresholds,
    }


def _extremes(raw: DataFrame, names: tuple[str, ...]) -> dict[str, ScoreCalibration]:
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
    return _apply(raw, udf(*columns), stamp)


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


def _count(warehouse: Warehouse, version: str, run_id: str) -> dict[str, int]:
    """Count a run's rows in ``scores`` by file."""
    mine = (F.col("model_version") == version) & (F.col("run_id") == run_id)
    counted = warehouse.read("scores").where(mine).groupBy("file_id").count().collect()
    return {row["file_id"]: row["count"] for row in counted}


def _enter(
    warehouse: Warehouse, version: str, files: list[str], rows: dict[str, int], run_id: str
) -> None:
    """Write the ledger: rows in ``scores`` by file, zero included."""
    now = datetime.now(UTC)
    warehouse.append_rows(
        "scored_files",
        [
            {
                "model_version": version,
                "file_id": file,
                "rows_scored": rows.get(file, 0),
                "run_id": run_id,
                "scored_at": now,
            }
            for file in files
        ],
    )


@contextmanager
def _broadcast(warehouse: Warehouse, bundle: bytes) -> Iterator[Broadcast[bytes]]:
    """Hold the model's bytes on every executor while the body runs."""
    held = warehouse.spark.sparkContext.broadcast(bundle)
    try:
        yield held
    finally:
        held.destroy()
