"""Many records at once: the feature that was moved leads, by its share of the records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.config.fit import fit_settings
from iotscore.detect.fit import fit_model
from iotscore.features import FEATURES
from iotscore.promotion.challenge import leading_features
from traffic_files import make_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.model import Model


@pytest.fixture(scope="module")
def model(settings: Callable[..., Any]) -> Model:
    """Return a model of one device."""
    chosen = settings("default", "detectors.iforest=null", "detectors.lstm=null")
    rows = make_features(200, seed=0)
    return fit_model(rows[:100], rows[100:], fit_settings(chosen))


def test_moved_features_lead_by_their_share(model: Model) -> None:
    """Three records in four have one feature far away, the fourth another one."""
    rows = make_features(40, seed=1)
    rows[:30, 7] = 1e9
    rows[30:, 100] = 1e9
    devices = np.full(40, -1)
    found = leading_features(model, rows, devices, 3)
    assert found == [(FEATURES[7], 0.75), (FEATURES[100], 0.25)]
    assert str(found[0]).endswith(" (75%)")
    assert leading_features(model, rows, devices, 1) == found[:1]
