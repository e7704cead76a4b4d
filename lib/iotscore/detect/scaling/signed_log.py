"""Signed logarithm, then standard units of the benign rows: a scale on which attacks stand out.

Packet statistics spread over many orders of magnitude: on a linear scale a few large benign values
squeeze everything else together, and with it the attacks that look like the first packet of a
connection.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from iotscore.detect.detector import require_array
from iotscore.detect.scaling._blocks import require_fit_rows, scale_blocks
from iotscore.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray

_CONSTANT_BELOW: Final = 1e-6
"""A standard deviation below this counts as constant: the column keeps its own logarithmic unit."""


@dataclass(frozen=True)
class SignedLogScaler:
    """Map x to ``clip((sign(x) * ln(1 + |x|) - mean_) / scale_)``, then float32.

    ``mean_`` and ``scale_`` are those of the logarithms of the fitted rows (as in
    ``sklearn.preprocessing.StandardScaler``), of all devices together: the size of a deviation is
    then the same for each of them.

    Parameters
    ----------
    clip : float
        Most standard deviations on either side, above 0. It keeps one wild column from deciding a
        score by itself; every detector sees the limit, so beyond it scores no longer grow.

    Attributes
    ----------
    mean_, scale_ : float64 array of shape (n_features,)
        Empty until fitted.
    """

    kind: ClassVar[str] = "signed_log"

    clip: float
    mean_: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)
    scale_: FloatArray = field(default_factory=lambda: np.empty(0), repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse settings outside their bounds."""
        if not 0.0 < self.clip < np.inf:
            message = f"scaling clip is {self.clip!r}: use a finite number above 0"
            raise ConfigError(message)

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted, 0 before."""
        return int(self.scale_.size)

    def fit(self, X: FloatArray) -> Self:
        """Return a copy fitted to the mean and standard deviation of each column's logarithm.

        Parameters
        ----------
        X : float64 array of shape (n_rows, n_features)
            Finite values, at least one row.
        """
        require_fit_rows(X)
        # One memory layout, since the order in which numbers are added decides the last bits.
        rows = np.ascontiguousarray(X)
        logs = np.sign(rows) * np.log1p(np.abs(rows))
        spread = logs.std(axis=0)
        return replace(
            self,
            mean_=logs.mean(axis=0),
            scale_=np.where(spread < _CONSTANT_BELOW, 1.0, spread),
        )

    def transform(self, X: FloatArray) -> Float32Array:
        """Return scaled rows as a C-ordered float32 array of the same shape.

        Raises
        ------
        ModelError
            If the number of columns differs from the fitted one, or nothing was fitted.
        """
        factor, offset = 1.0 / self.scale_, self.mean_ / self.scale_

        def scale(block: FloatArray, work: FloatArray) -> None:
            np.abs(block, out=work)
            np.log1p(work, out=work)
            np.copysign(work, block, out=work)
            work *= factor
            work -= offset
            np.clip(work, -self.clip, self.clip, out=work)

        return scale_blocks(X, self.n_features, scale)

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {"clip": self.clip}

    def to_arrays(self) -> dict[str, FloatArray]:
        """Return ``mean_`` and ``scale_``."""
        return {"mean_": self.mean_, "scale_": self.scale_}

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted scaler."""
        mean = require_array(arrays, "mean_", "float64", 1)
        scale = require_array(arrays, "scale_", "float64", 1)
        if mean.shape != scale.shape or not (scale > 0.0).all():
            message = (
                f"the stored scaler has {mean.size} means and {scale.size} scales, the smallest "
                f"{scale.min()}: they must be as many, and above 0; train again"
            )
            raise ModelError(message)
        return cls(**parameters, mean_=mean, scale_=scale)
