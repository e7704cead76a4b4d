"""Rebin counted scores to the few bins of a picture."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.report.night import Shape

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray

KINDS: Final = {0: "benign", 1: "attack", None: "unlabelled"}
_BINS: Final = 56
_FINE: Final = 400
"""Cells per unit of the scale while counting; no bin of a picture is narrower than a cell."""


class Spread:
    """Adds up one detector's counted scores.

    Bins are equally wide on the scale ``asinh(score / width)``: linear up to about ``width``,
    logarithmic beyond, so that both sides of a threshold, which is the width, can be seen.
    """

    def __init__(self, detector: str, threshold: float | None) -> None:
        self._detector = detector
        self._threshold = threshold
        self._width = width_of(threshold)
        self._cells: dict[tuple[str, bool], Counter[int]] = defaultdict(Counter)

    def add(self, label: int | None, scores: FloatArray, rows: IntArray, *, is_seen: bool) -> None:
        """Add records of one kind.

        Parameters
        ----------
        label
            0 benign, 1 attack, None unlabelled.
        scores, rows
            Scores, and how many records have each; shape (n,).
        is_seen
            Whether the model was trained or calibrated on these records.
        """
        cells = np.floor(np.arcsinh(scores / self._width) * _FINE).astype(np.int64)
        distinct, where = np.unique(cells, return_inverse=True)
        totals = np.bincount(where, rows, distinct.size).astype(np.int64)
        totals_of = dict(zip(distinct.tolist(), totals.tolist(), strict=True))
        self._cells[KINDS[label], is_seen].update(totals_of)

    def shape(self) -> Shape | None:
        """Return the distribution of records that are no training records; None without any.

        If all benign records are training records, they are taken.
        """
        unseen = {kind: cells for (kind, is_seen), cells in self._cells.items() if not is_seen}
        stands_in = "benign" not in unseen and ("benign", True) in self._cells
        if stands_in:
            unseen["benign"] = self._cells["benign", True]
        if not unseen:
            return None
        numbers = [cell for cells in unseen.values() for cell in cells]
        first = min(numbers)
        ends = np.linspace(first, max(max(numbers) + 1, first + _BINS), _BINS + 1)
        counts = {
            kind: np.histogram(
                np.array(list(unseen[kind])) + 0.5, ends, weights=list(unseen[kind].values())
            )[0].astype(np.float64)
            for kind in KINDS.values()
            if kind in unseen
        }
        edges = np.sinh(ends / _FINE) * self._width
        return Shape(self._detector, edges, counts, self._threshold, stands_in)


def width_of(threshold: float | None) -> float:
    """Return up to which score the scale of a picture is linear."""
    return threshold if threshold is not None and threshold > 0 else 1.0
