"""Flagged records to ``explanations`` and ``incidents``: what a model flagged, and why."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from iotscore.detect.model import BATCH_MINMAX
from iotscore.detect.vote_windows import VoteWindows
from iotscore.explain.incident_stage import find
from iotscore.explain.ledger import enter_explained, unexplained_files
from iotscore.explain.tasks import STAMP, explaining, write_explanations
from iotscore.features import FEATURES, HYBRID, SEVERITY, flag_column, score_column
from iotscore.models.registry import load_model
from iotscore.sampling.splits import SplitPlan
from iotscore.scoring.batch_minmax import extremes
from iotscore.scoring.udf import broadcast
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.schemas import RECORD_COLUMNS, TABLES
from iotscore.warehouse.tasks import rows_of_file

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from iotscore.models.registry import StoredModel
    from iotscore.runs.run_log import Stage
    from iotscore.scoring.ledger import Todo
    from iotscore.warehouse.tables import Warehouse


def explain(
    warehouse: Warehouse,
    model_version: str | None,
    default_window: int,
    run_id: str,
    stage: Stage,
) -> str:
    """Explain every record that a model flagged and that is not explained yet.

    Explanations are committed first, then the incidents that they make, and the ledger
    ``explained_files`` last. Records that nobody flagged cost their scoring and nothing else.

    Parameters
    ----------
    warehouse
        Where.
    model_version
        None for the champion.
    default_window
        Records that vote on an incident, for a model that learned no windows.
    run_id
        Stamped on every new row.
    stage
        Gets rows and counts.

    Returns
    -------
    str
        The version of the model that is explained.

    Raises
    ------
    ModelError
        There is no such model, or it is damaged.
    """
    stored = load_model(warehouse, model_version)
    todo = unexplained_files(warehouse, stored)
    stage.details = {"model_version": stored.version, "files": len(todo.rows), "incidents": 0}
    if not todo.rows:
        return stored.version
    stamp = dict(zip(STAMP, (stored.version, run_id, datetime.now(UTC)), strict=True))
    plan = SplitPlan.from_json(stored.manifest["split"])
    is_frozen = stored.manifest["normalisation"] != BATCH_MINMAX
    if is_frozen and warehouse.is_direct and plan.fraction == 1.0:
        rows = _by_tasks(warehouse, stored, todo, stamp)
    else:
        rows = _by_query(warehouse, stored, todo, stamp)
    windows = stored.model.votes or VoteWindows.same(default_window)
    stage.details["incidents"] = find(warehouse, stored, windows, todo, rows, run_id)
    enter_explained(warehouse, todo, rows, run_id)
    stage.rows = sum(rows.values())
    return stored.version


def _by_tasks(
    warehouse: Warehouse, stored: StoredModel, todo: Todo, stamp: dict[str, Any]
) -> dict[str, int]:
    """Explain without Spark's rows; return the explained records by file id."""
    spark, files = warehouse.spark, sorted(todo.rows)
    done = spark.sparkContext.accumulator(0)
    paths = warehouse.data_files("traffic", file_id=files, ingest_run=todo.ingest_runs)
    warehouse.create("explanations")
    target = warehouse.local_path("explanations")
    with broadcast(spark, stored.bundle) as bundle, rows_progress("explain", done, todo.total):
        written = write_explanations(spark, paths, files, bundle, stamp, target, done)
    if todo.stale:
        warehouse.exchange_files("explanations", written, todo.stale)
    else:
        warehouse.add_files("explanations", written)
    return rows_of_file(written)


def _by_query(
    warehouse: Warehouse, stored: StoredModel, todo: Todo, stamp: dict[str, Any]
) -> dict[str, int]:
    """Explain the flagged rows of ``scores``; return the explained records by file id."""
    of_model = F.col("model_version") == stored.version
    calibrations = None
    if stored.manifest["normalisation"] == BATCH_MINMAX:
        scores = warehouse.read("scores").where(of_model)
        calibrations = extremes(scores, tuple(stored.model.detectors))
    schema = TABLES["explanations"].schema
    with broadcast(warehouse.spark, stored.bundle) as bundle:
        explained = _flagged(warehouse, stored.version, todo).mapInArrow(
            explaining(bundle, stored.version, calibrations),
            type(schema)([field for field in schema if field.name not in STAMP]),
        )
        stamped = explained.withColumns({name: F.lit(value) for name, value in stamp.items()})
        warehouse.replace("explanations", stamped.select(*schema.names), todo.replaced())
    condition = f"model_version = '{stored.version}' AND run_id = '{stamp['run_id']}'"
    return warehouse.count_by_file("explanations", condition)


def _flagged(warehouse: Warehouse, version: str, todo: Todo) -> DataFrame:
    """Return the flagged records of the files, with their features and fused scores."""
    scores = warehouse.frame("scores", model_version=version, file_id=sorted(todo.rows))
    fused = scores.where(flag_column(HYBRID)).select(
        "file_id", "row_no", score_column(HYBRID), SEVERITY
    )
    traffic = warehouse.frame("traffic", file_id=sorted(todo.rows), ingest_run=todo.ingest_runs)
    return traffic.select(*RECORD_COLUMNS, *FEATURES).join(fused, ["file_id", "row_no"])
