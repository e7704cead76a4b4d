"""``scores`` and labels to ``metrics`` and ``roc_points``, at any size.

Spark counts scores in bins once per file (``score_histogram``); everything else is arithmetic on
those counts, on the driver. A nightly run therefore counts the new files only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iotscore.evaluation.binned import COLUMNS
from iotscore.evaluation.figures import Judgement, measure
from iotscore.evaluation.histogram import update_histogram
from iotscore.evaluation.scopes import ScoredFile
from iotscore.features import HYBRID
from iotscore.ingest.plan import INGESTED
from iotscore.models.registry import load_model
from iotscore.runs.order import next_number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.evaluation.options import EvaluateOptions
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.tables import Warehouse

FULL_FILES: Final = 89
FULL_ROWS: Final = 7_062_606
"""The traffic files of N-BaIoT and their records (Meidan et al. 2018)."""


def evaluate(
    warehouse: Warehouse,
    model_version: str | None,
    options: EvaluateOptions,
    file_weights: Mapping[str, int] | None,
    run_id: str,
    stage: Stage,
) -> str | None:
    """Measure a model on the labelled records that it scored.

    Parameters
    ----------
    warehouse, options
        Where, and how.
    model_version
        The champion if None.
    file_weights
        Records by file name that each file's records stand for, as :attr:`options.file_weights`
        has them; None counts every record once.
    run_id
        Stamped on new rows.
    stage
        Gets rows and counts.

    Returns
    -------
    str or None
        Id of the evaluation in ``metrics``; the id of an earlier one if nothing has changed
        since; None if there is no labelled record to measure on.
    """
    stored = load_model(warehouse, model_version)
    counted = update_histogram(warehouse, stored, options.bins_per_e_fold, run_id)
    files = _labelled_files(warehouse, stored.version)
    stage.rows = counted
    stage.details = {"model_version": stored.version, "rows_counted": counted}
    measured_by = {**asdict(options), "file_weights": file_weights}
    evaluation_id = _evaluation_id(warehouse, stored.version, list(files), measured_by)
    if _is_measured(warehouse, evaluation_id):
        stage.details["evaluation_id"] = evaluation_id
        return evaluation_id
    judgement = Judgement(
        names=(*stored.model.detectors, HYBRID),
        thresholds=stored.model.thresholds,
        roc_points=options.roc_points,
        file_weights=file_weights,
        promised=stored.manifest.get("false_positive_rate"),
    )
    counted_by = {"model_version": stored.version, "split": options.splits}
    metrics, points = measure(
        lambda name: warehouse.batches("score_histogram", COLUMNS, detector=name, **counted_by),
        files,
        judgement,
    )
    if not metrics:
        return None
    stage.details["evaluation_id"] = evaluation_id
    stamp: dict[str, Any] = {
        "evaluation_id": evaluation_id,
        "run_id": run_id,
        "model_version": stored.version,
    }
    warehouse.append_rows("roc_points", [{**point, **stamp} for point in points])
    stamp |= {"data_kind": data_kind(warehouse), "evaluated_at": datetime.now(UTC)}
    stamp |= {"sequence": next_number(warehouse, "metrics")}
    warehouse.append_rows("metrics", [{**row, **stamp} for row in metrics])
    return evaluation_id


def _labelled_files(warehouse: Warehouse, version: str) -> dict[str, ScoredFile]:
    scored = warehouse.values("scored_files", "file_id", model_version=version)
    ledger = warehouse.rows("ingest_files", status=INGESTED)
    described = ("file_id", "source_file", "device", "family", "attack")
    return {
        row["file_id"]: ScoredFile(*(row[name] for name in described))
        for row in sorted(ledger, key=lambda row: str(row["source_file"]))
        if row["label"] is not None and row["file_id"] in scored
    }


def _evaluation_id(
    warehouse: Warehouse, version: str, file_ids: Sequence[str], measured_by: Mapping[str, Any]
) -> str:
    """Name an evaluation by what goes into it, so that the same one is not stored twice.

    A file is scored whole, so its id and checksum stand for its records.
    """
    ledger = warehouse.rows("ingest_files", ["file_id", "sha256"], status=INGESTED)
    checksums = {row["file_id"]: row["sha256"] for row in ledger}
    contents = sorted((file_id, checksums[file_id]) for file_id in file_ids)
    content = [version, contents, measured_by]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _is_measured(warehouse: Warehouse, evaluation_id: str) -> bool:
    return evaluation_id in warehouse.values("metrics", "evaluation_id")


def data_kind(warehouse: Warehouse) -> str:
    """Say what the figures were measured on: synthetic, full (N-BaIoT, whole) or partial."""
    ledger = warehouse.rows("ingest_files", ["is_synthetic", "rows_read"], status=INGESTED)
    if any(row["is_synthetic"] for row in ledger):
        return "synthetic"
    size = (len(ledger), sum(row["rows_read"] for row in ledger))
    return "full" if size == (FULL_FILES, FULL_ROWS) else "partial"
