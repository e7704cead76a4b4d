"""How far a device moved in a night: its sketch against the benign reference and earlier nights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.monitoring.bins import LEVELS
from iotscore.monitoring.effect_sizes import (
    feature_noise,
    feature_psi,
    level_excess,
    median_shift,
    noise,
    share_outside,
    step_psi,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy.typing as npt

    from iotscore.alerts.limits import Limits
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.monitoring.bins import FeatureBins
    from iotscore.monitoring.histograms import Sketch

    BoolArray = npt.NDArray[np.bool_]

SCORE: Final = "hybrid_score"
"""The name under which levels of the hybrid score stand beside the features."""


@dataclass(frozen=True, eq=False)
class Past:
    """What is kept of the unflagged records of an earlier night.

    Attributes
    ----------
    is_moved : bool array of shape (n_features,)
        Which features had moved.
    is_high : bool
        Whether levels of the hybrid score were higher than promised.
    features : int64 array of shape (n_features, n_bins)
        Records per bin.
    """

    is_moved: BoolArray
    is_high: bool
    features: IntArray


@dataclass(frozen=True, eq=False)
class Movement:
    """Some records of a device and a night, compared.

    Arrays have the shape (n_features,), or (0,) if nothing could be compared.

    Attributes
    ----------
    is_flagged_excluded : bool
        Whether flagged records are left out.
    features, levels : int64 arrays
        The counts, as in :class:`Sketch`.
    psi, shift, outside : float64 arrays
        See :mod:`iotscore.monitoring.effect_sizes`; `shift` may be NaN.
    psi_limit : float
        From which a feature has moved.
    is_moved : bool array
        Which features have.
    step : float64 array
        Index against the night before; empty without one.
    is_stepped : bool array
        Which features moved since then, and are not where they belong.
    nights_moved : int64 array
        Nights in which the feature had moved, this one and the latest before it.
    excess, excess_limit : float or None
        Higher levels than promised, as a part of an index.
    nights_high : int
        Nights in which there were.
    """

    is_flagged_excluded: bool
    features: IntArray
    levels: IntArray
    psi: FloatArray
    psi_limit: float
    shift: FloatArray
    outside: FloatArray
    is_moved: BoolArray
    step: FloatArray
    is_stepped: BoolArray
    nights_moved: IntArray
    excess: float | None
    excess_limit: float | None
    nights_high: int

    @property
    def records(self) -> int:
        """How many records there are."""
        return int(self.levels.sum())

    @property
    def is_high(self) -> bool:
        """Whether levels are higher than promised."""
        return self.excess is not None and self.excess > (self.excess_limit or 0.0)

    @property
    def moved_share(self) -> float | None:
        """Share of the features that moved; None if nothing could be compared."""
        return float(self.is_moved.mean()) if self.is_moved.size else None

    @property
    def stepped_share(self) -> float | None:
        """Share of the features that stepped; None without a night before."""
        return float(self.is_stepped.mean()) if self.is_stepped.size else None


def measure(
    sketch: Sketch,
    bins: FeatureBins | None,
    past: Sequence[Past],
    threshold: float | None,
    limits: Limits,
    *,
    is_flagged_excluded: bool,
) -> Movement:
    """Compare a night's records of a device.

    Parameters
    ----------
    sketch : Sketch
        Of the device and the night.
    bins : FeatureBins or None
        The device's; None: no feature is compared.
    past : sequence of Past
        Earlier nights that could be compared, the newest last; none for records among which are
        flagged ones.
    threshold : float or None
        Level from which records are flagged; None if hybrid scores are no levels.
    limits : Limits
        Where moves begin.
    is_flagged_excluded : bool
        Which records.
    """
    features, levels = sketch.part(is_flagged_excluded=is_flagged_excluded)
    rows = int(levels.sum())
    latest = past[-(limits.of_nights - 1) :] if limits.of_nights > 1 else ()
    is_enough = rows >= limits.least_records
    excess = excess_limit = None
    if threshold is not None and is_enough:
        excess = level_excess(levels, threshold if is_flagged_excluded else np.inf)
        excess_limit = limits.excess + noise(len(LEVELS) + 1, rows)
    is_high = excess is not None and excess > (excess_limit or 0.0)
    none: FloatArray = np.empty(0)
    psi = shift = outside = step = none
    is_moved = is_stepped = none.astype(bool)
    nights_moved: IntArray = none.astype(np.int64)
    psi_limit = 0.0
    if bins is not None and is_enough:
        psi_limit = limits.psi + feature_noise(bins.rows, rows)
        psi, shift = feature_psi(features, bins), median_shift(features, bins)
        outside, is_moved = share_outside(features), psi > psi_limit
        nights_moved = np.sum([is_moved, *(one.is_moved for one in latest)], axis=0, dtype=np.int64)
        if past:
            before = past[-1].features
            step = step_psi(features, before)
            step_limit = limits.psi + feature_noise(int(before[0].sum()), rows)
            is_stepped = (step > step_limit) & is_moved
    return Movement(
        *(is_flagged_excluded, features, levels, psi, psi_limit, shift, outside, is_moved),
        *(step, is_stepped, nights_moved, excess, excess_limit),
        nights_high=is_high + sum(one.is_high for one in latest),
    )


def rows_of(movement: Movement, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``drift``, without what names device, night and run."""
    common = {
        "is_flagged_excluded": movement.is_flagged_excluded,
        "records": movement.records,
    }
    is_past = movement.is_flagged_excluded
    for j in range(movement.features.shape[0]):
        row = {**common, "feature": names[j], "counts": movement.features[j].tolist()}
        if movement.psi.size:
            shift = float(movement.shift[j])
            row |= {
                "psi": float(movement.psi[j]),
                "psi_limit": movement.psi_limit,
                "shift": None if np.isnan(shift) else shift,
                "share_outside": float(movement.outside[j]),
                "is_moved": bool(movement.is_moved[j]),
                "step": float(movement.step[j]) if movement.step.size else None,
                "nights_moved": int(movement.nights_moved[j]) if is_past else None,
            }
        yield row
    is_measured = movement.excess is not None
    yield {
        **common,
        "feature": SCORE,
        "counts": movement.levels.tolist(),
        "psi": movement.excess,
        "psi_limit": movement.excess_limit,
        "is_moved": movement.is_high if is_measured else None,
        "nights_moved": movement.nights_high if is_measured and is_past else None,
    }
