"""Min-max scaling to the range of the fitted rows, with a stated policy outside it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Final, Literal, Self

import numpy as np

from iotscore.detect.detector import require_rows
from iotscore.detect.scaling._blocks import ColumnScaler, learned
from iotscore.errors import ConfigError

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray

LARGEST: Final = 1e30
"""Scaled values are limited to plus or minus this.

float32 ends near 3.4e38. A sum of 115 products of such a value with weights up to 1e6 is still
finite, so no score can become infinite or NaN however wild the input; see ``docs/models.md``.
"""

_CONSTANT_BELOW: Final = 10 * np.finfo(np.float64).eps
"""A range below this counts as constant, as in scikit-learn's ``_handle_zeros_in_scale``."""


@dataclass(frozen=True)
class MinMaxScaler(ColumnScaler):
    """Map each feature's fitted range to [0, 1]: ``x * scale_ + min_``, then float32.

    The numbers are those of ``sklearn.preprocessing.MinMaxScaler``, computed in float64 and
    rounded to float32 at the end. The range of a constant column counts as 1, so it maps to
    ``x - minimum``.

    Parameters
    ----------
    out_of_range : {"keep", "clip"}
        What happens to values outside the fitted range: ``"keep"`` leaves them below 0 or above
        1, so that a distance to the benign range stays visible; ``"clip"`` limits them to
        ``[-clip_margin, 1 + clip_margin]``. Either way the result is within +-1e30.
    clip_margin : float
        Room on both sides of [0, 1] under ``"clip"``, in units of the fitted range; 0 or more.

    Attributes
    ----------
    min_, scale_ : float64 array of shape (n_features,)
        Offset and factor, empty until fitted.
    """

    kind: ClassVar[str] = "minmax"

    out_of_range: Literal["keep", "clip"]
    clip_margin: float
    min_: FloatArray = learned()  # noqa: RUF009 a field
    scale_: FloatArray = learned()  # noqa: RUF009 a field

    def __post_init__(self) -> None:
        """Refuse settings outside their bounds."""
        if self.out_of_range not in ("keep", "clip"):
            message = f"out_of_range is {self.out_of_range!r}: use 'keep' or 'clip'"
            raise ConfigError(message)
        if not 0.0 <= self.clip_margin <= LARGEST / 2:
            message = f"clip_margin is {self.clip_margin!r}: use a finite number, 0 or more"
            raise ConfigError(message)
        super().__post_init__()

    def _fault(self) -> str | None:
        if self.min_.shape == self.scale_.shape:
            return None
        return f"it has {self.min_.size} offsets and {self.scale_.size} factors"

    def fit(self, X: FloatArray) -> Self:
        """Return a copy fitted to the extremes of finite rows, float64 of (n_rows, n_features)."""
        require_rows(X, 1, "the scaler")
        low = X.min(axis=0).astype(np.float64)
        with np.errstate(over="ignore"):
            # A range beyond float64 becomes infinite: the column then maps to 0.
            width = X.max(axis=0).astype(np.float64) - low
        scale = 1.0 / np.where(width < _CONSTANT_BELOW, 1.0, width)
        return replace(self, min_=-low * scale, scale_=scale)

    def _scale(self, block: FloatArray, work: FloatArray) -> None:
        low, high = -LARGEST, LARGEST
        if self.out_of_range == "clip":
            low, high = -self.clip_margin, 1.0 + self.clip_margin
        with np.errstate(over="ignore"):
            np.multiply(block, self.scale_, out=work)
            work += self.min_
        np.clip(work, low, high, out=work)
