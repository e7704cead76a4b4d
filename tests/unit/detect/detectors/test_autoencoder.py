"""The autoencoder: Keras' scores from folded weights, the same bits at every position."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest

from iotscore.detect.detectors._network import Network, fold
from iotscore.detect.kernels import autoencoder as kernel
from iotscore.detect.scaling import MinMaxScaler
from iotscore.errors import ConfigError, ModelError, TrainingError
from product import autoencoder

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray
    from iotscore.detect.detectors.autoencoder import LstmAutoencoder

pytestmark = pytest.mark.keras

LIB = Path(__file__).parents[4] / "lib"


def keras_shapes(n: int, units: int) -> list[tuple[int, ...]]:
    """Return the shapes of Keras' eight weight arrays in its order."""
    first = [(n, 4 * units), (units, 4 * units), (4 * units,)]
    return [*first, (units, 4 * n), (n, 4 * n), (4 * n,), (n, n), (n,)]


def random_weights(n: int, units: int, seed: int = 0) -> list[Float32Array]:
    """Return random weights in the shapes of Keras."""
    rng = np.random.default_rng(seed)
    return [rng.normal(0, 0.3, shape).astype(np.float32) for shape in keras_shapes(n, units)]


def lstm_step(
    x: FloatArray, kernel: FloatArray, recurrent: FloatArray, bias: FloatArray
) -> FloatArray:
    """Return an LSTM layer's output after one step from a zero state, by the textbook."""
    before = np.zeros((x.shape[0], recurrent.shape[0]))
    cell = np.zeros_like(before)
    gates = x @ kernel + before @ recurrent + bias
    i, f, g, o = np.split(gates, 4, axis=1)

    def sigmoid(z: FloatArray) -> FloatArray:
        return 1.0 / (1.0 + np.exp(-z))

    cell = sigmoid(f) * cell + sigmoid(i) * np.maximum(g, 0.0)
    return sigmoid(o) * np.maximum(cell, 0.0)


@pytest.mark.parametrize(("n", "units", "count"), [(115, 64, 37), (5, 3, 16), (1, 1, 1)])
def test_folded_weights_give_the_textbook_lstm(n: int, units: int, count: int) -> None:
    """Without recurrent kernel and forget gate the score is still that of two whole LSTMs."""
    weights = random_weights(n, units)
    exact = [weight.astype(np.float64) for weight in weights]
    rows = np.random.default_rng(1).normal(0, 2, (count, n)).astype(np.float32)
    decoded = lstm_step(lstm_step(rows.astype(np.float64), *exact[:3]), *exact[3:6])
    expected = np.square(rows - (decoded @ exact[6] + exact[7])).mean(axis=1)
    assert fold(weights).errors(rows) == pytest.approx(expected, rel=1e-5)


