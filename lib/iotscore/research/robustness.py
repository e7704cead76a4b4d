"""Figures of detection against effort: how much an attacker gains by what he can do about us."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from iotscore.evaluation.protocols.baseline import FLAG_EVERYTHING
from iotscore.evaluation.protocols.figures import Measured, figure_rows
from iotscore.evaluation.protocols.file_counts import FileCounts
from iotscore.evaluation.protocols.intervals import FileDraws
from iotscore.evaluation.protocols.policies import BENIGN_QUANTILE, Policy
from iotscore.warehouse.figure_columns import ROBUSTNESS_COLUMNS, ROBUSTNESS_FIGURES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from iotscore.detect.detector import FloatArray
    from iotscore.evaluation.protocols.cross_validate import HeldOutScores
    from iotscore.evaluation.protocols.sample import Sample

    Row = dict[str, Any]


def robustness_rows(
    sample: Sample,
    held_out: HeldOutScores,
    budgets: Sequence[float],
    common: Mapping[str, Any],
    scopes: Sequence[str] = ("all",),
    left_out: Collection[str] = (FLAG_EVERYTHING,),
    *,
    pace: FloatArray | None = None,
) -> Iterator[Row]:
    """Yield the figures of one effort, for each detector, scope and budget.

    Parameters
    ----------
    common
        What all rows share: ``protocol``, ``attack``, ``knob``, ``effort``, ``trim_share``,
        ``draw`` and ``n_planted``.
    scopes
        Which of the scopes ``all``, ``family`` and ``attack`` to measure.
    left_out
        Detectors that get no rows.
    pace : float64 array of shape (n_files,) or None
        Packets per second that each attack file stands for, where that is known.
    """
    measured = Measured(sample, held_out.rows, FileDraws.of_files(sample.files, 1, 0))
    chosen = [scope for scope in measured.scopes() if scope.name in scopes]
    for detector in (name for name in held_out.scores if name not in left_out):
        scores = held_out.scores[detector]
        by_file = FileCounts(sample, held_out.rows, scores)
        for budget in budgets:
            policy = Policy(BENIGN_QUANTILE, budget, held_out.thresholds[detector, budget])
            missed = 1.0 - by_file.hits(policy.thresholds) / np.maximum(by_file.rows, 1)
            for scope in chosen:
                (figures,) = figure_rows(measured, scores, [policy], [scope], [None])
                files = measured.files_of(scope) & by_file.is_attack & (by_file.rows > 0)
                row = {
                    **common,
                    "scope": scope.name,
                    "scope_value": scope.value,
                    "detector": detector,
                    "budget": budget,
                    **{name: figures[name] for name in ROBUSTNESS_FIGURES},
                    "packets_per_second": None if pace is None else float(pace[files].mean()),
                    "unnoticed_per_second": (
                        None if pace is None else float((pace * missed)[files].mean())
                    ),
                }
                yield {column: row[column] for column in ROBUSTNESS_COLUMNS}
