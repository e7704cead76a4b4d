"""Rounds to scores: fit on each round's benign rows, score its test rows, and trust nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.calibration.fusion import fuse
from iotscore.detect.calibration.linear import minmax_calibration
from iotscore.errors import ModelError
from iotscore.evaluation.protocols.baseline import (
    FLAG_EVERYTHING,
    LINEAR,
    FlagEverything,
    fit_linear_baseline,
)
from iotscore.evaluation.protocols.benign import benign_of
from iotscore.features import HYBRID

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.evaluation.protocols.benign import Fit, Fitted
    from iotscore.evaluation.protocols.rounds import Round
    from iotscore.evaluation.protocols.sample import Sample

_ROWS_ALONE: Final = 64
"""So many rows, spread over the test rows, are scored once more without the others."""
_ROUNDING: Final = 1e-3
"""Relative; products of float32 matrices round otherwise in another batch."""


@dataclass(frozen=True, eq=False)
class HeldOutScores:
    """The test rows of all rounds, each once, and what each detector said.

    Attributes
    ----------
    rows : int64 array of shape (n_tested,)
        Positions in the sample.
    scores : dict of float64 arrays of shape (n_tested,)
        By detector.
    thresholds : dict of float64 arrays of shape (n_files,)
        By detector and budget: the threshold of the round that a file is measured in; NaN if none.
    """

    rows: IntArray
    scores: dict[str, FloatArray]
    thresholds: dict[tuple[str, float], FloatArray]


def cross_validate(
    sample: Sample, rounds: Sequence[Round], fit: Fit, budgets: Sequence[float]
) -> HeldOutScores:
    """Fit and score every round.

    Parameters
    ----------
    sample
        Labelled rows.
    rounds
        Which rows fit, calibrate and are measured; no file is measured in two of them.
    fit
        Fits the model that is measured. It sees benign rows alone.
    budgets
        Shares of benign rows that may be flagged.

    Raises
    ------
    TrainingError
        If a round cannot be fitted, or its rows give something away.
    ModelError
        If scores or thresholds are not what :class:`Fitted` promises: one finite number per row,
        whatever the other rows, of the same detectors in every round.
    """
    rows: list[IntArray] = []
    scores: list[dict[str, FloatArray]] = []
    thresholds: dict[tuple[str, float], FloatArray] = {}
    for one in rounds:
        benign = benign_of(sample, one)
        fitted = (fit(benign), fit_linear_baseline(benign), FlagEverything())
        tested = np.sort(np.concatenate([one.test_benign, one.test_attack]))
        of_round = _scores(sample, tested, fitted, is_known=one.held_out is None)
        if scores and scores[0].keys() != of_round.keys():
            raise ModelError(
                f"one round has scores of {sorted(scores[0])} and another of {sorted(of_round)}:"
                " every fit must give the same detectors"
            )
        files = np.unique(sample.file_index[tested])
        for name, budget in ((name, budget) for name in of_round for budget in budgets):
            of_file = thresholds.setdefault((name, budget), np.full(len(sample.files), np.nan))
            of_file[files] = _threshold(fitted, name, budget)
        rows.append(tested)
        scores.append(of_round)
    names = scores[0] if scores else {}
    every = {name: np.concatenate([one[name] for one in scores]) for name in names}
    return HeldOutScores(np.concatenate([np.empty(0, np.int64), *rows]), every, thresholds)


def fuse_as_reported(held_out: HeldOutScores, weights: Mapping[str, float]) -> HeldOutScores:
    """Return the same with the reports' hybrid: min-max over everything scored, then a sum.

    Raises
    ------
    ModelError
        If a weighted detector has no scores.
    """
    norms = {
        name: minmax_calibration(scores.min(), scores.max()).normalise(scores)
        for name, scores in held_out.scores.items()
        if name in weights
    }
    scores = {**held_out.scores, HYBRID: fuse(norms, weights)}
    return HeldOutScores(held_out.rows, scores, held_out.thresholds)


def _scores(
    sample: Sample, rows: IntArray, fitted: Sequence[Fitted], *, is_known: bool
) -> dict[str, FloatArray]:
    X = sample.features[rows]
    devices = sample.device_ids[rows] if is_known else np.full(rows.size, -1, dtype=np.int64)
    model, *baselines = fitted
    every = model.scores(X, devices)
    if reserved := every.keys() & {LINEAR, FLAG_EVERYTHING}:
        raise ModelError(f"the model calls a detector {min(reserved)}: that is a baseline's name")
    for name, scores in every.items():
        if scores.shape != rows.shape or not np.isfinite(scores).all():
            raise ModelError(
                f"{rows.size} rows got scores of shape {scores.shape} from {name}, of which"
                f" {np.count_nonzero(~np.isfinite(scores))} are not finite: each row needs one"
                " finite score"
            )
    _require_rows_alone(model, X, devices, every)
    for baseline in baselines:
        every = {**every, **baseline.scores(X, devices)}
    return every


def _require_rows_alone(
    model: Fitted, X: FloatArray, devices: IntArray, together: Mapping[str, FloatArray]
) -> None:
    """Refuse a model that looks at the other rows of a batch, most of which are attacks here."""
    some = np.unique(np.linspace(0, len(X) - 1, min(_ROWS_ALONE, len(X))).astype(np.int64))
    alone = model.scores(X[some], devices[some])
    for name, scores in together.items():
        moved = ~np.isclose(alone[name], scores[some], rtol=_ROUNDING, atol=0.0)
        # The difference of nearly equal numbers may round far off in some rows, but not in most.
        if 2 * np.count_nonzero(moved) > some.size:
            raise ModelError(
                f"{name} scores {np.count_nonzero(moved)} of {some.size} rows otherwise when the"
                f" rest of {len(X)} rows is not there: a score may depend on its own row and device"
                " alone"
            )


def _threshold(fitted: Sequence[Fitted], name: str, budget: float) -> float:
    baselines = {LINEAR: fitted[1], FLAG_EVERYTHING: fitted[2]}
    threshold = baselines.get(name, fitted[0]).threshold(name, budget)
    if not np.isfinite(threshold):
        raise ModelError(
            f"the threshold of {name} for {budget} of benign rows is {threshold}: a finite number"
            " is needed"
        )
    return threshold
