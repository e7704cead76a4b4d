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
from iotscore.errors import ModelError, TrainingError
from iotscore.models.benign_check import check_benign
from iotscore.models.registry import TRAINED, champion, described, promote, save_model
from iotscore.runs.order import in_order
from iotscore.sampling.splits import SplitOptions, SplitPlan, cut_file
from iotscore.sampling.training_sample import draw

if TYPE_CHECKING:
    from iotscore.detect.fit import FitSettings
    from iotscore.detect.model import Model
    from iotscore.models.context import Context
    from iotscore.warehouse.records import Records
    from iotscore.warehouse.warehouse import Warehouse

_LOG = logging.getLogger(__name__)
_LEAST_ROWS: Final = 2
_LIBRARIES: Final = ("numpy", "scikit-learn", "keras", "pyspark", "delta-spark")


@dataclass(frozen=True)
class TrainOptions:
    """How to train; ``conf/base.yaml`` explains each value.

    ``parameters`` are what the manifest repeats for people, as plain values.
    """

    seed: int
    fraction: float
    split: SplitOptions
    model: FitSettings
    parameters: dict[str, Any]


@dataclass(frozen=True)
class TrainResult:
    """A new model, and the benign records that it was fitted and calibrated on, in all and by part.

    ``benign_check`` is what :func:`iotscore.models.benign_check.check_benign` found.
    """

    model_version: str
    rows: int
    rows_of_part: dict[str, int]
    benign_check: dict[str, Any]

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        known = {"model_version": self.model_version, "rows": self.rows_of_part}
        return known | {"benign_check": self.benign_check}


def train(
    context: Context, options: TrainOptions, *, is_candidate: bool = False, is_anew: bool = False
) -> TrainResult:
    """Fit a model on the benign records in ``traffic`` and make it the champion.

    If it is a candidate, the champion stays the one that it is. Anew there may be models without a
    champion, as if this were the first night.

    Raises
    ------
    TrainingError
        There are no benign records, or too few, or others among them.
    ModelError
        The champion was lost.
    """
    warehouse = context.warehouse
    if not is_candidate and not is_anew and champion(warehouse) is None:
        require_first_night(warehouse)
    files = _benign_files(context)
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
    save_model(warehouse, model_version, manifest, bundle, context.run_id)
    if not is_candidate:
        promote(warehouse, model_version, TRAINED, context.run_id)
    return TrainResult(model_version, sum(rows.values()), rows, comparison)


def require_first_night(warehouse: Warehouse) -> None:
    """Raise ModelError if a warehouse without a champion has models, or had some: it was lost."""
    stored = in_order(
        warehouse.rows("models", ["model_version", "created_at", "sequence"]), "created_at"
    )
    if stored:
        newest = stored[-1]["model_version"]
        message = (
            f"the warehouse {warehouse.root} has {len(stored)} model(s) and no champion among "
            "them: restore the folder model_aliases from a backup, or run models promote VERSION "
            f"(the newest is {newest}, models list shows all), or train --anew for another one"
        )
        raise ModelError(message)
    used = warehouse.values("scored_files", "model_version")
    if used or warehouse.rows("runs", ["run_id"], stage="train", status="done"):
        known = ", ".join(sorted(used)) or "of which only the table runs knows"
        message = (
            f"the warehouse {warehouse.root} has no model any more and had some ({known}): "
            "restore the folders models and model_aliases from a backup, or run train --anew for "
            "another one"
        )
        raise ModelError(message)


def _benign_files(context: Context) -> list[dict[str, Any]]:
    rows = [row for row in context.ingested.values() if row["label"] == 0]
    if not rows:
        message = (
            f"the warehouse {context.warehouse.root} has no benign records; a model is fitted on "
            "benign records only: ingest files such as 1.benign.csv first"
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
    runs = sorted({row["run_id"] for row in files})
    return draw(warehouse, runs, plan, split.max_train_rows, split.max_calibration_rows)


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
