"""Histogram rows to metric rows and curve points: plain arithmetic on the driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.metrics import (
    Confusion,
    ScoreCounts,
    average_precision,
    confusion_at,
    roc_auc,
    roc_points,
    youden_threshold,
)
from iotscore.evaluation.binned import BinnedScores
from iotscore.evaluation.protocols.intervals import rate_interval
from iotscore.evaluation.protocols.policies import BENIGN_QUANTILE, ROC_YOUDEN
from iotscore.evaluation.scopes import Scope, ScoredFile, scopes_of
from iotscore.landing.filenames import BENIGN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa

_CURVE_SCOPES: Final = frozenset({"all", "family", "device"})
_WEIGHT_UNIT: Final = 1_000
"""Weighted records are counted in thousandths of a record, so that counts stay whole numbers."""
_SHARES: Final = (
    *("accuracy", "balanced_accuracy", "precision_attack", "recall_attack", "f1_attack"),
    *("precision_benign", "recall_benign", "f1_benign", "fpr"),
)

_Rows = list[dict[str, Any]]


def measure(
    batches_of: Callable[[str], Iterable[pa.RecordBatch]],
    files: Mapping[str, ScoredFile],
    names: Sequence[str],
    thresholds: Mapping[str, float],
    roc_points: int,
    file_weights: Mapping[str, int] | None,
    promised: float | None = None,
) -> tuple[_Rows, _Rows]:
    """Return rows for ``metrics`` and for ``roc_points``.

    Parameters
    ----------
    batches_of
        Returns a detector's rows of ``score_histogram``, see :class:`BinnedScores`; called once
        for each detector, so that the bins of one alone are in memory.
    files
        The labelled files, by id; bins of other files do not count.
    thresholds
        The model's thresholds, by detector; empty for ``batch_minmax``.
    roc_points
        Most points of a stored curve.
    file_weights
        Records by file name that each file's records stand for; None counts each once.
    promised
        False positive rate that the model's thresholds were set for; None if none was promised.
    """
    metrics: _Rows = []
    points: _Rows = []
    scopes = scopes_of(list(files.values()))
    weighting = "none" if file_weights is None else "file_weights"
    for name in names:
        counter = _Counter(BinnedScores(batches_of(name), list(files)), files, file_weights)
        if not counter.rows(scopes[0]):
            continue
        frozen = {BENIGN_QUANTILE: thresholds[name]} if name in thresholds else {}
        youden = youden_threshold(counter.counts(scopes[0]))
        policies = frozen if youden is None else {**frozen, ROC_YOUDEN: youden}
        for scope in scopes:
            if not counter.rows(scope):
                continue
            counts = counter.counts(scope)
            place = {"detector": name, "scope": scope.name, "scope_value": scope.value}
            common = {**place, "weighting": weighting, "rows": counter.rows(scope)}
            auc, precision = roc_auc(counts), average_precision(counts)
            areas = {
                "roc_auc": auc.value,
                "roc_auc_error": auc.error_bound,
                "average_precision": precision.value,
                "average_precision_error": precision.error_bound,
            }
            metrics += [
                {
                    **common,
                    **areas,
                    **_at(counts, policy, threshold, counter.unit),
                    **counter.intervals(scope, threshold),
                    "fpr_promised": promised if policy == BENIGN_QUANTILE else None,
                }
                for policy, threshold in policies.items()
            ]
            if scope.name in _CURVE_SCOPES:
                points += [{**place, **point} for point in _curve(counts, roc_points)]
    return metrics, points


class _Counter:
    """Counts one detector's records in a scope, each file's with its weight."""

    def __init__(
        self,
        binned: BinnedScores,
        files: Mapping[str, ScoredFile],
        weights: Mapping[str, int] | None,
    ) -> None:
        self._binned = binned
        self._files = files
        self._rows = binned.rows_of_file()
        self.unit = 1 if weights is None else _WEIGHT_UNIT
        self._units = dict.fromkeys(self._rows, 1)
        if weights is not None:
            self._units = {
                file_id: max(round(self.unit * weights[files[file_id].source_file] / measured), 1)
                for file_id, measured in self._rows.items()
                if files[file_id].source_file in weights
            }

    def rows(self, scope: Scope) -> int:
        """Return how many records of a scope count, each once; without a weight none does."""
        return sum(self._rows[file_id] for file_id in scope.file_ids if file_id in self._units)

    def intervals(self, scope: Scope, threshold: float) -> dict[str, float | None]:
        """Return 95 % bounds of the true and the false positive rate."""
        flagged = self._binned.flagged_of_file(threshold)
        bounds: dict[str, float | None] = {}
        for share, is_benign in (("recall_attack", False), ("fpr", True)):
            ids = [
                file_id
                for file_id in scope.file_ids
                if file_id in self._units and (self._files[file_id].family == BENIGN) == is_benign
            ]
            hits, rows, units = (
                np.array([of_file[file_id] for file_id in ids], dtype=np.int64)
                for of_file in (flagged, self._rows, self._units)
            )
            low, high = rate_interval(hits, rows, units.astype(np.float64))
            bounds |= {f"{share}_low": low, f"{share}_high": high}
        return bounds

    def counts(self, scope: Scope) -> ScoreCounts:
        """Return the counts of a scope, without its empty bins."""
        units = self._units
        return self._binned.counts(
            {file_id: units[file_id] for file_id in scope.file_ids if file_id in units}
        )


def _at(counts: ScoreCounts, policy: str, threshold: float, unit: int) -> dict[str, Any]:
    confusion: Confusion = confusion_at(counts, threshold)
    cells = {cell: getattr(confusion, cell) / unit for cell in ("tp", "fp", "tn", "fn")}
    return {
        "threshold_policy": policy,
        "uses_labels": policy == ROC_YOUDEN,
        "threshold": threshold,
        **cells,
        **{share: getattr(confusion, share) for share in _SHARES},
    }


def _curve(counts: ScoreCounts, most: int) -> Iterator[dict[str, Any]]:
    curve = roc_points(counts, most)
    if curve is None:
        return
    for point, values in enumerate(zip(*(column.tolist() for column in curve), strict=True)):
        yield {"point": point, **dict(zip(curve._fields, values, strict=True))}
