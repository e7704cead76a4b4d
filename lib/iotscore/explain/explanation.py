"""Flagged records to what people read: the features that count most, their ranges, a sentence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from iotscore.detect.attribution import attribute
from iotscore.explain.sentences import sentence

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.detect.model import Model

TOP: Final = 5
"""Features that an explanation names."""


@dataclass(frozen=True, eq=False)
class Explanations:
    """Explanations of some rows: ``base + contribution.sum(axis=1) + rest`` is the hybrid score.

    Attributes
    ----------
    base, rest : float64 array of shape (n_rows,)
        The hybrid score without any deviation; the contributions of all other features.
    feature : int64 array of shape (n_rows, n_top)
        Positions of the features that contribute most, the largest contribution first; of equal
        ones the first feature.
    contribution, value : float64 array of shape (n_rows, n_top)
    low, high : float64 array of shape (n_rows, n_top)
        Benign range of the row's device; NaN if the model knows none.
    """

    base: FloatArray
    rest: FloatArray
    feature: IntArray
    contribution: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray
    features: tuple[str, ...]

    def sentences(self) -> list[str]:
        """Return each row's largest contribution in words."""
        columns = (self.feature, self.value, self.low, self.high)
        first = zip(*(column[:, 0].tolist() for column in columns), strict=True)
        return [
            sentence(self.features[feature], value, low, high)
            for feature, value, low, high in first
        ]

    def to_columns(self) -> dict[str, pa.Array]:
        """Return the columns ``base``, ``top``, ``rest`` and ``sentence`` of ``explanations``."""
        names = pa.DictionaryArray.from_arrays(
            pa.array(self.feature.ravel(), pa.int32()), pa.array(self.features)
        ).cast(pa.string())
        numbers = {
            name: pa.array(getattr(self, name).ravel(), from_pandas=True)
            for name in ("contribution", "value", "low", "high")
        }
        structs = pa.StructArray.from_arrays([names, *numbers.values()], ["feature", *numbers])
        n_rows, n_top = self.feature.shape
        offsets = pa.array(np.arange(n_rows + 1) * n_top, pa.int32())
        return {
            "base": pa.array(self.base),
            "top": pa.ListArray.from_arrays(offsets, structs),
            "rest": pa.array(self.rest),
            "sentence": pa.array(self.sentences(), pa.string()),
        }


def explain(
    model: Model,
    X: FloatArray,
    devices: IntArray | None = None,
    raw: Mapping[str, FloatArray] | None = None,
) -> Explanations:
    """Explain the hybrid scores of rows.

    Parameters
    ----------
    X : float64 array of shape (n_rows, n_features)
        Finite, unscaled features.
    devices : int64 array of shape (n_rows,) or None
        Device number of each row; None: unknown.
    raw : mapping of str to float64 array of shape (n_rows,) or None
        The rows' raw scores by detector; None: they are scored here.
    """
    attribution = attribute(model, X, devices, raw=raw)
    order = np.argsort(-attribution.contributions, axis=1, kind="stable")
    top, others = order[:, :TOP], order[:, TOP:]
    rest = np.take_along_axis(attribution.contributions, others, axis=1)
    # Models of older bundles know no benign ranges.
    low = high = np.full(X.shape, np.nan)
    if model.reference is not None:
        low, high = model.reference.ranges(devices, len(X))
    return Explanations(
        base=attribution.base,
        rest=np.add.accumulate(rest, axis=1)[:, -1] if others.shape[1] else np.zeros(len(X)),
        feature=top.astype(np.int64),
        contribution=np.take_along_axis(attribution.contributions, top, axis=1),
        value=np.take_along_axis(X, top, axis=1),
        low=np.take_along_axis(low, top, axis=1),
        high=np.take_along_axis(high, top, axis=1),
        features=model.features,
    )
