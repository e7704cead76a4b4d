"""Explanations: nothing of a hybrid score is lost, and the feature that was moved is named."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.config.fit import fit_settings
from iotscore.detect.attribution import attribute
from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.fit import fit_model
from iotscore.explain.explanation import TOP, explain
from iotscore.explain.sentences import sentence
from iotscore.features import FEATURES
from traffic_files import make_features

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.model import Model

DEVICES = np.arange(400) % 2
CASES = {
    "default": ("detectors.iforest.weight=0", "normalisation.least_device_rows=100"),
    "all detectors": ("detectors.iforest.weight=1", "detectors.lstm.weight=1"),
    "minmax": (
        *("scaling.method=minmax", "detectors.neighbours=null"),
        *("detectors.envelope=null", "detectors.iforest.weight=0.4", "detectors.lstm.weight=0.6"),
    ),
}


@pytest.fixture(scope="module", params=CASES)
def model(request: pytest.FixtureRequest, settings: Callable[..., Any]) -> Model:
    """Return a fitted model of each kind in turn."""
    chosen = settings("default", *CASES[request.param])
    rows = make_features(400, seed=0)
    halves = (rows[:200], rows[200:])
    return fit_model(*halves, fit_settings(chosen), None, (DEVICES[:200], DEVICES[200:]))


@given(st.integers(0, 2**32 - 1), st.floats(0.0, 1e4))
@settings(max_examples=20)
def test_base_and_contributions_sum_to_the_hybrid_score(
    model: Model, seed: int, shift: float
) -> None:
    """On every row, benign or far away, of a known device or none."""
    rows, devices = make_features(50, seed, shift), np.arange(50) % 4 - 1
    found = attribute(model, rows, devices)
    hybrid = model.score(rows, devices)["hybrid_score"]
    total = found.base + found.contributions.sum(axis=1)
    assert total == pytest.approx(hybrid, rel=1e-9, abs=1e-9)
    explained = explain(model, rows, devices)
    named = explained.base + explained.contribution.sum(axis=1) + explained.rest
    assert named == pytest.approx(hybrid, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("position", [0, 17, 60, 114])
def test_the_feature_that_was_moved_comes_first(model: Model, position: int) -> None:
    """Of a benign row with one feature far outside, that feature is the largest contribution."""
    rows = make_features(5, seed=1)
    rows[:, position] *= 1000.0
    found = explain(model, rows, DEVICES[:5])
    assert (found.feature[:, 0] == position).all()
    assert (found.value[:, 0] == rows[:, position]).all()
    assert (found.value[:, 0] > found.high[:, 0]).all()
    assert (np.diff(found.contribution, axis=1) <= 0.0).all()


def test_columns_are_those_of_the_table(model: Model) -> None:
    """Lists of structs, in the order of contributions, and a sentence for each row."""
    rows = make_features(7, seed=2, shift=9.0)
    found = explain(model, rows, DEVICES[:7])
    columns = {name: column.to_pylist() for name, column in found.to_columns().items()}
    assert [len(top) for top in columns["top"]] == [TOP] * 7
    for row, top in enumerate(columns["top"]):
        assert [one["feature"] for one in top] == [FEATURES[j] for j in found.feature[row]]
        first = [top[0][name] for name in ("feature", "value", "low", "high")]
        assert columns["sentence"][row] == sentence(*first)
    nothing = explain(model, rows[:0], DEVICES[:0]).to_columns()
    assert {len(column) for column in nothing.values()} == {0}


def test_a_model_without_ranges_gives_none(model: Model) -> None:
    """Models of older bundles hold no reference: limits are NULL, and the sentence says less."""
    old = replace(model, reference=None)
    columns = explain(old, make_features(3, seed=3, shift=9.0)).to_columns()
    assert {one["low"] for top in columns["top"].to_pylist() for one in top} == {None}
    assert "did not expect" in columns["sentence"][0].as_py()


def test_calibrations_from_outside_serve_a_model_without(model: Model) -> None:
    """Under ``batch_minmax`` the extremes of what was scored calibrate."""
    rows = make_features(40, seed=4, shift=2.0)
    bare = replace(model, calibrations={}, thresholds={}, hybrid_tail=None)
    raw = bare.raw_scores(rows)
    extremes = {name: ScoreCalibration(one.min(), one.max()) for name, one in raw.items()}
    hybrid = bare.finish(raw, extremes, {})["hybrid_score"]
    found = attribute(bare, rows, None, extremes)
    assert found.base + found.contributions.sum(axis=1) == pytest.approx(hybrid, rel=1e-9, abs=1e-9)
