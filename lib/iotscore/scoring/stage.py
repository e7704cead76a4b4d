"""``traffic`` and a model to ``scores``: every record that the model has not scored yet, once."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Final

import pyarrow.compute as pc
from pyspark.sql import functions as F

from iotscore.detect.model import BATCH_MINMAX
from iotscore.features import HYBRID, flag_column
from iotscore.models.registry import load_model
from iotscore.sampling.spark_sample import take_fraction, with_split
from iotscore.sampling.splits import SplitPlan
from iotscore.scoring.batch_minmax import score_by_extremes
from iotscore.scoring.ledger import enter, unscored_files
from iotscore.scoring.tasks import write_scores
from iotscore.scoring.udf import (
    broadcast,
    records_column,
    scoring_udf,
    stamp_columns,
    with_scores,
)
from iotscore.warehouse.progress import rows_progress
from iotscore.warehouse.tasks import sums_by_query, sums_of_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

    from pyspark.sql import DataFrame

    from iotscore.models.registry import StoredModel
    from iotscore.runs.run_log import Stage
    from iotscore.scoring.ledger import Todo
    from iotscore.scoring.udf import ScoreOptions
    from iotscore.warehouse.record_sums import RecordSum
    from iotscore.warehouse.tables import Warehouse

_MOST_LISTED_FILES: Final = 2_000
"""Up to here a filter lists the file ids, which lets Delta skip data files; beyond it joins."""


def score(
    warehouse: Warehouse,
    model_version: str | None,
    options: ScoreOptions,
    run_id: str,
    stage: Stage,
) -> str:
    """Score what a model has not scored yet.

    Scores are committed first and the ledger ``scored_files`` last. Rows that were scored from an
    earlier content of a file make room for the new ones in the same commit.

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
    todo = unscored_files(warehouse, stored.version, options.days)
    stage.details = {"model_version": stored.version, "files": len(todo.rows), "alerts": 0}
    if not todo.rows:
        return stored.version
    hashes: dict[str, int] | None = None
    if stored.manifest["normalisation"] != BATCH_MINMAX:
        found = _score_frozen(warehouse, stored, todo, options, run_id)
        hashes = {file: of_file.records_hash for file, of_file in found.items()}
        rows = {file: of_file.rows for file, of_file in found.items()}
    else:
        records = _records(warehouse, stored, todo, todo.rows)
        total = round(todo.total * _plan(stored).fraction)
        stage.details |= score_by_extremes(warehouse, stored, records, todo, options, run_id, total)
        rows = warehouse.count_by_file("scores", _written(stored.version, run_id))
    stage.details["alerts"] = _alerts(warehouse, run_id)
    enter(warehouse, todo, rows, hashes, run_id)
    stage.rows = sum(rows.values())
    return stored.version


def _plan(stored: StoredModel) -> SplitPlan:
    return SplitPlan.from_json(stored.manifest["split"])


def _records(
    warehouse: Warehouse, stored: StoredModel, todo: Todo, files: Iterable[str]
) -> DataFrame:
    """Return the records of some files that the model's profile works on, with their split."""
    traffic, listed, plan = warehouse.read("traffic"), sorted(files), _plan(stored)
    if len(listed) <= _MOST_LISTED_FILES:
        of_runs = F.col("ingest_run").isin(todo.ingest_runs)
        chosen = traffic.where(F.col("file_id").isin(listed) & of_runs)
    else:
        wanted = warehouse.spark.createDataFrame([(file,) for file in listed], "file_id string")
        chosen = traffic.join(F.broadcast(wanted), "file_id", "left_semi")
    return with_split(take_fraction(chosen, plan.fraction, plan.seed), plan)


def _score_frozen(
    warehouse: Warehouse, stored: StoredModel, todo: Todo, options: ScoreOptions, run_id: str
) -> dict[str, RecordSum]:
    """Score by a model whose calibration is frozen; return rows and hash sum by file id."""
    if warehouse.is_direct and _plan(stored).fraction == 1.0:
        return _score_by_tasks(warehouse, stored, todo, run_id)
    if todo.fresh:
        write = partial(warehouse.append, "scores")
        _score_by_udf(warehouse, stored, todo, todo.fresh, options, run_id, write)
    if todo.stale:
        write = partial(warehouse.replace, "scores", condition=todo.is_void())
        _score_by_udf(warehouse, stored, todo, todo.stale, options, run_id, write)
    written = warehouse.read("scores").where(_written(stored.version, run_id))
    return {file_id: found for (file_id,), found in sums_by_query(written).items()}


def _score_by_tasks(
    warehouse: Warehouse, stored: StoredModel, todo: Todo, run_id: str
) -> dict[str, RecordSum]:
    """Write the scores of whole files without Spark's rows; return rows and hash sum by file id."""
    spark = warehouse.spark
    done = spark.sparkContext.accumulator(0)
    stamp = {"model_version": stored.version, "run_id": run_id, "scored_at": datetime.now(UTC)}
    files = sorted(todo.rows)
    paths = warehouse.data_files("traffic", file_id=files, ingest_run=todo.ingest_runs)
    warehouse.create("scores")
    target = warehouse.local_path("scores")
    plan = _plan(stored)
    with broadcast(spark, stored.bundle) as bundle:
        with rows_progress("score", done, todo.total):
            written = write_scores(spark, paths, files, bundle, plan, stamp, target, done)
        if todo.stale:
            warehouse.exchange_files("scores", written, todo.stale)
        else:
            warehouse.add_files("scores", written)
    return sums_of_file(written)


def _score_by_udf(
    warehouse: Warehouse,
    stored: StoredModel,
    todo: Todo,
    files: Collection[str],
    options: ScoreOptions,
    run_id: str,
    write: Callable[[DataFrame], None],
) -> None:
    """Score some files through Spark and write the scores."""
    done = warehouse.spark.sparkContext.accumulator(0)
    names = tuple(stored.model.detectors)
    total = round(sum(todo.rows[file] for file in files) * _plan(stored).fraction)
    with broadcast(warehouse.spark, stored.bundle) as bundle:
        udf = scoring_udf(bundle, stored.version, names, done, options.transport)
        stamp = stamp_columns(run_id, stored.version)
        records = _records(warehouse, stored, todo, files)
        scored = with_scores(records, udf(records_column()), stamp)
        with rows_progress("score", done, total):
            write(scored)


def _written(version: str, run_id: str) -> str:
    """Return the condition on a run's rows in ``scores``."""
    return f"model_version = '{version}' AND run_id = '{run_id}'"


def _alerts(warehouse: Warehouse, run_id: str) -> int:
    """Count the rows of a run that the fused score flags."""
    flag = flag_column(HYBRID)
    if not warehouse.is_direct:
        return warehouse.frame("scores", run_id=run_id).where(flag).count()
    found = warehouse.batches("scores", [flag], run_id=run_id)
    return sum(pc.sum(batch.column(flag)).as_py() or 0 for batch in found)
