"""Features to a common scale, as float32: the range of benign rows, or signed logarithms.

Packet statistics spread over many orders of magnitude: on a linear scale a few large benign values
squeeze everything else together, and with it the attacks that look like the first packet of a
connection. On a logarithmic one, in standard units of the benign rows, attacks stand out.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self, TypeAlias

import numpy as np

from iotscore.detect.detector import FLOAT64_1D, ArrayState, require_rows, require_width
from iotscore.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray

_BLOCK_ROWS: Final = 512
"""512 x 115 float64 values are 0.5 MB and stay in the processor's cache."""

LARGEST: Final = 1e30
"""Scaled values are limited to plus or minus this.

float32 ends near 3.4e38. A sum of 115 products of such a value with weights up to 1e6 is still
finite, so no score can become infinite or NaN however wild the input; see ``docs/models.md``.
"""

_CONSTANT_RANGE: Final = 10 * np.finfo(np.float64).eps
"""A range below this counts as constant, as in scikit-learn's ``_handle_zeros_in_scale``."""

_CONSTANT_SPREAD: Final = 1e-6
"""A standard deviation below this counts as constant: the column keeps its own logarithmic unit."""


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
        scale = 1.0 / np.where(width < _CONSTANT_RANGE, 1.0, width)
        return replace(self, min_=-low * scale, scale_=scale)

    def _scale(self, block: FloatArray, work: FloatArray) -> None:
        low, high = -LARGEST, LARGEST
        if self.out_of_range == "clip":
            low, high = -self.clip_margin, 1.0 + self.clip_margin
        with np.errstate(over="ignore"):
            np.multiply(block, self.scale_, out=work)
            work += self.min_
        np.clip(work, low, high, out=work)


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
            scale_=np.where(spread < _CONSTANT_SPREAD, 1.0, spread),
        )

    def _scale(self, block: FloatArray, work: FloatArray) -> None:
        np.abs(block, out=work)
        np.log1p(work, out=work)
        np.copysign(work, block, out=work)
        work *= 1.0 / self.scale_
        work -= self.mean_ / self.scale_
        np.clip(work, -self.clip, self.clip, out=work)


Scaler: TypeAlias = MinMaxScaler | SignedLogScaler
