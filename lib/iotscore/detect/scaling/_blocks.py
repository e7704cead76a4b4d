"""What both scalers do alike: scale blocks of rows, and keep what they learned as arrays."""

from __future__ import annotations

from dataclasses import field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from iotscore.detect.detector import FLOAT64_1D, ArrayState, require_width
from iotscore.errors import ModelError

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray

_BLOCK_ROWS: Final = 512
"""512 x 115 float64 values are 0.5 MB and stay in the processor's cache."""


def learned() -> Any:  # noqa: ANN401 an array
    """Return the field of an array of shape (n_features,) that is empty until fitted."""
    return field(
        default_factory=lambda: np.empty(0), repr=False, compare=False, metadata=FLOAT64_1D
    )


class ColumnScaler(ArrayState):
    """A scaler of each column by itself, with settings and learned arrays."""

    title: ClassVar = "stored scaler"
    kind: ClassVar[str]
    """Its name in stored models."""

    scale_: FloatArray

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted, 0 before."""
        return int(self.scale_.size)

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {one.name: getattr(self, one.name) for one in fields(self) if not one.metadata}

    def transform(self, X: FloatArray) -> Float32Array:
        """Return scaled rows as a C-ordered float32 array of the same shape.

        Raises
        ------
        ModelError
            If the number of columns differs from the fitted one, or nothing was fitted.
        """
        if self.n_features == 0:
            message = "the scaler is not fitted: call fit first"
            raise ModelError(message)
        require_width(X, self.n_features, "the scaler")
        scaled = np.empty(X.shape, dtype=np.float32)
        buffer = np.empty((min(_BLOCK_ROWS, X.shape[0]), self.n_features))
        for start in range(0, X.shape[0], _BLOCK_ROWS):
            block = X[start : start + _BLOCK_ROWS]
            work = buffer[: block.shape[0]]
            self._scale(block, work)
            scaled[start : start + _BLOCK_ROWS] = work
        return scaled

    def _scale(self, block: FloatArray, work: FloatArray) -> None:
        """Write the scaled block into an array of its shape."""
        raise NotImplementedError
