"""A small model as it is stored, and the folder that it is exported to."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.config.fit import fit_settings
from iotscore.detect.bundle import to_bytes, version_of
from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.fit import fit_model
from iotscore.models.export.folder import write_folder
from iotscore.models.registry import described
from iotscore.models.stored import StoredModel, checked
from iotscore.sampling.splits import SplitPlan
from traffic_files import make_features

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.detect.model import Model

DEVICES = np.arange(400) % 2


@pytest.fixture(scope="session")
def fitted(settings: Callable[..., Any]) -> Callable:
    """Return a maker of models of two devices, 0 and 1, by assignments; each is made once."""

    @cache
    def fit(*assignments: str) -> Model:
        chosen = fit_settings(settings("default", *assignments))
        rows = make_features(400, seed=0)
        halves = (rows[:200], rows[200:])
        return fit_model(*halves, chosen, None, (DEVICES[:200], DEVICES[200:]))

    return fit


@pytest.fixture(scope="session")
def linear(fitted: Callable[..., Model]) -> Callable[..., Model]:
    """Return a maker of models as earlier versions fitted them: linear maps, fixed at training."""

    def fit(*assignments: str) -> Model:
        bare = fitted("normalisation.mode=batch_minmax", *assignments)
        raw = bare.raw_scores(make_features(400, seed=0), DEVICES)
        maps = {
            name: ScoreCalibration(*np.quantile(scores, [0.5, 0.99]).tolist())
            for name, scores in raw.items()
        }
        return replace(bare, calibrations=maps, thresholds=dict.fromkeys([*maps, "hybrid"], 1.0))

    return fit


@pytest.fixture(scope="session")
def stored_as(settings: Callable[..., Any]) -> Callable[[Model], StoredModel]:
    """Return a function that stores a model as training does."""

    def store(model: Model) -> StoredModel:
        bundle = to_bytes(model)
        manifest = {
            "model_version": version_of(bundle),
            "parameters": settings("default").to_dict(),
            **described(model),
            "split": SplitPlan(42, 1.0, {}).to_json(),
            "training_files": [],
            "rows": {"train": 200, "calibration": 200},
            "is_synthetic": True,
            "false_positive_rate": 0.05,
        }
        return checked(version_of(bundle), bundle, None, json.dumps(manifest), "train again")

    return store


@pytest.fixture(scope="session")
def stored(fitted: Callable[..., Model], stored_as: Callable[[Model], StoredModel]) -> StoredModel:
    """Return a model of the default profile, without the detectors that take long to fit."""
    return stored_as(fitted("detectors.iforest=null", "detectors.lstm=null"))


@pytest.fixture(scope="session")
def folder(stored: StoredModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the stored model, without a graph; read it, do not write."""
    place = tmp_path_factory.mktemp("exported")
    write_folder(place, stored, None)
    return place
