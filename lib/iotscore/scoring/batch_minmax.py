"""Scoring by ``batch_minmax``, as in the published baselines: normalised by all that was scored."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.metrics import youden_threshold
from iotscore.evaluation.binning import count_scores, merge_counts
from iotscore.evaluation.histogram import counts_by_detector
from iotscore.features import HYBRID, flag_column, score_column
from iotscore.warehouse.broadcast import broadcast_model
from iotscore.warehouse.schemas import RECORD_COLUMNS, STAGING
from iotscore.warehouse.selection import Selection, rows_where

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from iotscore.detect.model import Model
    from iotscore.models.context import Context
    from iotscore.models.stored import StoredModel
    from iotscore.scoring.ledger import PendingFiles
    from iotscore.warehouse.warehouse import Warehouse

    TableFunction = Callable[[pa.Table], pa.Table]

_LOG = logging.getLogger(__name__)


def rescale_scores(
    context: Context, files: PendingFiles, splits: tuple[str, ...], bins_per_e_fold: int
) -> dict[str, Any]:
    """Normalise everything that the model ever scored by its new extremes.

    The raw scores of new records are staged, because the extremes are known only at the end. The
    model's earlier rows keep their run and time; their raw scores are read back, not computed
    again. Returns calibrations and thresholds, for the run log.
    """
    warehouse, stored = context.warehouse, context.stored
    _stage_earlier(context, files)
    calibrations = extremes(warehouse, STAGING, stored)
    of_model = rows_where(model_version=stored.version)
    of_stale = files.of_stale()
    with broadcast_model(warehouse.spark, stored.bundle, stored.version) as load_model:
        names = tuple(stored.model.detectors)
        counts = partial(count_scores, names=names, bins_per_e_fold=bins_per_e_fold)
        finishing = _finishing(load_model, calibrations, {})
        thresholds = _youden(warehouse, stored, finishing, counts, splits)
        warehouse.map_records(
            Selection(STAGING, _kept(stored)),
            _finishing(load_model, calibrations, thresholds),
            "scores",
            {"model_version": stored.version},
            doing="rescale",
            is_row_wise=True,
            replacing=of_model if of_stale is None else of_model | of_stale,
        )
    warehouse.drop(STAGING)
    return {
        "calibrations": {name: vars(value) for name, value in calibrations.items()},
        "thresholds": thresholds,
    }


def _kept(stored: StoredModel) -> tuple[str, ...]:
    raw = (score_column(name) for name in stored.model.detectors)
    return (*RECORD_COLUMNS, *raw, "model_version", "split", "run_id", "scored_at")


def _stage_earlier(context: Context, files: PendingFiles) -> None:
    """Put the raw scores of the model's earlier files beside those of the new ones."""
    version = context.stored.version
    entries = context.warehouse.values("scored_files", "file_id", model_version=version)
    if earlier := sorted(entries - files.stale):
        where = {"model_version": [version], "file_id": earlier}
        chosen = Selection("scores", _kept(context.stored), where)
        context.warehouse.map_records(
            chosen, _unchanged, STAGING, {}, doing="copy", is_row_wise=True
        )


def _unchanged() -> TableFunction:
    return lambda rows: rows


def extremes(warehouse: Warehouse, table: str, stored: StoredModel) -> dict[str, ScoreCalibration]:
    """Return the calibration of each detector by the extremes of the model's raw scores."""
    names = tuple(stored.model.detectors)
    columns = tuple(score_column(name) for name in names)

    def fold() -> Callable[[Iterator[pa.Table]], pa.Table]:
        return lambda tables: _ends(tables, columns)

    where = {"model_version": [stored.version]}
    ends = _ends(warehouse.fold_records(Selection(table, columns, where), fold), columns)
    return {
        name: ScoreCalibration(*ends.column(column).to_pylist())
        for name, column in zip(names, columns, strict=True)
        if ends.num_rows
    }


def _ends(tables: Iterable[pa.Table], columns: tuple[str, ...]) -> pa.Table:
    """Return the least and the largest value of each column in two rows; none of no rows."""
    ends: dict[str, list[float]] = {name: [] for name in columns}
    for table in tables:
        for name in columns if table.num_rows else ():
            ends[name] += pc.min_max(table.column(name)).as_py().values()
    return pa.table(
        {
            name: pa.array([min(values), max(values)] if values else [], pa.float64())
            for name, values in ends.items()
        }
    )


def current_calibration(context: Context) -> tuple[dict[str, ScoreCalibration], dict[str, float]]:
    """Return by what the scores of a model are normalised now, and the hybrid threshold, if any.

    For the threshold stands the largest number below all flagged scores: it flags the same ones.
    """
    stored, score, flag = context.stored, score_column(HYBRID), flag_column(HYBRID)
    flagged = [
        np.asarray(batch.column(score).filter(batch.column(flag)))
        for batch in context.warehouse.batches(
            "scores", [score, flag], model_version=stored.version
        )
    ]
    values = np.concatenate([np.empty(0), *flagged])
    thresholds = {HYBRID: float(np.nextafter(values.min(), -np.inf))} if values.size else {}
    return extremes(context.warehouse, "scores", stored), thresholds


def _finishing(
    load_model: Callable[[], Model],
    calibrations: Mapping[str, ScoreCalibration],
    thresholds: Mapping[str, float],
) -> Callable[[], TableFunction]:
    """Return what loads a model and returns its function from raw to all score columns.

    A threshold that is missing, for want of labels, gives NULL flags.
    """

    def load() -> TableFunction:
        model = load_model()

        def finish(rows: pa.Table) -> pa.Table:
            raw = {name: rows.column(score_column(name)).to_numpy() for name in model.detectors}
            scores = model.finish(raw, calibrations, thresholds)
            columns = {name: rows.column(name) for name in rows.column_names}
            return pa.table(columns | {name: pa.array(values) for name, values in scores.items()})

        return finish

    return load


def _youden(
    warehouse: Warehouse,
    stored: StoredModel,
    finishing: Callable[[], TableFunction],
    count: Callable[[Iterator[pa.Table]], pa.Table],
    splits: tuple[str, ...],
) -> dict[str, float]:
    """Choose each threshold at the ROC curve's largest TPR - FPR, which uses the labels."""
    flags = [flag_column(name) for name in (*stored.model.detectors, HYBRID)]

    def fold() -> Callable[[Iterator[pa.Table]], pa.Table]:
        finish = finishing()

        def counted(tables: Iterator[pa.Table]) -> pa.Table:
            return count(_unflagged(finish(_measured(rows, splits)), flags) for rows in tables)

        return counted

    chosen = Selection(STAGING, _kept(stored))
    counts = counts_by_detector(merge_counts(warehouse.fold_records(chosen, fold)))
    best = {name: youden_threshold(of_detector) for name, of_detector in counts.items()}
    thresholds = {name: value for name, value in best.items() if value is not None}
    if not thresholds:
        _LOG.warning(
            "score: no flags, because a threshold of batch_minmax needs labels of both kinds"
        )
    return thresholds


def _measured(rows: pa.Table, splits: tuple[str, ...]) -> pa.Table:
    split = rows.column("split").cast(pa.string())
    is_measured = pc.and_(rows.column("label").is_valid(), pc.is_in(split, pa.array(splits)))
    return rows.filter(is_measured)


def _unflagged(rows: pa.Table, flags: list[str]) -> pa.Table:
    for name in flags:
        rows = rows.append_column(name, pa.nulls(rows.num_rows, pa.bool_()))
    return rows
