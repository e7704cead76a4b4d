"""A model under a protocol: fitted on a round's benign rows, with a threshold for any budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iotscore.detect.fit import fit_model
from iotscore.detect.model import BATCH_MINMAX, TAIL
from iotscore.detect.threshold import benign_quantile
from iotscore.errors import ConfigError
from iotscore.features import HYBRID

if TYPE_CHECKING:
    from iotscore.detect.fit import FitProgress, FitSettings
    from iotscore.detect.model import Model
    from iotscore.detect.protocol import FloatArray, IntArray
    from iotscore.evaluation.protocols import Benign, Fit


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model that any budget can be asked of.

    Attributes
    ----------
    model
        What scores.
    margin
        See :class:`iotscore.detect.fit.FitSettings`.
    calibration_scores
        Scores of the calibration rows, by detector; without a tail they give the thresholds.
    """

    model: Model
    margin: float
    calibration_scores: dict[str, FloatArray]

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return normalised scores by detector, and fused; raw ones if nothing is calibrated."""
        return _scores(self.model, X, device_ids)

    def threshold(self, name: str, budget: float) -> float:
        """Return the score above which a share ``budget`` of benign rows is to be expected.

        Raises
        ------
        ConfigError
            The model has no thresholds without labels.
        """
        if self.model.normalisation == TAIL:
            return -math.log(self.margin * budget)
        if self.model.normalisation == BATCH_MINMAX:
            message = (
                "normalisation batch_minmax sets thresholds with labels: only the protocol reports "
                "measures it; use --protocol reports, or another profile"
            )
            raise ConfigError(message)
        return benign_quantile(self.calibration_scores[name], 1.0 - budget)


def fit_of(settings: FitSettings, progress: FitProgress | None = None) -> Fit:
    """Return what fits a model by these settings on the benign rows of a round."""

    def fit(benign: Benign) -> Trained:
        train, calibration = benign.train, benign.calibration
        devices = (train.device_ids, calibration.device_ids)
        chosen = replace(settings, features=benign.feature_names)
        model = fit_model(train.features, calibration.features, chosen, progress, devices)
        scores = _scores(model, calibration.features, calibration.device_ids)
        return Trained(model, settings.margin, scores)

    return fit


def _scores(model: Model, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
    raw = model.raw_scores(X, device_ids)
    if model.normalisation == BATCH_MINMAX:
        return raw
    found = model.normalise(raw, device_ids)
    return {**{name: found[name] for name in model.detectors}, HYBRID: found[HYBRID]}
