"""What another promise of false alarms would have been worth, without scoring anything again.

Counts per bin, as ``score_histogram`` keeps them, are enough. No labels of attacks go into a
threshold; records that the model has not seen say what it is worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from iotscore.detect.metrics import Confusion, ScoreCounts, confusion_at, wilson_interval

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class WhatIf:
    """What a threshold would have done.

    Attributes
    ----------
    promised : float
        Share of benign records that may be flagged, 0 to 1.
    threshold : float
        Records with a score above it are flagged.
    confusion : Confusion
        Counts on the records measured. A bin that the threshold cuts counts as not flagged.
    unsure : int
        Records in such a bin: so many more may be flagged.
    """

    promised: float
    threshold: float
    confusion: Confusion
    unsure: int

    @property
    def fpr_interval(self) -> tuple[float, float] | None:
        """Wilson's 95 % interval of the false positive rate; None without benign records."""
        return wilson_interval(self.confusion.fp, self.confusion.fp + self.confusion.tn)


def threshold_for(benign: ScoreCounts, promised: float) -> float:
    """Return the lowest score above which at most a share of benign records lies.

    Parameters
    ----------
    benign : ScoreCounts
        Only its negatives count.
    promised : float
        The share, 0 to 1.

    Raises
    ------
    ValueError
        There is no benign record, or the share is outside 0 to 1.
    """
    if not 0.0 <= promised <= 1.0:
        message = f"the promised share is {promised:g}: 0 to 1 is possible"
        raise ValueError(message)
    if not benign.n_negatives:
        message = "there is no benign record to set a threshold by"
        raise ValueError(message)
    met = benign.negatives > 0
    above = np.cumsum(benign.negatives[met][::-1])[::-1] - benign.negatives[met]
    # A share such as 0.1 times a count may end just below a whole number.
    allowed = np.floor(promised * benign.n_negatives * (1.0 + 1e-12))
    return float(benign.high[met][np.argmax(above <= allowed)])


def tail_threshold(threshold: float, promised: float, wanted: float) -> float:
    """Return where flags of a model with tails would start for another promise.

    Its fused score is ``-ln(p)``, p being the share of benign records that score as high, so its
    threshold is ``-ln(margin * promised)``: another promise moves it by the logarithm of their
    ratio. Benign records that fitted the model are of no use for this: they score too low.

    Parameters
    ----------
    threshold : float
        The model's, as its manifest has it.
    promised, wanted : float
        False positive rates, above 0: that of the model, and the other one.
    """
    return threshold + math.log(promised / wanted)


def what_if(measured: ScoreCounts, thresholds: Mapping[float, float]) -> list[WhatIf]:
    """Measure thresholds.

    Parameters
    ----------
    measured : ScoreCounts
        Records that neither fitted nor calibrated the model.
    thresholds : mapping of float to float
        The threshold of each promise.
    """
    return [
        WhatIf(promised, threshold, confusion_at(measured, threshold), measured.split_by(threshold))
        for promised, threshold in thresholds.items()
    ]
