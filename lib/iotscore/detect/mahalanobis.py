"""Mahalanobis distance: how far a row lies from its device's mean, in units of its covariance.

References
----------
.. [1] Mahalanobis, "On the Generalised Distance in Statistics", Proceedings of the National
   Institute of Sciences of India 2(1), 1936.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from iotscore.detect import _mahalanobis_kernel
from iotscore.detect._covariance import Choice, candidates, choose, early, shrunk, whitening
from iotscore.detect._devices import (
    POOLED,
    grouped,
    part_of_rows,
    require_known,
    require_rows,
    rows_by_part,
)
from iotscore.detect.protocol import require_array, require_width
from iotscore.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from iotscore.detect.protocol import Arrays, Float32Array, FloatArray, IntArray, Progress

_FEWEST_ROWS: Final = 4
"""Rows of a device that can be divided: three to fit, one to judge."""

_LARGEST: Final = 1e40
"""Larger means and roots are refused: with rows of 1e30 a square could leave float64."""


@dataclass(frozen=True, eq=False)
class Ellipsoids:
    """Mean and root of the precision for each part.

    Attributes
    ----------
    devices : int64 array of shape (n_parts,)
        Device number of each part: -1 for the pooled one, then rising.
    choices : int64 array of shape (n_parts,)
        Which covariance each part has, see :class:`iotscore.detect._covariance.Choice`.
    means : float64 array of shape (n_parts, n_features)
    roots : float64 array of shape (n_parts * n_features, n_features)
        One below the other: upper triangular, ``root @ root.T`` is the inverse of the covariance.
    """

    devices: IntArray
    choices: IntArray
    means: FloatArray
    roots: FloatArray

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        n_parts, n = self.means.shape
        needed = [(n_parts,), (n_parts,), (n_parts, n), (n_parts * n, n)]
        found = [array.shape for array in self.to_arrays().values()]
        if found != needed:
            fault = f"its arrays have the shapes {found}, needed {needed}"
        elif not np.isin(self.choices, list(Choice)).all():
            fault = f"it chose {self.choices.tolist()}"
        elif np.tril(self.roots.reshape(n_parts, n, n), k=-1).any():
            fault = "a root is not upper triangular"
        elif max(np.abs(self.means).max(), np.abs(self.roots).max()) > _LARGEST:
            fault = f"a number is beyond +-{_LARGEST:g}"
        else:
            return
        message = f"the stored Mahalanobis distance is damaged ({fault}): train again"
        raise ModelError(message)

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return int(self.means.shape[1])

    @cached_property
    def packed(self) -> FloatArray:
        """Roots as the kernel reads them fastest."""
        return _mahalanobis_kernel.pack(self.roots, self.n_features)

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the attributes by name."""
        return {
            "devices": self.devices,
            "choices": self.choices,
            "means": self.means,
            "roots": self.roots,
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild and check the ellipsoids."""
        return cls(
            devices=require_known(arrays, "the Mahalanobis distance"),
            choices=require_array(arrays, "choices", "int64", 1),
            means=require_array(arrays, "means", "float64", 2),
            roots=require_array(arrays, "roots", "float64", 2),
        )


def fit_ellipsoids(X: Float32Array, parts: Mapping[int, IntArray]) -> Ellipsoids:
    """Fit the pooled part, then choose each device's covariance and fit it on all its rows.

    Parameters
    ----------
    X : float32 array of shape (n_rows, n_features)
        At least two rows.
    parts : mapping of int to int64 array
        Positions of each part's rows, see :func:`iotscore.detect._devices.rows_by_part`.
    """
    rows = {number: X[positions].astype(np.float64) for number, positions in parts.items()}
    means = [part.mean(axis=0) for part in rows.values()]
    roots = [whitening(shrunk([rows.pop(POOLED)]))]
    choices = [Choice.POOLED]
    if rows:
        within_early = shrunk(early(part) for part in rows.values())
        within = shrunk(rows.values())
        for part in rows.values():
            choices.append(choose(part, within_early))
            roots.append(whitening(candidates(part, within)[choices[-1]]))
    return Ellipsoids(
        devices=np.array(list(parts), dtype=np.int64),
        choices=np.array(choices, dtype=np.int64),
        means=np.array(means),
        roots=np.concatenate(roots),
    )


@dataclass(frozen=True)
class Mahalanobis:
    """Score a row by its squared Mahalanobis distance [1]_ to the mean of its device.

    The covariance is the device's own, the one within all devices, or a mix: whichever makes the
    last quarter of the device's fit rows likeliest after a fit on the others; all are shrunk as
    Ledoit and Wolf say. Rows of devices without a part of their own are measured with mean and
    covariance of all rows. The score is 0 or more, without an upper limit; near the number of
    columns for rows like the fitted ones. It costs ``n_features ** 2 / 2`` products a row.

    Parameters
    ----------
    least_rows : int
        Devices with fewer fit rows have no part of their own; 4 or more.
    """

    name: ClassVar[str] = "mahalanobis"
    is_quick: ClassVar[bool] = True

    least_rows: int = 100
    ellipsoids_: Ellipsoids | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse settings outside their bounds."""
        if self.least_rows < _FEWEST_ROWS:
            message = f"least_rows is {self.least_rows}: use {_FEWEST_ROWS} or more"
            raise ConfigError(message)

    def fit(
        self,
        X: Float32Array,
        devices: IntArray | None = None,
        progress: Progress | None = None,  # noqa: ARG002 there are no epochs
    ) -> Self:
        """Return a copy with mean and covariance of each device and of all rows.

        Raises
        ------
        TrainingError
            If there are fewer than two rows.
        """
        require_rows(X, 2, "the Mahalanobis distance")
        parts = rows_by_part(devices, X.shape[0], self.least_rows)
        return replace(self, ellipsoids_=fit_ellipsoids(X, parts))

    def score(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return squared distances, float64 of shape (n_rows,), higher = more anomalous.

        Raises
        ------
        ModelError
            If nothing is fitted, or ``X`` has another number of columns.
        """
        ellipsoids = self._fitted()
        require_width(X, ellipsoids.n_features, "the Mahalanobis distance")
        part = part_of_rows(ellipsoids.devices, devices, X.shape[0])
        scores = np.empty(X.shape[0])
        _mahalanobis_kernel.store_distances(
            np.ascontiguousarray(X, dtype=np.float32),
            grouped(part, ellipsoids.devices.size),
            ellipsoids.means,
            ellipsoids.packed,
            scores,
        )
        return scores

    def contributions(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return each column's part of the squared distance, float64 (n_rows, n_features).

        With d the difference to the mean and P the inverse of the covariance: ``d * (P @ d)``.
        A column's part may be negative; they sum to the scores.

        Raises
        ------
        ModelError
            As for :meth:`score`.
        """
        fitted = self._fitted()
        require_width(X, fitted.n_features, "the Mahalanobis distance")
        part = part_of_rows(fitted.devices, devices, X.shape[0])
        apart = X.astype(np.float64) - fitted.means[part]
        roots = fitted.roots.reshape(-1, fitted.n_features, fitted.n_features)
        found = np.empty_like(apart)
        for number in np.unique(part):
            mine = np.flatnonzero(part == number)
            # Not a matrix product of BLAS, which rounds differently at another place in a batch.
            products = np.einsum("ij,jk->ik", apart[mine], roots[number])
            found[mine] = apart[mine] * np.einsum("ik,jk->ij", products, roots[number])
        return found

    @property
    def baseline(self) -> float:
        """The score of a row at the mean: 0."""
        return 0.0

    def _fitted(self) -> Ellipsoids:
        if self.ellipsoids_ is None:
            message = "the Mahalanobis distance is not fitted: call fit first"
            raise ModelError(message)
        return self.ellipsoids_

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {"least_rows": self.least_rows}

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return self._fitted().n_features

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return means and roots, see :class:`Ellipsoids`."""
        return self._fitted().to_arrays()

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted detector; arrays that do not fit together are refused."""
        return cls(**parameters, ellipsoids_=Ellipsoids.from_arrays(arrays))
