"""Why a record has its hybrid score: what each feature contributes.

Each detector says what the features contribute to its score's distance from a baseline. A hybrid
score is a chain of monotone steps over those: levels, their weighted sum, the sum's own level. Each
step hands its rise on in proportion to the rises that went into it (the rescale rule), so that
nothing is lost on the way: baseline and contributions sum to the hybrid score.

References
----------
.. [1] Shrikumar, Greenside, Kundaje, "Learning Important Features Through Propagating Activation
   Differences", ICML 2017: the rescale rule.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.detect.calibration import Calibration
    from iotscore.detect.detector import Float32Array, FloatArray, IntArray
    from iotscore.detect.model import Model


@dataclass(frozen=True, eq=False)
class Attribution:
    """Hybrid scores taken apart: ``base + contributions.sum(axis=1)``, up to rounding.

    Attributes
    ----------
    base : float64 array of shape (n_rows,)
        The hybrid score that the row's device has where nothing is to be explained.
    contributions : float64 array of shape (n_rows, n_features)
        Above 0: the feature makes the row more anomalous.
    """

    base: FloatArray
    contributions: FloatArray


def attribute(
    model: Model,
    X: FloatArray,
    devices: IntArray | None = None,
    calibrations: Mapping[str, Calibration] | None = None,
    raw: Mapping[str, FloatArray] | None = None,
) -> Attribution:
    """Take the hybrid scores of rows apart.

    Detectors without weight do not count in the hybrid score, and contribute nothing.

    Parameters
    ----------
    model : Model
        The model whose hybrid score is explained.
    X : float64 array of shape (n_rows, n_features)
        Finite, unscaled features.
    devices : int64 array of shape (n_rows,) or None
        Device number of each row; None: unknown.
    calibrations : mapping of str to calibration or None
        One per detector, for a model that holds none (``batch_minmax``).
    raw : mapping of str to float64 array of shape (n_rows,) or None
        What :meth:`Model.raw_scores` returned for the rows; None: they are scored here.

    Raises
    ------
    ModelError
        If ``X`` has another number of columns.
    """
    scaled = model.scaler.transform(X)
    known = model.calibrations if calibrations is None else calibrations
    counted = [name for name, weight in model.weights.items() if weight > 0.0]
    parts = np.zeros(X.shape)
    rise, start = np.zeros(X.shape[0]), np.zeros(X.shape[0])
    for name in counted:
        weight, calibration = model.weights[name], known[name]
        at_baseline = calibration.normalise(np.array([model.detectors[name].baseline]))[0]
        score = model.detectors[name].score(scaled, devices) if raw is None else raw[name]
        of_detector = weight * (calibration.normalise(score) - at_baseline)
        parts += _shared(model, name, scaled, devices, of_detector)
        rise += of_detector
        start += weight * at_baseline
    base = model.hybrid_scores(start, devices)
    steepness = _ratio(model.hybrid_scores(start + rise, devices) - base, rise)
    return Attribution(base, parts * steepness[:, np.newaxis])


def _shared(
    model: Model, name: str, scaled: Float32Array, devices: IntArray | None, rise: FloatArray
) -> FloatArray:
    """Return what each feature has in the rise of a detector's weighted level."""
    shares = model.detectors[name].contributions(scaled, devices)
    # Added from left to right: NumPy's own sum depends on the layout of the array.
    total = np.add.accumulate(shares, axis=1)[:, -1]
    return shares * _ratio(rise, total)[:, np.newaxis]


def _ratio(above: FloatArray, below: FloatArray) -> FloatArray:
    """Return the quotient, 0 where the divisor is 0."""
    return np.divide(above, below, out=np.zeros_like(above), where=below != 0.0)
