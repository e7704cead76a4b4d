"""Many records at once: which features lead their explanations."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from iotscore.explain.explanation import explain
from iotscore.explain.sentences import phrase

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.detect.model import Model


class Leading(NamedTuple):
    """A feature and the share of records that it contributes most to."""

    feature: str
    share: float

    def __str__(self) -> str:
        """Return both in words."""
        return f"{phrase(self.feature)} ({self.share:.0%})"


def leading_features(model: Model, X: FloatArray, devices: IntArray, most: int) -> list[Leading]:
    """Return the features that contribute most to the hybrid score of some rows.

    Parameters
    ----------
    model : Model
        The model whose hybrid score is explained.
    X : float64 array of shape (n_rows, n_features)
        At least one row.
    devices : int64 array of shape (n_rows,)
        Device number of each row.
    most : int
        Features wanted, those of most rows first; of equally many the first feature.
    """
    first = explain(model, X, devices).feature[:, 0]
    rows = np.bincount(first, minlength=len(model.features))
    order = np.argsort(-rows, kind="stable")[:most]
    return [Leading(model.features[at], float(rows[at] / first.size)) for at in order if rows[at]]
