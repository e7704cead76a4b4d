"""Benign records and attacks, counted or weighted, per score or per bin of scores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class ScoreCounts:
    """Counts per distinct score, or per bin; bins ascend and do not overlap.

    Attributes
    ----------
    low, high : float64 array of shape (n_bins,)
        Smallest and largest score seen in the bin; equal where the bin holds one distinct score.
    negatives, positives : int64 or float64 array of shape (n_bins,)
        Benign records and attacks in the bin: their number, or the sum of their weights.
    """

    low: FloatArray
    high: FloatArray
    negatives: IntArray | FloatArray
    positives: IntArray | FloatArray

    def __post_init__(self) -> None:
        """Bring the arrays to their types; what does not make ascending bins is a ValueError."""
        for name in ("low", "high"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.float64))
        for name in ("negatives", "positives"):
            values = np.asarray(getattr(self, name))
            dtype = np.float64 if values.dtype.kind == "f" else np.int64
            object.__setattr__(self, name, values.astype(dtype, copy=False))
        fault = self._fault()
        if fault:
            message = f"score counts: {fault}"
            raise ValueError(message)

    def _fault(self) -> str | None:
        columns = (self.low, self.high, self.negatives, self.positives)
        shapes = {column.shape for column in columns}
        if len(shapes) != 1 or self.low.ndim != 1:
            return f"arrays of one length are needed, found shapes {sorted(shapes)}"
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            return "every score must be finite"
        if (self.low > self.high).any() or (self.high[:-1] >= self.low[1:]).any():
            return "bins must ascend and not overlap"
        if (self.negatives < 0).any() or (self.positives < 0).any():
            return "counts must be 0 or more"
        return None

    @classmethod
    def from_scores(
        cls,
        scores: FloatArray,
        labels: npt.NDArray[np.integer] | BoolArray,
        weights: FloatArray | None = None,
    ) -> Self:
        """Count records per distinct score, or sum their weights.

        Arrays have the shape (n_rows,). Scores are finite; labels are True or 1 for attacks, False
        or 0 for benign records; a weight is how many records one stands for, 0 or more.
        """
        distinct, where = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
        attacks = np.asarray(labels, dtype=bool)
        negatives, positives = (
            np.bincount(
                where[chosen],
                weights=None if weights is None else weights[chosen],
                minlength=distinct.size,
            )
            for chosen in (~attacks, attacks)
        )
        return cls(distinct, distinct, negatives, positives)

    @property
    def has_both(self) -> bool:
        """Whether there are benign records and attacks."""
        return bool(self.negatives.any() and self.positives.any())

    def at_prevalence(self, prevalence: float) -> ScoreCounts:
        """Return shares of records, weighted so that a share ``prevalence`` of them is attacks.

        Both classes must be there, and ``prevalence`` be above 0 and below 1.
        """
        return replace(
            self,
            negatives=self.negatives * ((1.0 - prevalence) / self.negatives.sum()),
            positives=self.positives * (prevalence / self.positives.sum()),
        )
