"""Nearest neighbours: the distance to the k-th nearest of some benign rows of the same device.

References
----------
.. [1] Ramaswamy, Rastogi, Shim, "Efficient Algorithms for Mining Outliers from Large Data Sets",
   SIGMOD 2000: the distance to the k-th nearest neighbour as score.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from iotscore.bounds import Count, check_bounds
from iotscore.detect.detector import FLOAT32_2D, INT64_1D, ArrayState, require_rows
from iotscore.detect.detectors._learned import Learned
from iotscore.detect.device_parts import devices_fault, evenly, grouped, part_of_rows, rows_by_part
from iotscore.detect.kernels import neighbours as kernel
from iotscore.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray, IntArray, Progress


@dataclass(frozen=True, eq=False)
class References(ArrayState):
    """The reference rows of all parts, one part after the other.

    Attributes
    ----------
    devices : int64 array of shape (n_parts,)
        Device number of each part: -1 for the pooled one, then rising.
    starts : int64 array of shape (n_parts + 1,)
        Where each part starts in ``rows``, and the end.
    rows : float32 array of shape (n_references, n_features)
        Finite rows.
    """

    title: ClassVar = "stored set of neighbours"

    devices: IntArray = field(metadata=INT64_1D)
    starts: IntArray = field(metadata=INT64_1D)
    rows: Float32Array = field(metadata=FLOAT32_2D)

    def _fault(self) -> str | None:
        starts, n_parts, n_rows = self.starts, self.devices.size, len(self.rows)
        fits = starts.size == n_parts + 1 and starts[0] == 0 and starts[-1] == n_rows
        # Compared, not subtracted: a difference of damaged starts could overflow and look right.
        if not fits or (starts[1:] <= starts[:-1]).any():
            counts = f"{starts.size} starts, {n_parts} devices and {n_rows} rows"
            return f"{counts} do not belong together"
        return devices_fault(self.devices)

    @property
    def counts(self) -> IntArray:
        """References of each part, int64 of shape (n_parts,), 1 or more."""
        return np.diff(self.starts)

    @cached_property
    def packed(self) -> Float32Array:
        """References as the kernel reads them fastest."""
        return kernel.pack(np.split(self.rows, self.starts[1:-1]))

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return int(self.rows.shape[1])


@dataclass(frozen=True)
class NeighboursOptions:
    """How a row is compared with benign rows; :class:`Neighbours` explains each value."""

    k: Count
    rows: Count
    least_rows: Count

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        check_bounds(self, NeighboursOptions)
        for name in ("rows", "least_rows"):
            if getattr(self, name) < self.k:
                message = f"{name} is {getattr(self, name)}: use k ({self.k}) or more"
                raise ConfigError(message)


@dataclass(frozen=True)
class Neighbours(NeighboursOptions, Learned[References]):
    """Score a row by its distance to benign rows of its device.

    The score is the Euclidean distance to the ``k``-th nearest [1]_ of at most ``rows`` benign
    rows of the row's device, drawn evenly in time: 0 or more, in units of the scaled columns. Rows
    of other devices, and of none, are compared with as many rows drawn from all. Values beyond
    +-1e17 count as +-1e17. Scoring costs ``rows * n_features`` differences a row.

    Parameters
    ----------
    k : int
        Which of the nearest rows counts, 1 or more. With 1 a single odd reference vouches for
        whatever is like it.
    rows : int
        Most references of a device, ``k`` or more.
    least_rows : int
        Devices with fewer fit rows have no references of their own; ``k`` or more.
    """

    name: ClassVar[str] = "neighbours"
    title: ClassVar[str] = "the search for neighbours"
    is_quick: ClassVar[bool] = True

    def fit(
        self, X: Float32Array, devices: IntArray | None = None, progress: Progress | None = None
    ) -> Self:
        """Return a copy that keeps rows of ``X``, ``k`` or more, drawn evenly from each part."""
        require_rows(X, self.k, self.title)
        parts = rows_by_part(devices, X.shape[0], self.least_rows)
        drawn = [positions[evenly(positions.size, self.rows)] for positions in parts.values()]
        references = References(
            devices=np.array(list(parts), dtype=np.int64),
            starts=np.cumsum([0, *(positions.size for positions in drawn)], dtype=np.int64),
            rows=np.ascontiguousarray(X[np.concatenate(drawn)], dtype=np.float32),
        )
        return replace(self, state_=references)

    def score(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return distances, float64 of shape (n_rows,), higher = more anomalous."""
        return self._search(X, devices, np.empty(0, dtype=np.int64))

    def _search(self, X: Float32Array, devices: IntArray | None, nearest: IntArray) -> FloatArray:
        """Return distances; store the references' positions in ``nearest``, unless it is empty."""
        references = self._fitted_for(X)
        counts = references.counts
        part = part_of_rows(references.devices, devices, X.shape[0])
        scores = np.empty(X.shape[0])
        kernel.store_distances(
            np.ascontiguousarray(X, dtype=np.float32),
            grouped(part, counts.size),
            references.packed,
            counts,
            self.k,
            scores,
            nearest,
        )
        return scores

    def contributions(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return what each column adds to the distance to the k-th nearest reference.

        A column's share of the squared distance, times the distance: they sum to the scores, up
        to float32's rounding.
        """
        nearest = np.empty(X.shape[0], dtype=np.int64)
        self._search(X, devices, nearest)
        references = self._fitted()
        part = part_of_rows(references.devices, devices, X.shape[0])
        limit = kernel.LARGEST
        chosen = references.rows[references.starts[part] + nearest]
        rows = np.ascontiguousarray(X, dtype=np.float32)
        apart = np.clip(rows, -limit, limit).astype(np.float64) - np.clip(chosen, -limit, limit)
        squares = apart * apart
        # Column by column, so that a row's sum does not depend on how many rows there are.
        totals = np.add.accumulate(squares, axis=1)[:, -1:]
        distances = np.sqrt(totals)
        shares: FloatArray = squares / np.where(distances > 0.0, distances, 1.0)
        return shares

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted detector; parts of fewer than ``k`` references are refused."""
        detector = cls(**parameters, state_=References.from_arrays(arrays))
        fewest = int(detector._fitted().counts.min())
        if fewest < detector.k:
            message = (
                f"the stored neighbours have a part of {fewest} rows and need k ({detector.k}):"
                " train again"
            )
            raise ModelError(message)
        return detector
