"""Isolation forest: scikit-learn fits it, flat arrays carry it, a compiled kernel scores it.

References
----------
.. [1] Liu, Ting, Zhou, "Isolation Forest", ICDM 2008.
.. [2] scikit-learn, ``sklearn.ensemble.IsolationForest``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np

from iotscore.bounds import Bounds, Count, check_bounds
from iotscore.detect.detector import require_rows
from iotscore.detect.detectors._learned import Learned
from iotscore.detect.detectors._tree_shap import path_length_attributions
from iotscore.detect.detectors._trees import Trees, average_path_length, flatten

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray, IntArray, Progress


@dataclass(frozen=True)
class IsolationForestOptions:
    """How many trees of which size; :class:`IsolationForestDetector` explains both."""

    n_estimators: Count
    max_samples: Literal["auto"] | Annotated[int, Bounds(ge=2)]

    def __post_init__(self) -> None:
        """Refuse what is out of bounds."""
        check_bounds(self, IsolationForestOptions)


@dataclass(frozen=True)
class IsolationForestDetector(IsolationForestOptions, Learned[Trees]):
    """Score a row by how few random splits isolate it.

    The score is ``2 ** -(mean path length / c(max_samples))`` [1]_, in (0, 1]: near 1 when few
    splits suffice, near 0.5 or below in the bulk. It is minus scikit-learn's ``score_samples``.
    Scoring costs about ``n_estimators * log2(max_samples)`` comparisons a row.

    Parameters
    ----------
    n_estimators : int
        Number of trees, 1 or more.
    max_samples : "auto" or int
        Rows drawn for each tree; ``"auto"`` is 256. Never more than there are rows.
    random_state : int
        Seed: the same seed and rows give the same forest, bit for bit.
    """

    name: ClassVar[str] = "iforest"
    title: ClassVar[str] = "the isolation forest"
    is_quick: ClassVar[bool] = False

    random_state: int

    def fit(
        self, X: Float32Array, devices: IntArray | None = None, progress: Progress | None = None
    ) -> Self:
        """Return a copy fitted with scikit-learn's ``IsolationForest``, on two rows or more."""
        from sklearn.ensemble import IsolationForest

        require_rows(X, 2, self.title)
        max_samples = 256 if self.max_samples == "auto" else self.max_samples
        forest = IsolationForest(
            n_estimators=self.n_estimators,
            max_samples=min(max_samples, X.shape[0]),
            contamination="auto",
            random_state=self.random_state,
            n_jobs=1,
        ).fit(X)
        return replace(self, state_=flatten(forest))

    def score(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return scores in (0, 1], float64 of shape (n_rows,), higher = more anomalous."""
        # scikit-learn returns minus this, so that low means anomalous; ours is the paper's sign.
        return self._fitted_for(X).scores(X)

    def contributions(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return by how many splits each feature shortens the mean path, exactly (TreeSHAP).

        A row's sum is the mean path length of the fitted rows minus its own.
        """
        return -path_length_attributions(self._fitted_for(X), X)[1]

    @property
    def baseline(self) -> float:
        """The score of a row whose path is as long as those of the fitted rows in the mean."""
        trees = self._fitted()
        nothing = np.empty((0, trees.n_features), dtype=np.float32)
        mean_path, _ = path_length_attributions(trees, nothing)
        return float(2.0 ** (-mean_path / average_path_length(trees.max_samples)))

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted forest; trees that point outside themselves are refused."""
        return cls(**parameters, state_=Trees.from_arrays(arrays))
