"""The autoencoder over decay windows: whole LSTMs, each column in its window, early stopping."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.detectors._sequences import last_rows, window_order
from iotscore.detect.detectors._window_network import WindowNetwork
from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.scaling import SignedLogScaler
from iotscore.errors import ConfigError, ModelError, TrainingError
from iotscore.features import FEATURES, SOURCE_FEATURES
from product import autoencoder

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray, IntArray

pytestmark = pytest.mark.keras

ORDER = window_order(FEATURES)
NO_JITTER = tuple(name for name in FEATURES if not name.startswith("HH_jit_"))
SHORT = ("H_L5_weight", "H_L5_mean", "H_L0_1_mean", "H_L0_1_weight")
"""Two windows of two statistics, those of the second the other way round."""


def keras_shapes(n: int, units: int) -> list[tuple[int, ...]]:
    """Return the shapes of Keras' eight weight arrays in its order."""
    gated = [(units, 4 * units), (4 * units,)]
    return [(n, 4 * units), *gated, (units, 4 * units), *gated, (units, n), (n,)]


def random_network(order: IntArray, units: int, scale: float = 0.3) -> WindowNetwork:
    """Return a network of random weights."""
    rng = np.random.default_rng(0)
    shapes = keras_shapes(order.shape[1], units)
    weights = [rng.normal(0, scale, s).astype(np.float32) for s in shapes]
    return WindowNetwork(*weights, window_order=order)


def lstm(steps: list[FloatArray], *weights: Float32Array) -> list[FloatArray]:
    """Return the hidden states of an LSTM with tanh after each step, by the textbook."""
    kernel, recurrent, bias = (weight.astype(np.float64) for weight in weights)
    hidden = np.zeros((steps[0].shape[0], recurrent.shape[0]))
    cell = np.zeros_like(hidden)
    states = []
    for x in steps:
        i, f, g, o = np.split(x @ kernel + hidden @ recurrent + bias, 4, axis=1)
        cell = cell / (1.0 + np.exp(-f)) + np.tanh(g) / (1.0 + np.exp(-i))
        hidden = np.tanh(cell) / (1.0 + np.exp(-o))
        states.append(hidden)
    return states


def textbook_errors(network: WindowNetwork, rows: Float32Array) -> FloatArray:
    """Return mean squared errors of the whole network in float64."""
    steps = [rows[:, columns].astype(np.float64) for columns in network.window_order]
    code = lstm(steps, network.kernel_1, network.recurrent_1, network.bias_1)[-1]
    decoder = (network.kernel_2, network.recurrent_2, network.bias_2)
    decoded = lstm([code] * len(steps), *decoder)
    differences = [
        x - (hidden @ network.kernel_3 + network.bias_3)
        for x, hidden in zip(steps, decoded, strict=True)
    ]
    return np.square(np.concatenate(differences, axis=1)).mean(axis=1)


def test_each_window_holds_its_own_columns_shortest_memory_first() -> None:
    """Step t of the 115 features holds the 23 statistics of decay t, in one order."""
    assert ORDER.shape == (5, 23)
    for step, decay in enumerate(("_L5_", "_L3_", "_L1_", "_L0_1_", "_L0_01_")):
        names = [FEATURES[column] for column in ORDER[step]]
        first = [FEATURES[column] for column in ORDER[0]]
        assert [name.replace(decay, "_L5_") for name in names] == first
    assert sorted(ORDER.ravel()) == list(range(115))


def test_a_subset_of_statistics_or_windows_makes_shorter_sequences() -> None:
    """Without jitter five windows of 20; the order of columns is followed by name."""
    assert window_order(NO_JITTER).shape == (5, 20)
    assert window_order(SHORT).tolist() == [[0, 1], [3, 2]]
    assert window_order(SHORT[::-1]).tolist() == [[2, 3], [1, 0]]


@pytest.mark.parametrize(
    ("features", "fault"),
    [
        (FEATURES[1:], "window L5 has no MI_dir_weight"),
        (FEATURES[:-1], "window L0_01 has no HpHp_pcc"),
        ((*SHORT, "H_L5_pcc"), "window L0_1 has no H_pcc"),
        ((*SHORT, "size"), "'size' names no decay window"),
        (SOURCE_FEATURES, "'MI_dir_L0.1_weight' names no decay window"),
        ((*SHORT, SHORT[1]), "'H_L5_mean' is there twice"),
        ((), "no features"),
    ],
)
def test_features_that_make_no_windows_are_refused(features: tuple[str, ...], fault: str) -> None:
    """The message names window and statistic; a whole record as one step does not care."""
    with pytest.raises(ConfigError, match=fault):
        autoencoder(sequence="windows", features=features)
    assert autoencoder(features=features).sequence == "record"


