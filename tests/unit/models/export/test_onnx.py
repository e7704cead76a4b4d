"""The ONNX graph, run by ONNX Runtime, against our kernels: every detector and every fusion."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from iotscore.detect.bundle import DETECTORS
from iotscore.detect.calibration.tail import TailCalibration
from iotscore.detect.fit import fit_model
from iotscore.errors import EnvironmentFaultError
from iotscore.models.export.model_card import RAW_TOLERANCE
from iotscore.models.export.onnx_model import to_onnx
from product import envelope, fit_of_product, forest, neighbours
from traffic_files import make_features

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.detect.model import Model

ALL = tuple(f"detectors.{name}.weight=1" for name in DETECTORS)
CASES = {
    "default": ("normalisation.least_device_rows=100",),
    "all detectors": ALL,
    "clipped": (
        *("scaling.method=minmax", "scaling.out_of_range=clip", "scaling.clip_margin=0.5"),
        "normalisation.least_device_rows=100",
    ),
    "batch_minmax": (
        *("normalisation.mode=batch_minmax", "scaling.method=minmax", "detectors.lstm=null"),
        "detectors.iforest.weight=1",
    ),
}


class Runtime:
    """A model and its graph."""

    def __init__(self, model: Model) -> None:
        self.model = model
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(to_onnx(model, "0" * 12), options)

    def outputs(self, rows: np.ndarray, devices: np.ndarray) -> dict[str, np.ndarray]:
        """Return what the graph makes of rows, by name."""
        names = [one.name for one in self.session.get_outputs()]
        inputs = {"features": np.ascontiguousarray(rows), "device": devices}
        return dict(zip(names, self.session.run(None, inputs), strict=True))

    def require_same(self, rows: np.ndarray, devices: np.ndarray) -> set[str]:
        """Compare both within the stated tolerances; return the names of the outputs."""
        found, raw = self.outputs(rows, devices), self.model.raw_scores(rows, devices)
        # What follows a raw score only rises with it, so between the results of the two ends of its
        # bound lies what any raw scores between them give, however steep a curve is there.
        ends = [self.scores_off_by(part, raw, devices) for part in (-RAW_TOLERANCE, RAW_TOLERANCE)]
        for name, values in found.items():
            least, most = (one[name].astype(np.float64) for one in ends)
            spare = 1e-9 * np.abs(most)
            is_between = (least - spare <= values) & (values <= most + spare)
            assert is_between.all(), (name, values, least, most)
        return set(found)

    def scores_off_by(
        self, part: float, raw: dict[str, np.ndarray], devices: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Return our scores as if each raw one were off by a part of its size."""
        # A rest of two nearly equal float32 numbers has no size to be relative to.
        moved = {k: np.maximum(v + part * v + np.sign(part) * 1e-7, 0.0) for k, v in raw.items()}
        model = self.model
        return model.finish(moved, model.calibrations, model.thresholds, devices)


LINEAR = (
    *("scaling.method=minmax", "detectors.neighbours=null", "detectors.envelope=null"),
    *(
        "detectors.iforest.weight=0.4",
        "detectors.lstm.weight=0.6",
        "detectors.lstm.sequence=record",
    ),
)


@pytest.fixture(scope="module", params=[*CASES, "linear"])
def runtime(
    request: pytest.FixtureRequest, fitted: Callable[..., Model], linear: Callable[..., Model]
) -> Runtime:
    """Return a model of each kind in turn, as a graph."""
    if request.param == "linear":
        return Runtime(linear(*LINEAR))
    return Runtime(fitted(*CASES[request.param]))


@settings(max_examples=25)
@given(
    seed=st.integers(0, 2**32 - 1),
    shift=st.floats(0.0, 1e3),
    power=st.integers(-3, 6),
    rows=st.integers(1, 40),
)
@example(seed=51872781, shift=0.0, power=0, rows=7).via(
    "a hybrid score near 0, and a severity where its curve is steep"
)
def test_the_graph_scores_as_we_do(
    runtime: Runtime, seed: int, shift: float, power: int, rows: int
) -> None:
    """Benign rows and far ones, of both signs, of known devices and unknown ones, one or many."""
    rng = np.random.default_rng(seed)
    values = make_features(rows, seed, shift)
    values[rng.random(rows) < 0.5] *= 10.0**power * rng.choice([-1.0, 1.0])
    runtime.require_same(values, rng.choice([-1, 0, 1, 2, 7], rows))


