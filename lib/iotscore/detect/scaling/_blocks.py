"""Scaling in blocks of rows, which stay in the processor's cache."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.detector import require_width
from iotscore.errors import ModelError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.detector import Float32Array, FloatArray

_BLOCK_ROWS: Final = 512
"""512 x 115 float64 values are 0.5 MB."""


def require_fit_rows(X: FloatArray) -> None:
    """Raise :class:`TrainingError` unless ``X`` is a table of at least one row."""
    if X.ndim != 2 or X.shape[0] == 0:  # noqa: PLR2004 a table has two axes
        message = f"the scaler got rows of shape {X.shape} and needs at least one row"
        raise TrainingError(message)


def scale_blocks(
    X: FloatArray, n_features: int, scale: Callable[[FloatArray, FloatArray], None]
) -> Float32Array:
    """Scale rows block by block.

    Parameters
    ----------
    X : float64 array of shape (n_rows, n_features)
        Rows. Not modified.
    n_features : int
        Columns that the scaler was fitted on, 0 if it is not fitted.
    scale : callable
        Gets a block and an array of its shape, and writes the scaled block into the latter.

    Returns
    -------
    C-ordered float32 array of shape (n_rows, n_features)

    Raises
    ------
    ModelError
        If the number of columns differs from the fitted one, or nothing was fitted.
    """
    if n_features == 0:
        message = "the scaler is not fitted: call fit first"
        raise ModelError(message)
    require_width(X, n_features, "the scaler")
    scaled = np.empty(X.shape, dtype=np.float32)
    buffer = np.empty((min(_BLOCK_ROWS, X.shape[0]), n_features))
    for start in range(0, X.shape[0], _BLOCK_ROWS):
        block = X[start : start + _BLOCK_ROWS]
        work = buffer[: block.shape[0]]
        scale(block, work)
        scaled[start : start + _BLOCK_ROWS] = work
    return scaled