@pytest.mark.parametrize(
    ("features", "units", "count"), [(FEATURES, 32, 37), (NO_JITTER, 5, 16), (SHORT, 1, 1)]
)
def test_packed_weights_give_the_textbook_lstm(
    features: tuple[str, ...], units: int, count: int
) -> None:
    """Two whole LSTMs over the windows, whatever the widths that padding rounds up."""
    network = random_network(window_order(features), units)
    rows = np.random.default_rng(1).normal(0, 2, (count, len(features))).astype(np.float32)
    assert network.errors(rows) == pytest.approx(textbook_errors(network, rows), rel=1e-5)


@pytest.mark.parametrize("batch", [1, 7, 10_000])
def test_batch_and_position_do_not_change_a_bit(batch: int) -> None:
    """Rows in any order and batch have the same scores, bit for bit."""
    network = random_network(ORDER, 32)
    rows = np.random.default_rng(2).normal(0, 1, (10_000, 115)).astype(np.float32)
    scores = network.errors(rows)
    order = np.random.default_rng(batch).permutation(len(rows))[: 600 * batch]
    parts = [network.errors(rows[order[at : at + batch]]) for at in range(0, len(order), batch)]
    assert np.array_equal(np.concatenate(parts), scores[order])


def test_largest_weights_and_rows_have_finite_scores() -> None:
    """Weights of +-1e6 and values of +-1e30, of random and of one sign, give finite scores."""
    rng = np.random.default_rng(4)
    rows = (1e30 * rng.choice([-1.0, 0.0, 1.0], (200, 115))).astype(np.float32)
    rows[0] = 1e30
    shapes = keras_shapes(23, 64)
    mixed = [(1e6 * rng.choice([-1.0, 1.0], shape)).astype(np.float32) for shape in shapes]
    for weights in (mixed, [np.abs(weight) for weight in mixed]):
        assert np.isfinite(WindowNetwork(*weights, window_order=ORDER).errors(rows)).all()


class Fit(NamedTuple):
    """A fit on real rows with early stopping, and what Keras makes of wilder rows."""

    fitted: LstmAutoencoder
    train: Float32Array
    devices: IntArray
    rows: Float32Array
    keras_scores: FloatArray


def keras_scores(network: WindowNetwork, rows: Float32Array) -> FloatArray:
    """Return mean squared errors of a Keras model with the network's weights."""
    from iotscore.detect.detectors import _keras_fit

    weights = [array for name, array in network.to_arrays().items() if name != "window_order"]
    model = _keras_fit.build("windows", *network.window_order.shape, weights[1].shape[0])
    model.set_weights(weights)
    sequences = rows[:, network.window_order]
    rebuilt = model.predict(sequences, batch_size=10_000, verbose=0)
    return np.square((sequences - rebuilt).astype(np.float64)).mean(axis=(1, 2))


