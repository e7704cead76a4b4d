"""A model under a protocol: fitted on a round's benign rows, with a threshold for any budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from iotscore.detect.fit import fit_model
from iotscore.detect.model import BATCH_MINMAX

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.detect.fit import FitSettings
    from iotscore.detect.model import Model
    from iotscore.evaluation.protocols.benign import Benign, Fit


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model that any budget can be asked of, with the margin of its FitSettings."""

    model: Model
    margin: float

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return normalised and hybrid scores by detector; raw ones if nothing is calibrated."""
        raw = self.model.raw_scores(X, device_ids)
        if self.model.normalisation == BATCH_MINMAX:
            return raw
        return self.model.normalise(raw, device_ids)

    def threshold(self, name: str, budget: float) -> float:  # noqa: ARG002 levels are one scale
        """Return the level above which a share ``budget`` of benign rows is to be expected."""
        return -math.log(self.margin * budget)


def fit_of(settings: FitSettings) -> Fit:
    """Return what fits a model by these settings on the benign rows of a round."""

    def fit(benign: Benign) -> Trained:
        train, calibration = benign.train, benign.calibration
        devices = (train.device_ids, calibration.device_ids)
        chosen = replace(settings, features=benign.feature_names)
        model = fit_model(train.features, calibration.features, chosen, devices=devices)
        return Trained(model, settings.margin)

    return fit
