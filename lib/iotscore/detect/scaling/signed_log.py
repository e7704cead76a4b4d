"""Signed logarithm, then standard units of the benign rows: a scale on which attacks stand out.

Packet statistics spread over many orders of magnitude: on a linear scale a few large benign values
squeeze everything else together, and with it the attacks that look like the first packet of a
connection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Self

import numpy as np

from iotscore.detect.detector import require_rows
from iotscore.detect.scaling._blocks import ColumnScaler, learned
from iotscore.errors import ConfigError

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray

_CONSTANT_BELOW: Final = 1e-6
"""A standard deviation below this counts as constant: the column keeps its own logarithmic unit."""


@dataclass(frozen=True)
class SignedLogScaler(ColumnScaler):
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
    mean_: FloatArray = learned()  # noqa: RUF009 a field
    scale_: FloatArray = learned()  # noqa: RUF009 a field

    def __post_init__(self) -> None:
        """Refuse settings outside their bounds."""
        if not 0.0 < self.clip < np.inf:
            message = f"scaling clip is {self.clip!r}: use a finite number above 0"
            raise ConfigError(message)
        super().__post_init__()

    def _fault(self) -> str | None:
        if self.mean_.shape == self.scale_.shape and (self.scale_ > 0.0).all():
            return None
        counts = f"{self.mean_.size} means and {self.scale_.size} scales"
        return f"it has {counts}, which must be as many, and above 0"

    def fit(self, X: FloatArray) -> Self:
        """Return a copy fitted to logarithms of finite rows, float64 of (n_rows, n_features)."""
        require_rows(X, 1, "the scaler")
        # One memory layout, since the order in which numbers are added decides the last bits.
        rows = np.ascontiguousarray(X)
        logs = np.sign(rows) * np.log1p(np.abs(rows))
        spread = logs.std(axis=0)
        return replace(
            self,
            mean_=logs.mean(axis=0),
            scale_=np.where(spread < _CONSTANT_BELOW, 1.0, spread),
        )

    def _scale(self, block: FloatArray, work: FloatArray) -> None:
        np.abs(block, out=work)
        np.log1p(work, out=work)
        np.copysign(work, block, out=work)
        work *= 1.0 / self.scale_
        work -= self.mean_ / self.scale_
        np.clip(work, -self.clip, self.clip, out=work)
