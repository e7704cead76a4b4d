"""The whole model: what it fits on which rows, and the columns that come out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import pytest

from iotscore.detect.calibration.linear import ScoreCalibration
from iotscore.detect.calibration.threshold import share_above
from iotscore.detect.fit import fit_model
from iotscore.detect.model import Model
from iotscore.detect.scaling import MinMaxScaler
from iotscore.errors import ConfigError, ModelError, TrainingError
from iotscore.features import FEATURES
from product import fit_of_product

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.detect.detector import Float32Array, FloatArray, IntArray


@dataclass(frozen=True)
class Distance:
    """Score a row by its distance from the mean of the fitted ones, times a factor."""

    name: ClassVar[str] = "first"
    is_quick: ClassVar[bool] = True
    factor: float = 1.0
    centre_: FloatArray | None = None

    def fit(
        self,
        X: Float32Array,
        devices: IntArray | None = None,  # noqa: ARG002 one mean for all devices
        progress: Callable[[int, float], None] | None = None,
    ) -> Self:
        """Remember the mean."""
        if progress is not None:
            progress(1, float(len(X)))
        return replace(self, centre_=X.mean(axis=0, dtype=np.float64))

    def score(
        self,
        X: Float32Array,
        devices: IntArray | None = None,  # noqa: ARG002 one mean for all devices
    ) -> FloatArray:
        """Return the scaled distance."""
        return self.factor * np.abs(X - self.centre_).sum(axis=1)

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the factor."""
        return {"factor": self.factor}


class Second(Distance):
    """The same under another name."""

    name: ClassVar[str] = "second"


class Slow(Distance):
    """The same, but too slow to be fitted again for calibration."""

    is_quick: ClassVar[bool] = False


class Third(Distance):
    """And a third one: nothing may assume a pair."""

    name: ClassVar[str] = "third"


SETTINGS = fit_of_product(
    detectors=(Distance(), Second(10.0), Third(0.5)),
    weights={"second": 0.5, "first": 0.3, "third": 0.2},
    scaler=MinMaxScaler("keep", 0.0),
    false_positive_rate=0.1,
    margin=1.0,
    features=("a", "b"),
)
RNG = np.random.default_rng(0)
TRAIN, CALIBRATION, OTHER = RNG.random((50, 2)), RNG.random((41, 2)), 3 * RNG.random((30, 2))
BENIGN = np.concatenate([TRAIN, CALIBRATION])


def test_columns_come_in_the_order_of_the_detectors() -> None:
    """Each detector gives score, norm and flag; the hybrid score and flag come last."""
    columns = fit_model(TRAIN, CALIBRATION, SETTINGS).score(OTHER)
    expected = [f"{name}_{what}" for name in ("first", "second", "third") for what in (
        "score", "norm", "flag")]  # fmt: skip
    assert list(columns) == [*expected, "hybrid_score", "is_anomaly", "severity"]
    assert {str(column.dtype) for column in columns.values()} == {"float64", "bool"}
    assert {column.shape for column in columns.values()} == {(30,)}


def test_columns_follow_from_the_raw_scores_by_arithmetic() -> None:
    """Norms, hybrid score and flags are the stated formulas over the raw scores."""
    model = fit_model(TRAIN, CALIBRATION, SETTINGS)
    columns = model.score(OTHER)
    scaler = MinMaxScaler("keep", 0.0).fit(BENIGN)
    raw = Second(10.0).fit(scaler.transform(BENIGN)).score(scaler.transform(OTHER))
    assert np.array_equal(columns["second_score"], raw)
    assert np.array_equal(columns["second_norm"], model.calibrations["second"].normalise(raw))
    assert np.array_equal(columns["second_flag"], raw > model.thresholds["second"])
    summed = sum(SETTINGS.weights[name] * columns[f"{name}_norm"] for name in SETTINGS.weights)
    hybrid = model.hybrid_tail.pooled.normalise(summed)
    assert np.array_equal(columns["hybrid_score"], hybrid)
    assert np.array_equal(columns["is_anomaly"], hybrid > model.thresholds["hybrid"])
    assert np.array_equal(columns["severity"], 100.0 * hybrid / (hybrid + 3.0))


def test_a_linear_model_keeps_its_formulas() -> None:
    """Models of earlier versions map scores linearly; they have no tail and so no severity."""
    fitted = fit_model(TRAIN, CALIBRATION, SETTINGS)
    maps = {name: ScoreCalibration(1.0, 3.0) for name in fitted.detectors}
    model = replace(fitted, calibrations=maps, hybrid_tail=None, thresholds={"hybrid": 0.5})
    columns = model.score(OTHER)
    assert model.normalisation == "frozen"
    assert np.array_equal(columns["second_norm"], (columns["second_score"] - 1.0) / 2.0)
    hybrid = sum(SETTINGS.weights[name] * columns[f"{name}_norm"] for name in SETTINGS.weights)
    assert np.array_equal(columns["hybrid_score"], hybrid)
    assert np.array_equal(columns["is_anomaly"], hybrid > 0.5)
    assert "severity" not in columns


