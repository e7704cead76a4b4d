"""Scores to flat rows of figures: one row per detector, scope, threshold and base rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.metrics import average_precision, fpr_at_tpr, roc_auc
from iotscore.evaluation.protocols.file_counts import FileCounts
from iotscore.evaluation.protocols.intervals import UNKNOWN, FileDraws, Interval, rate_interval
from iotscore.evaluation.protocols.rates import precision_bounds, rates_at
from iotscore.evaluation.scopes import ScoredFile, scopes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iotscore.detect.detector import BoolArray, FloatArray, IntArray
    from iotscore.detect.metrics import ScoreCounts
    from iotscore.evaluation.protocols.policies import Policy
    from iotscore.evaluation.protocols.sample import Sample
    from iotscore.evaluation.scopes import Scope

    Row = dict[str, Any]

HIGH_TPR: Final = 0.999
_SCOPES_OF_MANY_FILES: Final = frozenset({"all", "family", "attack"})


@dataclass(frozen=True, eq=False)
class Measured:
    """Rows that were scored, seen as files.

    Attributes
    ----------
    rows : int64 array of shape (n_tested,)
        Positions in the sample of those that were scored.
    """

    sample: Sample
    rows: IntArray
    draws: FileDraws

    def scopes(self) -> list[Scope]:
        """Return every scope that the scored files give."""
        files = (self.sample.files[place] for place in np.unique(self.sample.file_index[self.rows]))
        return scopes_of(
            [
                ScoredFile(
                    file.source_file, file.source_file, file.device, file.family, file.attack
                )
                for file in files
            ]
        )

    def files_of(self, scope: Scope) -> BoolArray:
        """Return which files are in a scope, shape (n_files,)."""
        inside = set(scope.file_ids)
        return np.array([file.source_file in inside for file in self.sample.files], dtype=np.bool_)


def figure_rows(
    measured: Measured,
    scores: FloatArray,
    policies: Sequence[Policy],
    scopes: Sequence[Scope],
    prevalences: Sequence[float | None],
) -> Iterator[Row]:
    """Yield the figures of one detector, for each scope, threshold and base rate.

    Parameters
    ----------
    scores : float64 array of shape (n_tested,)
        The detector's scores.
    prevalences
        Base rates of attacks; None is that of the rows. Scopes of one class have no other.
    """
    by_file = FileCounts(measured.sample, measured.rows, scores)
    areas = by_file.areas()
    at = [_AtThreshold(measured, by_file, policy) for policy in policies]
    for scope in scopes:
        chosen = measured.files_of(scope)
        many = scope.name in _SCOPES_OF_MANY_FILES
        counts = by_file.counts(chosen)
        common = {
            "scope": scope.name,
            "scope_value": scope.value,
            "n_benign": int(by_file.rows[chosen & ~by_file.is_attack].sum()),
            "n_attack": int(by_file.rows[chosen & by_file.is_attack].sum()),
            "roc_auc": roc_auc(counts).value,
            "fpr_at_tpr_999": fpr_at_tpr(counts, HIGH_TPR),
            **_areas_of_files(measured, by_file, areas, chosen, many=many),
        }
        for one in at:
            row = {**common, **one.figures(chosen, many=many)}
            for prevalence in prevalences:
                if prevalence is None:
                    yield {**row, **_at_prevalence(counts, row, by_file.prevalence(chosen))}
                elif counts.has_both:
                    yield {**row, **_at_prevalence(counts, row, prevalence)}


class _AtThreshold:
    """Counts of one policy, and figures of any set of files from them."""

    def __init__(self, measured: Measured, by_file: FileCounts, policy: Policy) -> None:
        self._measured, self._by_file, self._policy = measured, by_file, policy
        self._hits = by_file.hits(policy.thresholds)
        self._rates: FloatArray = self._hits / np.maximum(by_file.rows, 1)

    def figures(self, chosen: BoolArray, *, many: bool) -> Row:
        """Return TPR and FPR with intervals, their means over files and devices, and the worst."""
        policy, by_file = self._policy, self._by_file
        used = chosen & (by_file.rows > 0)
        levels = np.unique(policy.thresholds[used])
        return {
            "threshold_policy": policy.name,
            "budget": policy.budget,
            "uses_labels": policy.uses_labels,
            "threshold": float(levels[0]) if levels.size == 1 else None,
            **self._side("tpr", used & by_file.is_attack, many=many),
            **self._side("fpr", used & ~by_file.is_attack, many=many),
            **self._spread(used & by_file.is_attack, used & ~by_file.is_attack),
        }

    def _side(self, name: str, files: BoolArray, *, many: bool) -> Row:
        by_file, hits = self._by_file, self._hits
        total = by_file.totals[files].sum()
        rows = rate_interval(hits[files], by_file.rows[files], by_file.weights[files])
        of_files = UNKNOWN
        if many:
            of_files = self._measured.draws.rate_interval(self._rates, by_file.totals, files)
        return {
            name: float(by_file.totals[files] @ self._rates[files] / total) if total else None,
            f"{name}_low": rows.low,
            f"{name}_high": rows.high,
            f"{name}_files_low": of_files.low,
            f"{name}_files_high": of_files.high,
        }

    def _spread(self, attacks: BoolArray, benign: BoolArray) -> Row:
        files = self._measured.sample.files
        of_file = {
            files[place].source_file: self._rates[place] for place in np.flatnonzero(attacks)
        }
        caught, alarmed = self._of_devices(attacks), self._of_devices(benign)
        worst_file = min(of_file, key=lambda name: (of_file[name], name), default=None)
        worst_device = min(alarmed, key=lambda name: (-alarmed[name], name), default=None)
        return {
            "macro_tpr_files": _mean(of_file),
            "macro_tpr_devices": _mean(caught),
            "macro_fpr_devices": _mean(alarmed),
            "worst_attack_file": worst_file,
            "worst_attack_file_tpr": None if worst_file is None else float(of_file[worst_file]),
            "worst_device": worst_device,
            "worst_device_fpr": None if worst_device is None else alarmed[worst_device],
        }

    def _of_devices(self, chosen: BoolArray) -> dict[str, float]:
        """Return the weighted rate of each device's files among the chosen."""
        totals = self._by_file.totals
        return {
            device: float(totals[places] @ self._rates[places] / totals[places].sum())
            for device, places in _by_device(self._measured.sample, chosen).items()
        }


