"""Drift of a device on a day, against its benign reference and its earlier days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.monitoring.bins import LEVELS, N_COARSE
from iotscore.monitoring.effect_sizes import (
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
    from iotscore.monitoring.histograms import Histograms

    BoolArray = npt.NDArray[np.bool_]

SCORE: Final = "hybrid_score"
"""The name under which levels of the hybrid score stand beside the features."""


@dataclass(frozen=True, eq=False)
class Past:
    """Drift on a day, as later days are compared with it.

    Attributes
    ----------
    is_moved : bool array of shape (n_features,), or (0,) if no feature could be compared
        Which features have drifted.
    is_high
        Whether levels of the hybrid score are higher than expected.
    features : int64 array of shape (n_features, n_bins)
        Records per bin.
    """

    is_moved: BoolArray
    is_high: bool
    features: IntArray


@dataclass(frozen=True, eq=False)
class DriftMeasures(Past):
    """Comparison of some records of a device and a day with earlier ones.

    Arrays have the shape (n_features,), or (0,) if no feature could be compared.

    Attributes
    ----------
    is_flagged_excluded
        Whether flagged records are left out.
    levels : int64 array of shape (n_level_bins,)
        Records per bin of the hybrid score's level.
    psi, shift, outside : float64 arrays
        See :mod:`iotscore.monitoring.effect_sizes`; `shift` may be NaN.
    psi_limit
        Index from which on a feature has drifted.
    step : float64 array
        Index against the day before; empty without one.
    is_stepped : bool array
        Which features drifted since then, and differ from the reference.
    nights_moved : int64 array
        Days on which the feature had drifted, this one and the latest before it.
    excess, excess_limit
        Higher levels than expected, as a part of an index.
    nights_high
        Days on which levels were higher.
    """

    is_flagged_excluded: bool
    levels: IntArray
    psi: FloatArray
    psi_limit: float
    shift: FloatArray
    outside: FloatArray
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
    def moved_share(self) -> float | None:
        """Share of the features that drifted; None if nothing could be compared."""
        return float(self.is_moved.mean()) if self.is_moved.size else None

    @property
    def stepped_share(self) -> float | None:
        """Share of the features that stepped; None without a day before."""
        return float(self.is_stepped.mean()) if self.is_stepped.size else None


def measure(
    histograms: Histograms,
    bins: FeatureBins | None,
    past: Sequence[Past],
    threshold: float | None,
    limits: Limits,
    *,
    is_flagged_excluded: bool,
) -> DriftMeasures:
    """Compare a day's records of a device.

    Parameters
    ----------
    histograms, bins
        Those of the device; without bins no feature is compared.
    past
        Earlier days that could be compared, the newest last; none for records among which are
        flagged ones.
    threshold
        Level from which records are flagged; None if hybrid scores are no levels.
    """
    features, levels = histograms.part(is_flagged_excluded=is_flagged_excluded)
    rows = int(levels.sum())
    latest = past[-(limits.of_nights - 1) :] if limits.of_nights > 1 else ()
    is_enough = rows >= limits.least_records
    excess = excess_limit = None
    is_high = False
    if threshold is not None and is_enough:
        excess = level_excess(levels, threshold if is_flagged_excluded else np.inf)
        excess_limit = limits.excess + noise(len(LEVELS) + 1, rows)
        is_high = excess > excess_limit
    none: FloatArray = np.empty(0)
    psi = shift = outside = step = none
    is_moved = is_stepped = none.astype(bool)
    nights_moved: IntArray = none.astype(np.int64)
    psi_limit = 0.0
    if bins is not None and is_enough:
        psi_limit = limits.psi + noise(N_COARSE, bins.rows, rows)
        psi, shift = feature_psi(features, bins), median_shift(features, bins)
        outside, is_moved = share_outside(features), psi > psi_limit
        nights_moved = np.sum([is_moved, *(one.is_moved for one in latest)], axis=0, dtype=np.int64)
        if past:
            before = past[-1].features
            step = step_psi(features, before)
            step_limit = limits.psi + noise(N_COARSE, int(before[0].sum()), rows)
            is_stepped = (step > step_limit) & is_moved
    return DriftMeasures(
        *(is_moved, is_high, features, is_flagged_excluded, levels, psi, psi_limit, shift),
        *(outside, step, is_stepped, nights_moved, excess, excess_limit),
        nights_high=is_high + sum(one.is_high for one in latest),
    )


def rows_of(drift: DriftMeasures, names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of ``drift``, without device, day and run."""
    is_past = drift.is_flagged_excluded
    common = {"is_flagged_excluded": is_past, "records": drift.records}
    for j in range(drift.features.shape[0]):
        row = {**common, "feature": names[j], "counts": drift.features[j].tolist()}
        if drift.psi.size:
            shift = float(drift.shift[j])
            row |= {
                "psi": float(drift.psi[j]),
                "psi_limit": drift.psi_limit,
                "shift": None if np.isnan(shift) else shift,
                "share_outside": float(drift.outside[j]),
                "is_moved": bool(drift.is_moved[j]),
                "step": float(drift.step[j]) if drift.step.size else None,
                "nights_moved": int(drift.nights_moved[j]) if is_past else None,
            }
        yield row
    is_measured = drift.excess is not None
    yield {
        **common,
        "feature": SCORE,
        "counts": drift.levels.tolist(),
        "psi": drift.excess,
        "psi_limit": drift.excess_limit,
        "is_moved": drift.is_high if is_measured else None,
        "nights_moved": drift.nights_high if is_measured and is_past else None,
    }
