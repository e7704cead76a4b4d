"""Covariances of a device's rows: estimated, compared on rows held out, made into a distance.

References
----------
.. [1] Ledoit, Wolf, "A Well-Conditioned Estimator for Large-Dimensional Covariance Matrices",
   Journal of Multivariate Analysis 88(2), 2004; as ``sklearn.covariance.LedoitWolf``.
.. [2] Friedman, "Regularized Discriminant Analysis", Journal of the American Statistical
   Association 84(405), 1989: a class's own covariance, the one within all classes, and mixes.
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from iotscore.detect.protocol import FloatArray

_OWN_SHARE: Final = 0.7
"""Own share of the mix: of 0, 0.5, 0.7 and 1, the best area under the ROC curve on real rows."""

_LEAST_VARIANCE: Final = 1e-12
"""Variances are at least this: a standard deviation of 1e-6, some float32 steps next to 1."""

_LEAST_RATIO: Final = 1e-10
"""Variances are at least this times the largest: float64 can still invert such a matrix."""


class Choice(IntEnum):
    """Which covariance a part has; stored as these numbers."""

    POOLED = 0
    """That of all rows around their mean: the pooled part's."""
    OWN = 1
    """That of the device's rows."""
    WITHIN = 2
    """That of the rows of all devices, each around its device's mean."""
    MIXED = 3
    """0.7 of the device's own and 0.3 of the one within devices."""


def shrunk(groups: Iterable[FloatArray]) -> FloatArray:
    """Return the Ledoit-Wolf covariance [1]_ of groups of rows, each around its own mean.

    Parameters
    ----------
    groups : iterable of float64 array of shape (n_rows, n_features)
        Two rows or more altogether.
    """
    from sklearn.covariance import LedoitWolf

    centred = np.concatenate([rows - rows.mean(axis=0) for rows in groups])
    covariance: FloatArray = LedoitWolf(assume_centered=True).fit(centred).covariance_
    return covariance


def whitening(covariance: FloatArray) -> FloatArray:
    """Return the upper triangular root with ``root @ root.T`` the inverse of the covariance.

    With the Cholesky factor ``C @ C.T`` of the covariance, this is the transpose of C's inverse.
    Variances along principal axes are raised to 1e-12 and to 1e-10 of the largest.
    """
    variances, axes = np.linalg.eigh(covariance)
    floor = max(_LEAST_VARIANCE, _LEAST_RATIO * variances[-1])
    if variances[0] < floor:
        covariance = (axes * np.maximum(variances, floor)) @ axes.T
    root: FloatArray = np.triu(np.linalg.inv(np.linalg.cholesky(covariance)).T)
    return root


def log_likelihood(rows: FloatArray, mean: FloatArray, covariance: FloatArray) -> float:
    """Return the mean Gaussian log-likelihood of rows, without the constant ``p ln(2 pi) / 2``."""
    root = whitening(covariance)
    distances = np.square((rows - mean) @ root).sum(axis=1)
    return float(np.log(np.diag(root)).sum() - distances.mean() / 2)


def candidates(rows: FloatArray, within: FloatArray) -> dict[Choice, FloatArray]:
    """Return what a device's covariance may be, given the one within devices [2]_."""
    own = shrunk([rows])
    mixed = _OWN_SHARE * own + (1 - _OWN_SHARE) * within
    return {Choice.OWN: own, Choice.WITHIN: within, Choice.MIXED: mixed}


def early(rows: FloatArray) -> FloatArray:
    """Return the first three quarters of a device's rows; the rest judges what they fitted."""
    return rows[: rows.shape[0] * 3 // 4]


def choose(rows: FloatArray, within: FloatArray) -> Choice:
    """Return the covariance under which the last quarter of a device's rows is likeliest.

    Parameters
    ----------
    rows : float64 array of shape (n_rows, n_features)
        Four rows or more, in the order of time.
    within : float64 array of shape (n_features, n_features)
        Covariance within devices of the early rows of all of them.
    """
    fitted = early(rows)
    held, mean = rows[fitted.shape[0] :], fitted.mean(axis=0)
    likelihoods = {
        choice: log_likelihood(held, mean, covariance)
        for choice, covariance in candidates(fitted, within).items()
    }
    return max(likelihoods, key=likelihoods.__getitem__)
