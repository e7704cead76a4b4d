"""Where alerts begin: thresholds set without labels, and those that only labels can find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from iotscore.detect.metrics import youden_threshold
from iotscore.evaluation.protocols.baseline import FLAG_EVERYTHING
from iotscore.evaluation.protocols.file_counts import FileCounts
from iotscore.evaluation.protocols.rounds import halves
from iotscore.landing.filenames import BENIGN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iotscore.detect.detector import BoolArray, FloatArray, IntArray
    from iotscore.evaluation.protocols.cross_validate import HeldOutScores
    from iotscore.evaluation.protocols.rounds import Plan
    from iotscore.evaluation.protocols.sample import Sample

BENIGN_QUANTILE: Final = "benign_quantile"
"""The model's own threshold for a budget of false alarms."""
ROC_YOUDEN: Final = "roc_youden"
"""The best threshold that labels of the measured rows themselves can find: an upper bound."""
YOUDEN_OTHER_FAMILIES: Final = "youden_other_families"
"""The best threshold for attacks of the other families."""
NO_THRESHOLD: Final = "none"


class Policy(NamedTuple):
    """A threshold and how it was set.

    Attributes
    ----------
    budget
        Share of benign rows that it may flag, None if it was not set so.
    thresholds : float64 array of shape (n_files,)
        For the rows of each file.
    """

    name: str
    budget: float | None
    thresholds: FloatArray

    @property
    def uses_labels(self) -> bool:
        """Whether labels of attacks chose the threshold."""
        return self.name in {ROC_YOUDEN, YOUDEN_OTHER_FAMILIES}


def policies_of(
    sample: Sample, held_out: HeldOutScores, detector: str, budgets: Sequence[float]
) -> list[Policy]:
    """Return the thresholds of a detector: one per budget that was asked for, and the best."""
    everywhere = np.ones(len(sample.files))
    if detector == FLAG_EVERYTHING:
        return [Policy(NO_THRESHOLD, None, everywhere * 0.0)]
    policies = [
        Policy(BENIGN_QUANTILE, budget, held_out.thresholds[detector, budget])
        for budget in budgets
        if (detector, budget) in held_out.thresholds
    ]
    best = _youden(sample, held_out.rows, held_out.scores[detector])
    return policies if best is None else [*policies, Policy(ROC_YOUDEN, None, everywhere * best)]


def of_other_families(
    sample: Sample, held_out: HeldOutScores, detector: str, plan: Plan
) -> Iterator[tuple[str, Policy, BoolArray]]:
    """Yield for each family the threshold that labels of the others choose, and where it counts.

    It is chosen on the earlier half of the benign test rows and all attacks of other families.

    Yields
    ------
    tuple of str, Policy and bool array of shape (n_tested,)
        The family; the threshold; the rows to measure it on: the later half of the benign test
        rows, and the family's attacks.
    """
    rows, scores = held_out.rows, held_out.scores[detector]
    early, late = (half[rows] for half in halves(sample, plan))
    families = np.array([file.family for file in sample.files])[sample.file_index[rows]]
    for family in np.unique(families[families != BENIGN]):
        chosen_on = early | ((families != family) & (families != BENIGN))
        best = _youden(sample, rows[chosen_on], scores[chosen_on])
        if best is not None:
            thresholds = np.full(len(sample.files), best)
            policy = Policy(YOUDEN_OTHER_FAMILIES, None, thresholds)
            yield str(family), policy, late | (families == family)


def _youden(sample: Sample, rows: IntArray, scores: FloatArray) -> float | None:
    by_file = FileCounts(sample, rows, scores)
    return youden_threshold(by_file.counts(by_file.rows > 0))
