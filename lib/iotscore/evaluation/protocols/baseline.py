"""What every detector has to beat: a linear model of the same benign rows, and no model at all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.detect.calibration.threshold import benign_quantile
from iotscore.errors import TrainingError

if TYPE_CHECKING:
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.evaluation.protocols.benign import Benign

LINEAR: Final = "baseline_pca"
FLAG_EVERYTHING: Final = "flag_everything"
_KEPT_VARIANCE: Final = 0.99
_BATCH_ROWS: Final = 10_000


@dataclass(frozen=True, eq=False)
class LinearBaseline:
    """Squared distance of a row to the subspace that holds 99 % of the benign variance.

    Rows are ``sign(x) ln(1 + |x|)``, standardised on the training rows (Jolliffe, "Principal
    Component Analysis", 2002, section 10.1: Q statistic). It knows no devices.
    """

    scaler: StandardScaler
    subspace: PCA
    calibration: FloatArray

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return the squared distances under :data:`LINEAR`; devices do not matter."""
        del device_ids
        return {LINEAR: _distance(self.scaler, self.subspace, X)}

    def threshold(self, name: str, budget: float) -> float:
        """Return the calibration score that at most a share ``budget`` of them exceeds."""
        del name
        return benign_quantile(self.calibration, 1.0 - budget)


def fit_linear_baseline(benign: Benign) -> LinearBaseline:
    """Fit the linear baseline by scikit-learn.

    Raises
    ------
    TrainingError
        If the training rows are all alike: they span nothing.
    """
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import StandardScaler

    rows = benign.train.features
    if not np.ptp(rows, axis=0).any():
        raise TrainingError(
            f"the {len(rows)} benign training row(s) are all alike: a linear baseline needs at"
            " least two different ones; give more benign rows"
        )
    scaler = StandardScaler()
    standardised = scaler.fit_transform(_signed_log(rows))
    subspace = PCA(n_components=_KEPT_VARIANCE, svd_solver="full").fit(standardised)
    calibration = _distance(scaler, subspace, benign.calibration.features)
    return LinearBaseline(scaler, subspace, calibration)


class FlagEverything:
    """Alert on every row: what a detector is worth is what it adds to this."""

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return 1 for every row under :data:`FLAG_EVERYTHING`."""
        del device_ids
        return {FLAG_EVERYTHING: np.ones(len(X))}

    def threshold(self, name: str, budget: float) -> float:
        """Return 0, whatever the budget."""
        del name, budget
        return 0.0


def _signed_log(X: FloatArray) -> FloatArray:
    return np.sign(X) * np.log1p(np.abs(X))


def _distance(scaler: StandardScaler, subspace: PCA, X: FloatArray) -> FloatArray:
    distance = np.empty(len(X))
    for start in range(0, len(X), _BATCH_ROWS):
        batch = slice(start, start + _BATCH_ROWS)
        rows = scaler.transform(_signed_log(X[batch]))
        rest = rows - subspace.inverse_transform(subspace.transform(rows))
        distance[batch] = np.einsum("ij,ij->i", rest, rest)
    return distance
