"""Benign records to a model version: sample on the driver, fit, calibrate, promote."""

from __future__ import annotations

import logging
import platform
from dataclasses import dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from iotscore import __version__
from iotscore.detect.bundle import to_bytes, version_of
from iotscore.detect.calibration.threshold import share_above
from iotscore.detect.fit import fit_model
from iotscore.detect.model import BATCH_MINMAX
from iotscore.errors import TrainingError
from iotscore.ingest.plan import INGESTED
from iotscore.models.benign_check import check_benign
from iotscore.models.first_night import require_first_night
from iotscore.models.registry import TRAINED, champion, described, promote, save_model
from iotscore.sampling.spark_sample import draw_by_query
from iotscore.sampling.splits import SplitOptions, SplitPlan, cut_file
from iotscore.sampling.training_sample import draw, require_benign
from iotscore.warehouse.delta_rs.row_groups import row_groups

if TYPE_CHECKING:
    from iotscore.detect.fit import FitSettings
    from iotscore.detect.model import Model
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.delta_rs.row_groups import Records
    from iotscore.warehouse.tables import Warehouse

_LOG = logging.getLogger(__name__)
_LEAST_ROWS: Final = 2
_LIBRARIES: Final = ("numpy", "scikit-learn", "keras", "pyspark", "delta-spark")


@dataclass(frozen=True)
class TrainOptions:
    """How to train; ``conf/base.yaml`` explains each value.

    Attributes
    ----------
    model
        Detectors, weights, scaling, calibration.
    parameters
        Everything the manifest should repeat for people, as plain values.
    """

    seed: int
    fraction: float
    split: SplitOptions
    model: FitSettings
    parameters: dict[str, Any]


def train(
    warehouse: Warehouse,
    options: TrainOptions,
    run_id: str,
    stage: Stage,
    *,
    is_candidate: bool = False,
    is_anew: bool = False,
) -> str:
    """Fit a model on the benign records in ``traffic`` and make it the champion.

    Parameters
    ----------
    warehouse, options
        Where, and how.
    run_id
        Stamped on new rows.
    stage
        Gets rows and version.
    is_candidate
        Whether the champion stays the one that it is.
    is_anew
        Whether there may be models without a champion, as if this were the first night.

    Returns
    -------
    str
        The model version.

    Raises
    ------
    TrainingError
        There are no benign records, or too few, or others among them.
    ModelError
        The champion was lost.
    """
    if not is_candidate and not is_anew and champion(warehouse) is None:
        require_first_night(warehouse)
    files = _benign_files(warehouse)
    plan, fit, calibration = _draw(warehouse, files, options)
    rows = {"train": len(fit.devices), "calibration": len(calibration.devices)}
    _check_rows(rows["train"], rows["calibration"], options)
    comparison = check_benign(warehouse, files, options.split.skip_rows)
    settings = options.model
    devices = (fit.devices, calibration.devices)
    model = fit_model(fit.features, calibration.features, settings, _log_epoch, devices)
    bundle = to_bytes(model)
    model_version = version_of(bundle)
    manifest = {
        "model_version": model_version,
        "parameters": options.parameters,
        **described(model),
        "split": plan.to_json(),
        "training_files": [
            {key: row[key] for key in ("file_id", "source_file", "sha256", "rows_read")}
            for row in files
        ],
        "benign_check": comparison,
        "rows": rows,
        "false_positive_rate": settings.false_positive_rate,
        "is_synthetic": any(row["is_synthetic"] for row in files),
        "calibration_share_flagged": _shares_flagged(model, calibration),
        "versions": {
            "iotscore": __version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _LIBRARIES},
        },
    }
    save_model(warehouse, model_version, manifest, bundle, run_id)
    if not is_candidate:
        promote(warehouse, model_version, TRAINED, run_id)
    stage.rows = sum(rows.values())
    stage.details = {"model_version": model_version, "rows": rows, "benign_check": comparison}
    return model_version


def _benign_files(warehouse: Warehouse) -> list[dict[str, Any]]:
    ingested = warehouse.rows("ingest_files", status=INGESTED)
    rows = [row for row in ingested if row["label"] == 0]
    if not rows:
        message = (
            f"the warehouse {warehouse.root} has no benign records; a model is fitted on benign "
            "records only: ingest files such as 1.benign.csv first"
        )
        raise TrainingError(message)
    return sorted(rows, key=lambda row: str(row["source_file"]))


def _draw(
    warehouse: Warehouse, files: list[dict[str, Any]], options: TrainOptions
) -> tuple[SplitPlan, Records, Records]:
    """Cut the benign files, cap both parts, and return the plan and the records of each."""
    split = options.split
    parts = {
        row["file_id"]: cut_file(
            row["rows_read"], split.train_share, split.calibration_share, split.gap_share
        )
        for row in files
    }
    plan = SplitPlan(options.seed, options.fraction, parts, skip_rows=split.skip_rows)
    caps = (split.max_train_rows, split.max_calibration_rows)
    if warehouse.is_direct and options.fraction == 1.0:
        runs = sorted({row["run_id"] for row in files})
        paths = warehouse.data_files("traffic", file_id=sorted(parts), ingest_run=runs)
        return draw(row_groups(paths), plan, *caps)
    benign = warehouse.frame("traffic", file_id=sorted(parts))
    require_benign(benign.where("label IS NULL OR label <> 0").count())
    return draw_by_query(benign, plan, *caps)


def _check_rows(train_rows: int, calibration_rows: int, options: TrainOptions) -> None:
    needs_calibration = options.model.normalisation != BATCH_MINMAX
    if train_rows < _LEAST_ROWS or (needs_calibration and calibration_rows < _LEAST_ROWS):
        message = (
            f"the benign files give {train_rows} training and {calibration_rows} calibration "
            f"records; at least {_LEAST_ROWS} of each are needed: ingest longer benign captures, "
            "or raise train.train_share and train.calibration_share"
        )
        raise TrainingError(message)


def _log_epoch(detector: str, epoch: int, loss: float) -> None:
    if epoch == 1 or epoch % 50 == 0:
        _LOG.info("train: %s epoch %d, loss %.6g", detector, epoch, loss)


def _shares_flagged(model: Model, calibration: Records) -> dict[str, float]:
    """Measure again which share of the calibration rows each threshold flags."""
    if not model.thresholds:
        return {}
    columns = model.score(*calibration)
    return {
        name: share_above(columns[f"{name}_score"], threshold)
        for name, threshold in model.thresholds.items()
    }
