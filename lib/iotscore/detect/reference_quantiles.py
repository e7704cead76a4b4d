"""Benign reference: how each feature of each device is distributed where nothing is wrong."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Final

import numpy as np

from iotscore.detect.detector import FLOAT64_2D, INT64_1D, ArrayState, require_rows
from iotscore.detect.device_parts import devices_fault, part_of_rows, rows_by_part

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray

SHARES: Final = (0.0, 0.01, *(step / 20 for step in range(1, 20)), 0.99, 1.0)
"""Shares of benign records at or below each quantile: every 5 %, and the ends of the range."""

LOW_SHARE: Final = 0.01
HIGH_SHARE: Final = 0.99
"""Between the quantiles of these shares lies what is called the benign range."""

LEAST_ROWS: Final = 50
"""Devices with fewer benign rows are described by the rows of all devices."""


@dataclass(frozen=True, eq=False)
class BenignReference(ArrayState):
    """Quantiles of unscaled benign features, of all devices and of each one.

    Attributes
    ----------
    devices : int64 array of shape (n_parts,)
        Device number of each part: -1 for all devices, then rising.
    counts : int64 array of shape (n_parts,)
        Benign rows of each part.
    quantiles : float64 array of shape (n_parts * n_shares, n_features)
        Part by part the quantiles of :data:`SHARES`, rising.
    """

    title: ClassVar = "stored benign reference"

    devices: IntArray = field(metadata=INT64_1D)
    counts: IntArray = field(metadata=INT64_1D)
    quantiles: FloatArray = field(metadata=FLOAT64_2D)

    def _fault(self) -> str | None:
        n_parts = self.devices.size
        if self.counts.size != n_parts or self.quantiles.shape[0] != n_parts * len(SHARES):
            shapes = (n_parts, self.counts.shape, self.quantiles.shape)
            return f"devices, counts and quantiles have the shapes {shapes}"
        if fault := devices_fault(self.devices):
            return fault
        if (self.counts < 1).any():
            return "a part has no rows"
        if (np.diff(self._parts, axis=1) < 0.0).any():
            return "a quantile lies below a smaller one"
        return None

    @property
    def _parts(self) -> FloatArray:
        return self.quantiles.reshape(self.devices.size, len(SHARES), -1)

    @property
    def n_features(self) -> int:
        """Columns of the rows that are described."""
        return int(self.quantiles.shape[1])

    def of_device(self, device: int) -> FloatArray:
        """Return a device's quantiles, or all devices', of shape (n_shares, n_features)."""
        part = part_of_rows(self.devices, np.array([device]), 1)[0]
        quantiles: FloatArray = self._parts[part]
        return quantiles

    def ranges(self, devices: IntArray | None, n_rows: int) -> tuple[FloatArray, FloatArray]:
        """Return the benign range of each row's device (None: unknown).

        Its ends, the quantiles of 1 % and 99 %, are float64 of shape (n_rows, n_features).
        """
        part = part_of_rows(self.devices, devices, n_rows)
        parts = self._parts
        low, high = (parts[:, SHARES.index(share)] for share in (LOW_SHARE, HIGH_SHARE))
        return low[part], high[part]


def fit_reference(X: FloatArray, devices: IntArray | None = None) -> BenignReference:
    """Return the quantiles of benign rows, with linear interpolation between rows.

    Rows are finite and unscaled, float64 of shape (n_rows, n_features), at least one. Devices are
    int64 numbers; -1, and None for all: unknown.
    """
    require_rows(X, 1, "the benign reference")
    parts = rows_by_part(devices, X.shape[0], LEAST_ROWS)
    quantiles = [np.quantile(X[positions], SHARES, axis=0) for positions in parts.values()]
    return BenignReference(
        devices=np.array(list(parts), dtype=np.int64),
        counts=np.array([positions.size for positions in parts.values()], dtype=np.int64),
        # Interpolation may round a quantile below its neighbour by a bit.
        quantiles=np.concatenate([np.maximum.accumulate(one, axis=0) for one in quantiles]),
    )
