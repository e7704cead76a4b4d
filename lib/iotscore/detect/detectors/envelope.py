"""Envelope: how far a row lies outside the benign ranges of its device, column by column."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Self

import numpy as np

from iotscore.bounds import Bounds, Count, check_bounds
from iotscore.detect.detector import FLOAT64_2D, INT64_1D, ArrayState, require_rows
from iotscore.detect.detectors._learned import Learned
from iotscore.detect.device_parts import devices_fault, evenly, part_of_rows, rows_by_part
from iotscore.detect.kernels import envelope as kernel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray, IntArray, Progress

_MOST_SUBSETS: Final = 16
"""Most subsets whose ranges are taken: more rows than 16 subsets hold change a median little."""

_LEAST_SOFTNESS: Final = 1e-6
"""With this, 1e30 outside a constant column counts 1e36: sums stay far within float64."""


@dataclass(frozen=True, eq=False)
class Ranges(ArrayState):
    """The benign range of each column, for each part.

    Attributes
    ----------
    devices : int64 array of shape (n_parts,)
        Device number of each part: -1 for the pooled one, then rising.
    low, high : float64 array of shape (n_parts, n_features)
        Both ends, ``low <= high``.
    """

    title: ClassVar = "stored envelope"

    devices: IntArray = field(metadata=INT64_1D)
    low: FloatArray = field(metadata=FLOAT64_2D)
    high: FloatArray = field(metadata=FLOAT64_2D)

    def _fault(self) -> str | None:
        shapes = (self.devices.size, self.low.shape, self.high.shape)
        if self.low.shape != self.high.shape or self.devices.size != self.low.shape[0]:
            return f"devices, low and high have the shapes {shapes}"
        if (self.low > self.high).any():
            return "a range ends before it starts"
        return devices_fault(self.devices)

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return int(self.low.shape[1])


def typical_range(X: Float32Array, rows: int) -> tuple[FloatArray, FloatArray]:
    """Return the smallest and the largest value that ``rows`` rows of ``X`` typically have.

    The range of a sample grows with its size, so the range of all rows would let the more pass
    the more rows there were to fit. Interleaved subsets of about ``rows`` rows, at most 16 of
    them, have a range each; the medians of their ends, float64 of shape (n_features,), are the
    result. ``X`` is float32 of shape (n_rows, n_features), in the order of time.
    """
    step = max(1, round(X.shape[0] / rows))
    subsets = [X[start::step] for start in evenly(step, _MOST_SUBSETS)]
    drawn = [subset[evenly(subset.shape[0], rows)].astype(np.float64) for subset in subsets]
    low = np.median([subset.min(axis=0) for subset in drawn], axis=0)
    high = np.median([subset.max(axis=0) for subset in drawn], axis=0)
    return low, high


@dataclass(frozen=True)
class EnvelopeOptions:
    """What a benign range is; :class:`Envelope` explains each value."""

    rows: Count
    softness: Annotated[float, Bounds(ge=_LEAST_SOFTNESS)]
    least_rows: Count

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        check_bounds(self, EnvelopeOptions)


@dataclass(frozen=True)
class Envelope(EnvelopeOptions, Learned[Ranges]):
    """Score a row by how far its values lie outside the benign ranges of its device.

    The score is the sum over the columns of ``excess / (high - low + softness)``, where the
    excess is the distance to ``[low, high]``, 0 inside: 0 or more, without an upper limit. Rows
    of devices without ranges of their own are compared with the ranges of all benign rows.

    Parameters
    ----------
    rows : int
        The ranges are those that this many benign rows have, see :func:`typical_range`.
    softness : float
        Added to each range, above 0, in units of the scaled columns: how much a column counts
        that is constant in benign traffic.
    least_rows : int
        Devices with fewer fit rows have no ranges of their own; 1 or more.
    """

    name: ClassVar[str] = "envelope"
    title: ClassVar[str] = "the envelope"
    is_quick: ClassVar[bool] = True

    def fit(
        self, X: Float32Array, devices: IntArray | None = None, progress: Progress | None = None
    ) -> Self:
        """Return a copy with the ranges of ``X``, of each device and of all rows."""
        require_rows(X, 1, self.title)
        parts = rows_by_part(devices, X.shape[0], self.least_rows)
        ends = [typical_range(X[positions], self.rows) for positions in parts.values()]
        ranges = Ranges(
            devices=np.array(list(parts), dtype=np.int64),
            low=np.array([low for low, _ in ends]),
            high=np.array([high for _, high in ends]),
        )
        return replace(self, state_=ranges)

    def score(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return sums of excesses, float64 of shape (n_rows,), higher = more anomalous."""
        ranges = self._fitted_for(X)
        scores = np.empty(X.shape[0])
        kernel.store_excesses(
            np.ascontiguousarray(X, dtype=np.float32),
            part_of_rows(ranges.devices, devices, X.shape[0]),
            ranges.low,
            ranges.high,
            1.0 / (ranges.high - ranges.low + self.softness),
            scores,
        )
        return scores

    def contributions(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return each column's excess, float64 of the shape of ``X``; they sum to the scores."""
        ranges = self._fitted_for(X)
        part = part_of_rows(ranges.devices, devices, X.shape[0])
        low, high = ranges.low[part], ranges.high[part]
        values = X.astype(np.float64)
        outside = np.maximum(np.maximum(low - values, values - high), 0.0)
        return outside / (high - low + self.softness)

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted envelope; ranges that do not fit together are refused."""
        return cls(**parameters, state_=Ranges.from_arrays(arrays))
