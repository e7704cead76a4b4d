"""``scores`` and labels to ``metrics`` and ``roc_points``, at any size.

Scores are counted in bins once per file (``score_histogram``); everything else is arithmetic on
those counts, on the driver. A nightly run therefore counts the new files only.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from iotscore.evaluation.binned import COLUMNS
from iotscore.evaluation.figures import measure
from iotscore.evaluation.histogram import update_histogram
from iotscore.evaluation.scopes import ScoredFile
from iotscore.features import HYBRID
from iotscore.runs.order import next_number

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from iotscore.evaluation.options import EvaluateOptions
    from iotscore.models.context import Context

FULL_FILES: Final = 89
FULL_ROWS: Final = 7_062_606
"""The traffic files of N-BaIoT and their records (Meidan et al. 2018)."""


@dataclass(frozen=True)
class EvaluateResult:
    """What an evaluation did.

    Attributes
    ----------
    rows
        Scores that were counted now.
    evaluation_id
        Of the figures in ``metrics``, those of an earlier evaluation if nothing has changed since;
        None if there is no labelled record to measure on.
    """

    model_version: str
    rows: int
    evaluation_id: str | None

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        known = {"model_version": self.model_version, "rows_counted": self.rows}
        return known | ({"evaluation_id": self.evaluation_id} if self.evaluation_id else {})


def evaluate(
    context: Context, options: EvaluateOptions, file_weights: Mapping[str, int] | None
) -> EvaluateResult:
    """Measure a model on the labelled records that it scored.

    ``file_weights`` are the records by file name that each file's records stand for, as the file
    :attr:`EvaluateOptions.file_weights` has them; None counts every record once.
    """
    warehouse, stored = context.warehouse, context.stored
    counted = update_histogram(context, options.bins_per_e_fold)
    files = _labelled_files(context)
    measured_by = {**asdict(options), "file_weights": file_weights}
    evaluation_id = _evaluation_id(context, list(files), measured_by)
    done = EvaluateResult(stored.version, counted, evaluation_id)
    if evaluation_id in warehouse.values("metrics", "evaluation_id"):
        return done
    counted_by = {"model_version": stored.version, "split": options.splits}
    metrics, points = measure(
        lambda name: warehouse.batches("score_histogram", COLUMNS, detector=name, **counted_by),
        files,
        (*stored.model.detectors, HYBRID),
        stored.model.thresholds,
        options.roc_points,
        file_weights,
        promised=stored.manifest.get("false_positive_rate"),
    )
    if not metrics:
        return replace(done, evaluation_id=None)
    stamp: dict[str, Any] = {
        "evaluation_id": evaluation_id,
        "run_id": context.run_id,
        "model_version": stored.version,
    }
    warehouse.append("roc_points", [{**point, **stamp} for point in points])
    stamp |= {"data_kind": data_kind(context.ingested.values()), "evaluated_at": datetime.now(UTC)}
    stamp |= {"sequence": next_number(warehouse, "metrics")}
    warehouse.append("metrics", [{**row, **stamp} for row in metrics])
    return done


def _labelled_files(context: Context) -> dict[str, ScoredFile]:
    version = context.stored.version
    scored = context.warehouse.values("scored_files", "file_id", model_version=version)
    described = ("file_id", "source_file", "device", "family", "attack")
    return {
        row["file_id"]: ScoredFile(*(row[name] for name in described))
        for row in sorted(context.ingested.values(), key=lambda row: str(row["source_file"]))
        if row["label"] is not None and row["file_id"] in scored
    }


def _evaluation_id(
    context: Context, file_ids: Sequence[str], measured_by: Mapping[str, Any]
) -> str:
    """Name an evaluation by what goes into it, so that the same one is not stored twice.

    A file is scored whole, so its id and checksum stand for its records.
    """
    contents = sorted((file_id, context.ingested[file_id]["sha256"]) for file_id in file_ids)
    content = [context.stored.version, contents, measured_by]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def data_kind(files: Collection[Mapping[str, Any]]) -> str:
    """Say what the figures were measured on: synthetic, full (N-BaIoT, whole) or partial.

    ``files`` are the rows of ``ingest_files`` of all files whose records are in ``traffic``.
    """
    if any(row["is_synthetic"] for row in files):
        return "synthetic"
    size = (len(files), sum(row["rows_read"] for row in files))
    return "full" if size == (FULL_FILES, FULL_ROWS) else "partial"
