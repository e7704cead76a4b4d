"""The hybrid score's tail: over all benign records, and over those of a device that has enough."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from iotscore.detect.calibration.tail import TailCalibration, fit_tail
from iotscore.detect.device_parts import POOLED, rows_by_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.detector import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class HybridTail:
    """Map weighted sums of levels to levels ``-ln p``.

    A device with a tail of its own gets the smaller of two levels: a record is as rare as it is
    among all benign records or among its own device's, whichever is less. So a device whose benign
    traffic is odd does not use up the false alarms of all. That holds as far as its benign scores
    were counted; beyond, its levels rise as the pooled ones do, since two extrapolations with
    slopes of their own would rank one device's attacks below another's benign records.

    """

    pooled: TailCalibration
    """Over all devices."""
    own: Mapping[int, TailCalibration] = field(default_factory=dict)
    """By device number."""

    def normalise(self, summed: FloatArray, devices: IntArray | None = None) -> FloatArray:
        """Return levels above 0 of weighted sums of the detectors' levels, float64 of (n_rows,).

        Device numbers are int64 of the same shape; None: unknown.
        """
        levels = self.pooled.normalise(summed)
        if devices is None:
            return levels
        for device, tail in self.own.items():
            positions = np.flatnonzero(devices == device)
            if positions.size:
                levels[positions] = self._lowered(levels[positions], summed[positions], tail)
        return levels

    def _lowered(self, levels: FloatArray, summed: FloatArray, own: TailCalibration) -> FloatArray:
        counted = own.score_at(own.levels_[-1])
        least = self.pooled.normalise(np.array([counted]))[0]
        shift = min(0.0, float(own.levels_[-1] - least))
        within = np.minimum(levels, own.normalise(np.minimum(summed, counted)))
        return np.where(summed > counted, levels + shift, within)


def fit_hybrid_tail(summed: FloatArray, devices: IntArray, least_rows: int) -> HybridTail:
    """Calibrate on the sums of benign rows that the detectors were not fitted on.

    A device (-1: unknown) with fewer than ``least_rows`` rows has no tail of its own.
    """
    parts = rows_by_part(devices, summed.size, least_rows)
    tails = {number: fit_tail(summed[rows]) for number, rows in parts.items()}
    return HybridTail(tails.pop(POOLED), tails)