def test_sigmoid_is_accurate_and_never_overflows() -> None:
    """The relative error is below 5e-7 between -80 and 80; beyond, it goes to 0 and 1."""
    z = np.linspace(-80, 80, 20001, dtype=np.float32)
    expected = 1.0 / (1.0 + np.exp(-z.astype(np.float64)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.array([kernel.sigmoid(value) for value in z])
        assert kernel.sigmoid(np.float32(-1e30)) < 1e-37
        assert kernel.sigmoid(np.float32(1e30)) == 1.0
    assert np.abs(found / expected - 1.0).max() < 5e-7


def test_tanh_is_accurate_near_0_and_never_overflows() -> None:
    """The relative error is below 5e-7 from 1e-30 to 40, of either sign; 0 stays 0."""
    sizes = np.concatenate([np.geomspace(1e-30, 1, 4001), np.linspace(0.05, 40, 16001)])
    z = np.concatenate([-sizes, sizes]).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = np.array([kernel.tanh(value) for value in z])
        ends = [kernel.tanh(np.float32(value)) for value in (-1e30, 0.0, 1e30)]
    assert np.abs(found / np.tanh(z.astype(np.float64)) - 1.0).max() < 5e-7
    assert ends == [-1.0, 0.0, 1.0]


@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_batch_and_position_do_not_change_a_bit(batch: int) -> None:
    """Rows in any order and batch have the same scores, bit for bit."""
    network = fold(random_weights(115, 64))
    rows = np.random.default_rng(2).normal(0, 1, (10_000, 115)).astype(np.float32)
    scores = network.errors(rows)
    order = np.random.default_rng(batch).permutation(len(rows))[: 600 * batch]
    parts = [network.errors(rows[order[at : at + batch]]) for at in range(0, len(order), batch)]
    assert np.array_equal(np.concatenate(parts), scores[order])


class Fit(NamedTuple):
    """A short fit on real rows, and what Keras makes of rows up to a million times as large."""

    fitted: LstmAutoencoder
    rows: Float32Array
    keras_scores: FloatArray
    epochs: list[tuple[int, float]]


@pytest.fixture(scope="module")
def real_fit(real_rows: tuple[np.ndarray, np.ndarray]) -> Fit:
    """Return one Keras fit on real rows; TensorFlow takes seconds to import."""
    from iotscore.detect.detectors import _keras_fit

    train, rows = real_rows
    scaler = MinMaxScaler("keep", 0.0).fit(train)
    scaled, scaled_rows = scaler.transform(train), scaler.transform(rows)
    scaled_rows = np.concatenate([scaled_rows, 10 * scaled_rows, 1e6 * scaled_rows])
    epochs: list[tuple[int, float]] = []
    detector = autoencoder(epochs=8, batch_size=64)
    sequences = scaled[:, np.newaxis]
    model = _keras_fit.build("record", 1, 115, 64)
    fitted = _keras_fit.fit(detector, detector.random_state, sequences, sequences[:0], None)
    model.set_weights(fitted.weights)
    rebuilt = model.predict(scaled_rows[:, np.newaxis, :], batch_size=10_000, verbose=0)[:, 0, :]
    difference = (scaled_rows - rebuilt).astype(np.float64)
    fitted = detector.fit(scaled, progress=lambda epoch, loss: epochs.append((epoch, loss)))
    return Fit(fitted, scaled_rows, np.square(difference).mean(axis=1), epochs)


def test_scores_on_real_rows_are_those_of_keras(real_fit: Fit) -> None:
    """Benign rows and attacks, up to 800 times the benign range: within 1e-5 relative of Keras.

    A million times further out, the rounding of float32 decides how far a gate is open; there
    both are within 1e-3 of each other. The compared weights come from two fits with one seed, so
    this also says that the same seed gives the same weights.
    """
    scores = real_fit.fitted.score(real_fit.rows)
    difference = np.abs(scores / real_fit.keras_scores - 1.0)
    largest = np.abs(real_fit.rows).max(axis=1)
    assert largest.max() > 1e7
    assert difference[largest < 1e3].max() < 1e-5
    assert difference.max() < 1e-3


def test_progress_tells_each_epoch_and_its_loss(real_fit: Fit) -> None:
    """Epochs count from 1, losses fall and are kept in the model."""
    assert [epoch for epoch, _ in real_fit.epochs] == list(range(1, 9))
    losses = [loss for _, loss in real_fit.epochs]
    assert losses == real_fit.fitted.loss_history_.tolist()
    assert losses[-1] < losses[0]


def test_fitting_writes_nothing_and_scoring_needs_no_tensorflow() -> None:
    """A fit is quiet on both streams; scoring neither imports TensorFlow nor starts threads."""
    code = """
        import os, sys
        import numpy as np
        from iotscore.detect.detectors.autoencoder import LstmAutoencoder

        X = np.random.default_rng(0).random((64, 5)).astype(np.float32)
        detector = LstmAutoencoder(
            units=2, epochs=1, sequence="record", patience=0, batch_size=512, learning_rate=0.001,
            random_state=42,
        )
        if sys.argv[1] == "fit":
            detector.fit(X)
        else:
            zeros = [(5, 6), (6,), (2, 15), (15,), (5, 5), (5,)]
            names = [f"{kind}_{layer}" for layer in (1, 2, 3) for kind in ("kernel", "bias")]
            arrays = {n: np.zeros(s, np.float32) for n, s in zip(names, zeros)}
            arrays["loss_history_"] = np.zeros(1)
            fitted = LstmAutoencoder.from_arrays(arrays, detector.parameters)
            assert np.allclose(fitted.score(X), np.square(X).mean(axis=1))
            assert "tensorflow" not in sys.modules and "keras" not in sys.modules
            # Compiling the first time may import libraries with idle thread pools of their own.
            tasks = "/proc/self/task"
            before = os.listdir(tasks) if os.path.isdir(tasks) else []
            fitted.score(np.tile(X, (500, 1)))
            assert before == (os.listdir(tasks) if before else [])
    """
    for what in ("fit", "score"):
        result = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code), what],
            env={"PYTHONPATH": str(LIB)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_parameters_of_the_first_models_are_unchanged() -> None:
    """Settings that came later are named where they differ: old models keep their version."""
    first = {"units", "epochs", "batch_size", "learning_rate", "random_state"}
    assert set(autoencoder().parameters) == first
    later = autoencoder(patience=2, validation_share=0.5).parameters
    assert {name: later[name] for name in set(later) - first} == {
        "patience": 2,
        "validation_share": 0.5,
    }


def test_a_diverging_fit_is_an_error() -> None:
    """A loss that is not finite stops training instead of giving a model full of NaN."""
    rows = np.full((8, 3), 1e30, dtype=np.float32)
    with pytest.raises(TrainingError, match="learning rate"):
        autoencoder(units=2, epochs=1).fit(rows)


@pytest.mark.parametrize("value", [np.nan, np.inf, 2e6])
def test_wild_weights_are_refused(value: float) -> None:
    """Weights beyond +-1e6 could make a score infinite, so they never become a model."""
    weights = random_weights(4, 2)
    weights[6][0, 0] = value
    with pytest.raises(ModelError, match="weight"):
        fold(weights)


def test_largest_weights_and_rows_have_finite_scores() -> None:
    """Weights of +-1e6 and values of +-1e30, the limits of both, leave no score infinite or NaN."""
    rng = np.random.default_rng(4)
    weights = [np.float32(1e6) * rng.choice([-1, 1], s) for s in keras_shapes(115, 64)]
    rows = np.float32(1e30) * rng.choice([-1, 1], (200, 115))
    one_sided = np.full((1, 115), 1e30)
    network = fold([weight.astype(np.float32) for weight in weights])
    assert np.isfinite(network.errors(rows.astype(np.float32))).all()
    positive = fold([np.abs(weight).astype(np.float32) for weight in weights])
    assert np.isfinite(positive.errors(one_sided.astype(np.float32))).all()


def test_weights_that_do_not_fit_together_are_refused() -> None:
    """A layer of another width is told with the shapes found and needed."""
    arrays = fold(random_weights(4, 2)).to_arrays()
    with pytest.raises(ModelError, match=r"needed \[\(4, 6\)"):
        Network(**(arrays | {"bias_2": np.zeros(9, dtype=np.float32)}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("units", 0),
        ("epochs", 0),
        ("batch_size", 0),
        ("learning_rate", 0),
        ("patience", -1),
        ("validation_share", 0.0),
        ("validation_share", 1.0),
        ("sequence", "rows"),
    ],
)
def test_autoencoder_settings_out_of_bounds_are_refused(name: str, value: float | str) -> None:
    """The message names the setting."""
    with pytest.raises(ConfigError, match=name):
        autoencoder(**{name: value})
