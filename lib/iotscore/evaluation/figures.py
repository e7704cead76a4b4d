"""Histogram rows to metric rows and curve points: plain arithmetic on the driver."""

from __future__ import annotations

from dataclasses import dataclass
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
from iotscore.evaluation.scopes import Scope, ScoredFile, scopes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import numpy.typing as npt
    import pandas as pd

BENIGN_QUANTILE: Final = "benign_quantile"
ROC_YOUDEN: Final = "roc_youden"
_CURVE_SCOPES: Final = frozenset({"all", "family", "device"})
_WEIGHT_UNIT: Final = 1_000
"""Weighted records are counted in thousandths of a record, so that counts stay whole numbers."""
_SHARES: Final = (
    "accuracy",
    "balanced_accuracy",
    "precision_attack",
    "recall_attack",
    "f1_attack",
    "precision_benign",
    "recall_benign",
    "f1_benign",
    "fpr",
)

_Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Judgement:
    """What to measure.

    Attributes
    ----------
    names
        Detectors and the hybrid.
    thresholds
        The model's thresholds, by detector; empty for ``batch_minmax``.
    roc_points
        Most points of a stored curve.
    file_weights
        See :class:`iotscore.spark.evaluate.EvaluateOptions`.
    """

    names: tuple[str, ...]
    thresholds: Mapping[str, float]
    roc_points: int
    file_weights: Mapping[str, int] | None


def measure(
    bins: pd.DataFrame, files: Mapping[str, ScoredFile], judgement: Judgement
) -> tuple[_Rows, _Rows]:
    """Return rows for ``metrics`` and for ``roc_points``.

    Parameters
    ----------
    bins
        Rows of ``score_histogram``: file_id, label, detector, bin, flag, low, high, rows.
    files
        The labelled files, by id; bins of other files do not count.
    judgement
        What to measure.
    """
    bins = bins[bins["file_id"].isin(list(files))]
    if bins.empty:
        return [], []
    units, weighting = _units(bins, files, judgement.file_weights)
    metrics: _Rows = []
    points: _Rows = []
    scopes = scopes_of(list(files.values()))
    for name in judgement.names:
        counter = _Counter(bins[bins["detector"] == name], units)
        thresholds = _thresholds(name, counter, scopes[0], judgement.thresholds)
        for scope in scopes:
            if not counter.rows(scope):
                continue
            counts = counter.counts(scope)
            place = {"detector": name, "scope": scope.name, "scope_value": scope.value}
            common = {**place, "weighting": weighting, "rows": counter.rows(scope)}
            areas = _areas(counts)
            metrics += [
                {**common, **areas, **_at(counts, policy, threshold, counter.unit)}
                for policy, threshold in thresholds.items()
            ]
            if scope.name in _CURVE_SCOPES:
                points += [{**place, **point} for point in _curve(counts, judgement.roc_points)]
    return metrics, points


def _units(
    bins: pd.DataFrame, files: Mapping[str, ScoredFile], weights: Mapping[str, int] | None
) -> tuple[dict[str, int] | None, str]:
    """Return thousandths of a record that one record of each file counts for, and its name."""
    if weights is None:
        return None, "none"
    one_detector = bins[bins["detector"] == bins["detector"].iloc[0]]
    measured = one_detector.groupby("file_id", observed=True)["rows"].sum()
    units = {
        file_id: max(round(_WEIGHT_UNIT * weights[files[file_id].source_file] / rows), 1)
        for file_id, rows in measured.items()
        if files[file_id].source_file in weights
    }
    return units, "file_weights"


class _Counter:
    """Adds up one detector's bins over any set of files."""

    def __init__(self, bins: pd.DataFrame, units: dict[str, int] | None) -> None:
        self.unit = 1 if units is None else _WEIGHT_UNIT
        keyed = bins.assign(key=bins["bin"] * 2 + bins["flag"].eq(other=True).astype(int))
        ends = keyed.groupby("key").agg(low=("low", "min"), high=("high", "max")).sort_index()
        self._low, self._high = ends["low"].to_numpy(), ends["high"].to_numpy()
        self._rows: dict[str, int] = {}
        self._files: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], bool]] = {}
        for file_id, part in keyed.groupby("file_id", observed=True):
            where = np.searchsorted(ends.index.to_numpy(), part["key"].to_numpy())
            rows = part["rows"].to_numpy()
            scale = 1 if units is None else units.get(str(file_id), 0)
            self._rows[str(file_id)] = int(rows.sum()) if scale else 0
            self._files[str(file_id)] = (where, rows * scale, bool(part["label"].iloc[0]))

    def rows(self, scope: Scope) -> int:
        """Return how many records of a scope count, each once; without a weight none does."""
        return sum(self._rows.get(file_id, 0) for file_id in scope.file_ids)

    def counts(self, scope: Scope) -> ScoreCounts:
        """Return the counts of a scope, without its empty bins."""
        totals = np.zeros((2, self._low.size), dtype=np.int64)
        for file_id in scope.file_ids:
            if file_id in self._files:
                where, rows, is_attack = self._files[file_id]
                np.add.at(totals[int(is_attack)], where, rows)
        used = totals.any(axis=0)
        return ScoreCounts(self._low[used], self._high[used], totals[0, used], totals[1, used])


def _thresholds(
    name: str, counter: _Counter, everything: Scope, frozen: Mapping[str, float]
) -> dict[str, float]:
    """Return the threshold of each policy that can be had for a detector."""
    chosen = {BENIGN_QUANTILE: frozen[name]} if name in frozen else {}
    youden = youden_threshold(counter.counts(everything))
    return chosen if youden is None else {**chosen, ROC_YOUDEN: youden}


def _areas(counts: ScoreCounts) -> dict[str, float | None]:
    auc, precision = roc_auc(counts), average_precision(counts)
    return {
        "roc_auc": auc.value,
        "roc_auc_error": auc.error_bound,
        "average_precision": precision.value,
        "average_precision_error": precision.error_bound,
    }


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
    for point, (fpr, tpr, threshold) in enumerate(zip(*curve, strict=True)):
        yield {
            "point": point,
            "fpr": float(fpr),
            "tpr": float(tpr),
            "threshold": float(threshold),
        }