def test_benign_rows_set_norms_and_thresholds() -> None:
    """About the promised share of benign rows is flagged; equal levels are equal thresholds."""
    model = fit_model(TRAIN, CALIBRATION, SETTINGS)
    columns = model.score(BENIGN)
    for name in ("first", "second", "third", "hybrid"):
        assert 0.05 < share_above(columns[f"{name}_score"], model.thresholds[name]) <= 0.12
    for name in model.detectors:
        at_threshold = model.calibrations[name].normalise(np.array([model.thresholds[name]]))
        assert at_threshold == pytest.approx([-np.log(0.1)])


def test_fitting_does_not_touch_rows_or_settings() -> None:
    """Training rows stay as they were, and the settings' detectors stay unfitted."""
    train, calibration = TRAIN.copy(), CALIBRATION.copy()
    fit_model(train, calibration, SETTINGS)
    assert np.array_equal(train, TRAIN)
    assert np.array_equal(calibration, CALIBRATION)
    assert SETTINGS.detectors[0].centre_ is None
    assert SETTINGS.scaler.scale_.size == 0


def test_batch_minmax_leaves_raw_scores_until_everything_is_scored() -> None:
    """Without calibrations only raw scores come out; given the extremes, all columns do."""
    model = fit_model(TRAIN, CALIBRATION, replace(SETTINGS, normalisation="batch_minmax"))
    raw = model.raw_scores(OTHER)
    assert list(model.score(OTHER)) == ["first_score", "second_score", "third_score"]
    calibrations = {n: ScoreCalibration(s.min(), s.max()) for n, s in raw.items()}
    columns = model.finish(raw, calibrations, {"hybrid": 0.5})
    assert [name for name in columns if name.endswith("flag")] == []
    assert (columns["first_norm"].min(), columns["first_norm"].max()) == (0.0, 1.0)
    assert np.array_equal(columns["is_anomaly"], columns["hybrid_score"] > 0.5)


def test_an_empty_batch_has_every_column() -> None:
    """No rows give the same columns and types with length 0."""
    model = fit_model(TRAIN, CALIBRATION, SETTINGS)
    empty, some = model.score(np.empty((0, 2))), model.score(OTHER)
    assert {k: v.dtype for k, v in empty.items()} == {k: v.dtype for k, v in some.items()}
    assert {column.shape for column in empty.values()} == {(0,)}


def test_wrong_widths_are_refused_with_both_numbers() -> None:
    """Scoring, training and calibration rows are all checked against the features."""
    model = fit_model(TRAIN, CALIBRATION, SETTINGS)
    with pytest.raises(ModelError, match=r"the model got 3 columns and needs 2"):
        model.raw_scores(np.zeros((1, 3)))
    with pytest.raises(ModelError, match=r"calibration got 3 columns and needs 2"):
        fit_model(TRAIN, np.zeros((1, 3)), SETTINGS)
    with pytest.raises(ModelError, match=r"training got 2 columns and needs 115"):
        fit_model(TRAIN, CALIBRATION, replace(SETTINGS, features=FEATURES))


def test_no_rows_to_fit_or_calibrate_is_an_error() -> None:
    """Either empty set is named by what needs it."""
    slow = replace(SETTINGS, detectors=(Slow(),), weights={"first": 1.0})
    with pytest.raises(TrainingError, match="scaler"):
        fit_model(TRAIN[:0], CALIBRATION[:0], SETTINGS)
    with pytest.raises(TrainingError, match="calibrat"):
        fit_model(TRAIN, CALIBRATION[:0], slow)


def test_progress_names_the_detector() -> None:
    """The caller learns which detector reports."""
    told: list[tuple[str, int, float]] = []
    fit_model(TRAIN, CALIBRATION, SETTINGS, lambda *event: told.append(event))
    assert told == [("first", 1, 91.0), ("second", 1, 91.0), ("third", 1, 91.0)]


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"detectors": (Distance(), Distance())}, "once"),
        ({"detectors": ()}, "at least one"),
        ({"weights": {"first": 1.0}}, "one weight"),
        ({"weights": {"first": 1.0, "second": 1.0, "third": 1.0}}, "sum to 1"),
        ({"normalisation": "none"}, "batch_minmax"),
    ],
)
def test_settings_that_do_not_belong_together_are_refused(
    change: dict[str, Any], fault: str
) -> None:
    """The fault is found before anything is fitted."""
    with pytest.raises(ConfigError, match=fault):
        replace(SETTINGS, **change)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"weights": {"first": 1.0}}, "one weight"),
        ({"calibrations": {"first": ScoreCalibration(0.0, 1.0)}}, "calibrates"),
        ({"thresholds": {"fourth": 1.0}}, "fourth"),
        ({"features": ("a", "b", "c")}, "3 features"),
    ],
)
def test_models_that_do_not_belong_together_are_refused(change: dict[str, Any], fault: str) -> None:
    """A stored model with parts of another is an error when it is built, not when it scores."""
    model = fit_model(TRAIN, CALIBRATION, SETTINGS)
    parts = {name: getattr(model, name) for name in Model.__dataclass_fields__}
    with pytest.raises(ModelError, match=fault):
        Model(**(parts | change))
