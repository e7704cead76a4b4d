"""Rounds to scores: fit on each round's benign rows, score its test rows, and trust nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.calibration.fusion import fuse
from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.errors import ModelError
from iotscore.evaluation.protocols.baseline import FlagEverything, fit_linear_baseline
from iotscore.evaluation.protocols.benign import benign_of
from iotscore.features import HYBRID, UNKNOWN_DEVICE

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

    No file may be measured in two rounds; ``fit`` sees benign rows alone, and there is a threshold
    for each of the budgets, which are shares of benign rows that may be flagged.

    Raises
    ------
    TrainingError
        If a round cannot be fitted, or its rows give something away.
    ModelError
        If scores are not what :class:`Fitted` promises: one finite number per row, whatever the
        other rows.
    """
    rows: list[IntArray] = []
    scores: list[dict[str, FloatArray]] = []
    thresholds: dict[tuple[str, float], FloatArray] = {}
    for one in rounds:
        benign = benign_of(sample, one)
        model = fit(benign)
        tested = np.sort(np.concatenate([one.test_benign, one.test_attack]))
        files = np.unique(sample.file_index[tested])
        X, devices = sample.features[tested], sample.device_ids[tested]
        if one.held_out is not None:
            devices = np.full_like(devices, UNKNOWN_DEVICE)
        of_round: dict[str, FloatArray] = {}
        for fitted in (model, fit_linear_baseline(benign), FlagEverything()):
            found = fitted.scores(X, devices)
            for name, budget in product(found, budgets):
                of_file = thresholds.setdefault((name, budget), np.full(len(sample.files), np.nan))
                of_file[files] = fitted.threshold(name, budget)
            of_round |= found
        _require_own_scores(model, X, devices, of_round)
        rows.append(tested)
        scores.append(of_round)
    names = scores[0] if scores else {}
    every = {name: np.concatenate([one[name] for one in scores]) for name in names}
    return HeldOutScores(np.concatenate([np.empty(0, np.int64), *rows]), every, thresholds)


def fuse_as_reported(held_out: HeldOutScores, weights: Mapping[str, float]) -> HeldOutScores:
    """Return the same with the reports' hybrid: min-max over everything scored, then a sum."""
    norms = {
        name: ScoreCalibration(scores.min(), scores.max()).normalise(scores)
        for name, scores in held_out.scores.items()
        if name in weights
    }
    return replace(held_out, scores={**held_out.scores, HYBRID: fuse(norms, weights)})


def _require_own_scores(
    model: Fitted, X: FloatArray, devices: IntArray, together: Mapping[str, FloatArray]
) -> None:
    """Refuse a model that looks at the other rows of a batch, most of which are attacks here."""
    some = np.unique(np.linspace(0, len(X) - 1, min(_ROWS_ALONE, len(X))).astype(np.int64))
    for name, alone in model.scores(X[some], devices[some]).items():
        scores = together[name]
        if not np.isfinite(scores).all():
            raise ModelError(
                f"{np.count_nonzero(~np.isfinite(scores))} of {len(X)} scores of {name} are not"
                " finite: each row needs a finite score"
            )
        moved = np.count_nonzero(~np.isclose(alone, scores[some], rtol=_ROUNDING, atol=0.0))
        # The difference of nearly equal numbers may round far off in some rows, but not in most.
        if 2 * moved > some.size:
            raise ModelError(
                f"{name} scores {moved} of {some.size} rows otherwise when the rest of {len(X)}"
                " rows is not there: a score may depend on its own row and device alone"
            )
