"""Benign records and attacks counted per score, or per bin of scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from iotscore.detect.protocol import BoolArray, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class ScoreCounts:
    """Counts per distinct score, or per bin; bins ascend and do not overlap.

    Attributes
    ----------
    low, high : float64 array of shape (n_bins,)
        Smallest and largest score seen in the bin; equal where the bin holds one distinct score.
    negatives, positives : int64 array of shape (n_bins,)
        Benign records and attacks in the bin.
    bins : int64 array of shape (n_bins,) or None
        Ids of the bins, ascending, needed to merge counts whose bins hold several scores.

    Raises
    ------
    ValueError
        If the arrays differ in length, or the bins overlap or do not ascend.
    """

    low: FloatArray
    high: FloatArray
    negatives: IntArray
    positives: IntArray
    bins: IntArray | None = None

    def __post_init__(self) -> None:
        """Bring the arrays to their types and check the order of the bins."""
        for name, dtype in (("low", np.float64), ("high", np.float64)):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=dtype))
        for name in ("negatives", "positives"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.int64))
        if self.bins is not None:
            object.__setattr__(self, "bins", np.asarray(self.bins, dtype=np.int64))
        fault = self._fault()
        if fault:
            message = f"score counts: {fault}"
            raise ValueError(message)

    def _fault(self) -> str | None:
        columns = [self.low, self.high, self.negatives, self.positives]
        if self.bins is not None:
            columns.append(self.bins)
        shapes = {column.shape for column in columns}
        if len(shapes) != 1 or self.low.ndim != 1:
            return f"arrays of one length are needed, found shapes {sorted(shapes)}"
        if not (np.isfinite(self.low).all() and np.isfinite(self.high).all()):
            return "every score must be finite"
        if (self.low > self.high).any() or (self.high[:-1] >= self.low[1:]).any():
            return "bins must ascend and not overlap"
        if self.bins is not None and (np.diff(self.bins) <= 0).any():
            return "ids of bins must ascend"
        if (self.negatives < 0).any() or (self.positives < 0).any():
            return "counts must be 0 or more"
        return None

    @classmethod
    def from_scores(cls, scores: FloatArray, labels: npt.NDArray[np.integer] | BoolArray) -> Self:
        """Count records per distinct score.

        Parameters
        ----------
        scores : float64 array of shape (n_rows,)
            Finite scores.
        labels : bool or integer array of shape (n_rows,)
            True or 1 for attacks, False or 0 for benign records.
        """
        distinct, where = np.unique(np.asarray(scores, dtype=np.float64), return_inverse=True)
        attacks = np.asarray(labels, dtype=bool)
        positives = np.bincount(where[attacks], minlength=distinct.size)
        negatives = np.bincount(where[~attacks], minlength=distinct.size)
        return cls(distinct, distinct, negatives, positives)

    @classmethod
    def merge(cls, parts: Sequence[ScoreCounts]) -> Self:
        """Add counts over the same bins, matched by bin id.

        Counts without ids are matched by score; then every bin must hold one distinct score.

        Raises
        ------
        ValueError
            If only some parts have ids, or parts without ids have bins of several scores.
        """
        if not parts:
            return cls.from_scores(np.empty(0), np.empty(0, dtype=np.bool_))
        with_ids = [part.bins is not None for part in parts]
        if any(with_ids) != all(with_ids):
            message = "score counts: either all parts or none need ids of bins"
            raise ValueError(message)
        if not any(with_ids) and any((part.low < part.high).any() for part in parts):
            message = "score counts: bins of several scores need ids to be merged"
            raise ValueError(message)
        keys = [part.low if part.bins is None else part.bins for part in parts]
        # Ids of bins are int64; without ids the scores themselves are the keys.
        distinct, where = np.unique(np.concatenate(keys), return_inverse=True)
        low = np.full(distinct.size, np.inf)
        high = np.full(distinct.size, -np.inf)
        negatives = np.zeros(distinct.size, dtype=np.int64)
        positives = np.zeros(distinct.size, dtype=np.int64)
        np.minimum.at(low, where, np.concatenate([part.low for part in parts]))
        np.maximum.at(high, where, np.concatenate([part.high for part in parts]))
        np.add.at(negatives, where, np.concatenate([part.negatives for part in parts]))
        np.add.at(positives, where, np.concatenate([part.positives for part in parts]))
        return cls(
            low, high, negatives, positives, distinct.astype(np.int64) if any(with_ids) else None
        )

    @property
    def n_negatives(self) -> int:
        """Benign records counted."""
        return int(self.negatives.sum())

    @property
    def n_positives(self) -> int:
        """Attacks counted."""
        return int(self.positives.sum())

    @property
    def exact(self) -> bool:
        """Whether every bin holds one distinct score, so that no figure has an error bound."""
        return bool((self.low == self.high).all())

    def split_by(self, threshold: float) -> int:
        """Return how many records lie in the bin that the threshold cuts, 0 if it cuts none."""
        cut = (self.low <= threshold) & (threshold < self.high)
        return int(self.negatives[cut].sum() + self.positives[cut].sum())