def test_outputs_are_what_counts(runtime: Runtime) -> None:
    """Each detector with a weight and no other; hybrid ones where the model fuses by itself."""
    model = runtime.model
    wanted = {f"{name}_score" for name, weight in model.weights.items() if weight}
    wanted |= {"hybrid_score", "is_anomaly"} if model.calibrations else set()
    wanted |= {"severity"} if model.hybrid_tail is not None else set()
    assert runtime.require_same(make_features(3, 1), np.array([0, 1, -1])) == wanted


def test_a_row_has_the_same_outputs_in_any_batch(fitted: Callable[..., Model]) -> None:
    """Nothing is looked up among the other rows; rounding alone may differ."""
    runtime = Runtime(fitted(*CASES["default"]))
    rows, devices = make_features(50, 3, 2.0), np.arange(50) % 3
    whole = runtime.outputs(rows, devices)
    for at in (0, 17, 49):
        alone = runtime.outputs(rows[at : at + 1], devices[at : at + 1])
        for name, values in alone.items():
            assert values[0] == pytest.approx(whole[name][at], rel=1e-9)


def test_the_graph_follows_a_curve_to_its_ends(fitted: Callable[..., Model]) -> None:
    """At a knot, between two, below the first and above the last: one knot, or two, is enough."""
    model = fitted("detectors.iforest=null", "detectors.lstm=null")
    for knots, levels in (([1.0], [0.5]), ([0.0, 3.0], [0.1, 4.0])):
        curve = TailCalibration(np.array(knots), np.array(levels), np.array([0.3]))
        flat = dict.fromkeys(model.calibrations, curve)
        bent = replace(
            model, calibrations=flat, hybrid_tail=replace(model.hybrid_tail, pooled=curve, own={})
        )
        rows = np.concatenate([np.zeros((1, 115)), np.logspace(-3, 8, 115 * 30).reshape(30, 115)])
        Runtime(bent).require_same(rows, np.zeros(31, dtype=np.int64))


def test_equal_models_give_equal_graphs(fitted: Callable[..., Model]) -> None:
    """As a bundle has one sequence of bytes, so has a graph."""
    model = fitted(*CASES["default"])
    assert to_onnx(model, "a") == to_onnx(model, "a")


def test_real_rows(nbaiot: Path) -> None:
    """Sample rows of N-BaIoT, benign and attacks, by a model of three detectors fitted on them."""
    paths = sorted(nbaiot.glob("sample/*.*.csv"))
    tables = [np.loadtxt(path, delimiter=",", skiprows=1) for path in paths]
    numbers = [int(path.name.split(".")[0]) for path in paths]
    benign = [at for at, path in enumerate(paths) if "benign" in path.name]
    halves = [np.concatenate([tables[at][part] for at in benign]) for part in (_FIRST, _SECOND)]
    whose = [np.repeat([numbers[at] for at in benign], len(one) // len(benign)) for one in halves]
    detectors = (forest(), neighbours(), envelope())
    weights = dict.fromkeys([one.name for one in detectors], 1 / 3)
    chosen = fit_of_product(
        detectors, weights, false_positive_rate=0.01, margin=1.0, least_device_rows=200
    )
    model = fit_model(*halves, chosen, None, (whose[0], whose[1]))
    rows = np.concatenate([table[5::25] for table in tables])
    devices = np.repeat(numbers, [len(table[5::25]) for table in tables])
    runtime = Runtime(model)
    assert runtime.require_same(rows, devices) >= {"severity", "neighbours_score"}
    found, expected = runtime.outputs(rows, devices), model.score(rows, devices)
    for name in ("hybrid_score", "severity"):
        np.testing.assert_allclose(found[name], expected[name], rtol=1e-4, atol=1e-7, err_msg=name)


_FIRST, _SECOND = slice(0, 133), slice(133, 266)


def test_without_the_package_it_says_what_to_install(
    fitted: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An import that fails is told as something to mend."""
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(EnvironmentFaultError, match=r"pip install 'iotscore\[onnx\]'"):
        to_onnx(fitted(*CASES["default"]), "a")
