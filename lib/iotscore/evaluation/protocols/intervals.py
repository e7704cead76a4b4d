"""How sure a figure is: intervals over rows, and over files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np

from iotscore.detect.metrics import wilson_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.detector import BoolArray, FloatArray, IntArray
    from iotscore.evaluation.protocols.sample import SampleFile

CONFIDENCE: Final = 0.95
_LEAST_FILES: Final = 2
"""One file says nothing about how files differ."""


class Interval(NamedTuple):
    """Bounds of a figure at 95 % confidence; both None where none can be given."""

    low: float | None
    high: float | None


UNKNOWN: Final = Interval(None, None)


def rate_interval(hits: IntArray, rows: IntArray, weights: FloatArray) -> Interval:
    """Return the interval of a share of rows drawn at random from each of some files.

    Where a row of each file stands for as many records it is Wilson's. Otherwise it is Wilson's
    with the number of rows that a simple random sample would need to be as sure:
    ``n = p~ (1 - p~) / V``, where file f has share ``s_f`` of the weight,
    ``p~_f = (hits_f + 1/2) / (rows_f + 1)``, ``p~ = sum s_f p~_f`` and
    ``V = sum s_f^2 p~_f (1 - p~_f) / rows_f``, the variance of a stratified mean (Cochran,
    "Sampling Techniques", 1977, section 5.3). The halves are Jeffreys' prior: without them files
    that are flagged entirely, or not at all, would count as known for certain. For one file n is
    its rows.

    Parameters
    ----------
    hits, rows : int64 arrays of shape (n_files,)
        Files without rows do not count.
    weights : float64 array of shape (n_files,)
        How many records a row of each file stands for.
    """
    drawn = rows > 0
    hits, rows, weights = hits[drawn], rows[drawn], weights[drawn]
    if rows.size == 0:
        return UNKNOWN
    if (weights == weights[0]).all():
        return _wilson(int(hits.sum()), int(rows.sum()))
    share = rows * weights / (rows * weights).sum()
    smooth = (hits + 0.5) / (rows + 1.0)
    variance = share**2 @ (smooth * (1.0 - smooth) / rows)
    mean = share @ smooth
    trials = float(mean * (1.0 - mean) / variance)
    # Shares of weights add up to 1 but for rounding.
    return _wilson(min(float(share @ (hits / rows)), 1.0) * trials, trials)


def _wilson(successes: float, trials: float) -> Interval:
    bounds = wilson_interval(successes, trials, CONFIDENCE)
    return UNKNOWN if bounds is None else Interval(*bounds)


@dataclass(frozen=True, eq=False)
class FileDraws:
    """Files drawn again and again with replacement: how figures would move with other captures.

    Files are drawn within strata: benign files, and the files of each attack. The interval runs
    from the 2.5 % to the 97.5 % quantile over the draws (Davison and Hinkley, "Bootstrap Methods
    and their Application", 1997, section 3.8). With nine benign files it is rough, and too narrow.

    Attributes
    ----------
    counts : int64 array of shape (n_draws, n_files)
        How often each file is drawn.
    """

    counts: IntArray

    @classmethod
    def of_files(cls, files: Sequence[SampleFile], draws: int, seed: int) -> Self:
        """Draw ``draws`` times; equal files and seeds give equal draws."""
        strata: dict[tuple[str, str | None], list[int]] = {}
        for place, file in enumerate(files):
            strata.setdefault((file.family, file.attack), []).append(place)
        random = np.random.default_rng(seed)
        counts = np.zeros((draws, len(files)), dtype=np.int64)
        for places in strata.values():
            even = np.full(len(places), 1.0 / len(places))
            counts[:, places] = random.multinomial(len(places), even, size=draws)
        return cls(counts)

    def rate_interval(self, rates: FloatArray, totals: FloatArray, chosen: BoolArray) -> Interval:
        """Return the interval of the mean rate of the chosen files, weighted by their totals.

        All arrays have the shape (n_files,); a file of weight 0 does not count.
        """
        used = np.flatnonzero(chosen & (totals > 0))
        if used.size < _LEAST_FILES:
            return UNKNOWN
        weights = self.counts[:, used] * totals[used]
        return _quantiles(weights @ rates[used], weights.sum(axis=1))

    def area_interval(
        self, areas: FloatArray, totals: FloatArray, attacks: BoolArray, chosen: BoolArray
    ) -> Interval:
        """Return the interval of an area under the ROC curve.

        ``areas``, of shape (n_attack_files, n_benign_files), are those of each attack file against
        each benign file; the rest is as in :meth:`rate_interval`.
        """
        used = chosen & (totals > 0)
        above, below = np.flatnonzero(attacks & used), np.flatnonzero(~attacks & used)
        if min(above.size, below.size) < _LEAST_FILES:
            return UNKNOWN
        attack, benign = (self.counts[:, side] * totals[side] for side in (above, below))
        met = areas[np.ix_(used[attacks], used[~attacks])]
        ordered = ((attack @ met) * benign).sum(axis=1)
        return _quantiles(ordered, attack.sum(axis=1) * benign.sum(axis=1))


def _quantiles(parts: FloatArray, wholes: FloatArray) -> Interval:
    drawn = wholes > 0
    if not drawn.any():
        return UNKNOWN
    tail = (1.0 - CONFIDENCE) / 2
    low, high = np.quantile(parts[drawn] / wholes[drawn], [tail, 1.0 - tail])
    return Interval(float(low), min(float(high), 1.0))