@pytest.fixture(scope="module")
def real_fit(real_rows: tuple[np.ndarray, np.ndarray]) -> Fit:
    """Return one fit on real rows of nine devices; TensorFlow takes seconds to import."""
    train, rows = real_rows
    scaler = SignedLogScaler(10.0).fit(train)
    scaled, scaled_rows = scaler.transform(train), scaler.transform(rows)
    scaled_rows = np.concatenate([scaled_rows, 10 * scaled_rows, 1e6 * scaled_rows])
    devices = np.repeat(np.arange(9), len(train) // 9)
    unfitted = autoencoder(
        units=16, epochs=40, patience=3, batch_size=16, learning_rate=0.03, sequence="windows"
    )
    fitted = unfitted.fit(scaled, devices)
    assert isinstance(fitted.state_, WindowNetwork)
    return Fit(fitted, scaled, devices, scaled_rows, keras_scores(fitted.state_, scaled_rows))


def test_scores_on_real_rows_are_those_of_keras(real_fit: Fit) -> None:
    """Benign rows and attacks, also a million times as far out: within 1e-5 relative of Keras."""
    difference = np.abs(real_fit.fitted.score(real_fit.rows) / real_fit.keras_scores - 1.0)
    assert np.abs(real_fit.rows).max() > 1e6
    assert difference.max() < 1e-5


def test_fitting_stops_early_with_the_best_weights(real_fit: Fit) -> None:
    """It ends three epochs after the best one, whose weights give the best held-out loss."""
    losses = real_fit.fitted.held_out_loss_history_
    assert losses.size < real_fit.fitted.epochs
    assert losses.size == real_fit.fitted.loss_history_.size
    assert np.argmin(losses) == losses.size - 1 - real_fit.fitted.patience
    held_out = last_rows(len(real_fit.train), real_fit.devices, 0.25)
    scores = real_fit.fitted.score(real_fit.train[held_out])
    assert scores.mean() == pytest.approx(losses.min(), rel=1e-5)


def test_scores_do_not_depend_on_the_order_of_columns(real_fit: Fit) -> None:
    """The same weights over shuffled columns give the same bits: names decide, not places."""
    network = real_fit.fitted.state_
    assert isinstance(network, WindowNetwork)
    shuffle = np.random.default_rng(5).permutation(115)
    order = window_order([FEATURES[column] for column in shuffle])
    statistics = [FEATURES[column] for column in ORDER[0]]
    found = [FEATURES[shuffle[column]] for column in order[0]]
    back = order[:, [found.index(name) for name in statistics]]
    arrays = network.to_arrays() | {"window_order": back}
    rows = np.ascontiguousarray(real_fit.rows[:, shuffle])
    scores = WindowNetwork.from_arrays(arrays).errors(rows)
    assert np.array_equal(scores, network.errors(real_fit.rows))


def test_arrays_rebuild_a_fit_of_a_subset() -> None:
    """Columns, losses and settings come back without the names; other widths are refused."""
    rows = np.random.default_rng(3).random((40, 4)).astype(np.float32)
    unfitted = autoencoder(
        units=3, epochs=2, patience=1, sequence="windows", validation_share=0.5, features=SHORT
    )
    fitted = unfitted.fit(rows)
    assert unfitted.state_ is None
    rebuilt = LstmAutoencoder.from_arrays(fitted.to_arrays(), fitted.parameters)
    assert rebuilt == fitted
    assert rebuilt.n_features == 4
    assert np.array_equal(rebuilt.score(rows), fitted.score(rows))
    assert np.array_equal(rebuilt.held_out_loss_history_, fitted.held_out_loss_history_)
    with pytest.raises(ModelError, match=r"5 columns.*4"):
        rebuilt.score(np.zeros((1, 5), dtype=np.float32))
    with pytest.raises(ModelError, match=r"5 columns.*4"):
        unfitted.fit(np.zeros((9, 5), dtype=np.float32))
    for name in fitted.to_arrays():
        others = {key: array for key, array in fitted.to_arrays().items() if key != name}
        with pytest.raises(ModelError, match=name):
            LstmAutoencoder.from_arrays(others, fitted.parameters)


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("window_order", np.array([[0, 1], [3, 4]]), "window_order"),
        ("window_order", np.array([[0, 1], [1, 2]]), "window_order"),
        ("window_order", np.array([[0, 1], [-1, 2]]), "window_order"),
        ("window_order", np.arange(6).reshape(2, 3), r"needed \[\(3, 8\)"),
        ("recurrent_2", np.zeros((3, 8), dtype=np.float32), r"shapes .*\(3, 8\)"),
        ("kernel_3", np.full((2, 2), 2e6, dtype=np.float32), "beyond"),
    ],
)
def test_damaged_networks_are_refused(name: str, value: np.ndarray, fault: str) -> None:
    """An order that would read outside a row never reaches the compiled loops."""
    arrays = random_network(window_order(SHORT), 2).to_arrays()
    with pytest.raises(ModelError, match=fault):
        WindowNetwork.from_arrays(arrays | {name: value})


@given(numbers=st.lists(st.integers(-1, 3), min_size=4, max_size=60), share=st.floats(0.05, 0.95))
def test_the_last_rows_of_each_device_are_held_out(numbers: list[int], share: float) -> None:
    """Per device the share rounded down, none before a fitted row, and never all."""
    devices = np.array(numbers)
    if max(int(share * np.sum(devices == number)) for number in set(numbers)) == 0:
        with pytest.raises(TrainingError, match="rows of one device"):
            last_rows(len(numbers), devices, share)
        return
    held_out = last_rows(len(numbers), devices, share)
    for number in set(numbers):
        marks = held_out[devices == number]
        assert marks.sum() == int(share * marks.size) < marks.size
        assert not (marks[:-1] & ~marks[1:]).any()


def test_rows_of_no_device_are_all_of_one() -> None:
    """Without devices the end of the table is held out."""
    assert last_rows(10, None, 0.25).tolist() == 8 * [False] + 2 * [True]


def test_too_few_rows_to_hold_out_are_told() -> None:
    """The message says how many rows a device needs."""
    with pytest.raises(TrainingError, match=r"at least 4 rows"):
        autoencoder(patience=2).fit(np.zeros((3, 5), dtype=np.float32))


def test_a_diverging_fit_is_an_error() -> None:
    """A loss that is not finite stops training instead of giving a model full of NaN."""
    rows = np.full((8, 4), 1e30, dtype=np.float32)
    with pytest.raises(TrainingError, match="learning rate"):
        autoencoder(units=2, epochs=1, sequence="windows", features=SHORT).fit(rows)