def _areas_of_files(
    measured: Measured, by_file: FileCounts, areas: FloatArray, chosen: BoolArray, *, many: bool
) -> Row:
    """Return the interval of the area over files, and its mean over devices."""
    used = chosen & (by_file.rows > 0)
    interval: Interval = UNKNOWN
    if many:
        interval = measured.draws.area_interval(areas, by_file.totals, by_file.is_attack, used)
    of_device = {}
    row_of, column_of = np.cumsum(by_file.is_attack) - 1, np.cumsum(~by_file.is_attack) - 1
    for device, places in _by_device(measured.sample, used).items():
        attacks, benign = places[by_file.is_attack[places]], places[~by_file.is_attack[places]]
        if attacks.size and benign.size:
            met = areas[np.ix_(row_of[attacks], column_of[benign])]
            weight = np.outer(by_file.totals[attacks], by_file.totals[benign])
            of_device[device] = float((met * weight).sum() / weight.sum())
    return {
        "roc_auc_files_low": interval.low,
        "roc_auc_files_high": interval.high,
        "macro_roc_auc_devices": _mean(of_device),
    }


def _at_prevalence(counts: ScoreCounts, row: Row, prevalence: float) -> Row:
    precision = None
    if counts.has_both:
        precision = average_precision(counts.at_prevalence(prevalence)).value
    tpr, fpr = (Interval(row[f"{rate}_low"], row[f"{rate}_high"]) for rate in ("tpr", "fpr"))
    return {
        "prevalence": prevalence,
        "average_precision": precision,
        **rates_at(prevalence, row["tpr"], row["fpr"]),
        **precision_bounds(prevalence, tpr, fpr),
    }


def _by_device(sample: Sample, chosen: BoolArray) -> dict[str, IntArray]:
    places: dict[str, list[int]] = {}
    for place in np.flatnonzero(chosen):
        places.setdefault(sample.files[place].device, []).append(int(place))
    return {device: np.array(of_device) for device, of_device in places.items()}


def _mean(rates: dict[str, float]) -> float | None:
    return float(np.mean(list(rates.values()))) if rates else None
