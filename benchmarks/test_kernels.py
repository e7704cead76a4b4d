"""Kernels beside the libraries they stand in for: one thread, 10,000 rows: ``make bench-kernels``.

Rows are synthetic; scikit-learn and Keras hold the same fitted models. Every pair must give the
same scores before it is timed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyarrow import csv
from threadpoolctl import threadpool_limits

from agreement import FOREST_TOLERANCE, NETWORK_TOLERANCE
from ingest_limit import traffic_files
from iotscore.detect.detectors import _keras_fit
from iotscore.detect.detectors._network import fold
from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.detectors.isolation_forest import IsolationForestDetector
from iotscore.detect.scaling import MinMaxScaler
from iotscore.features import N_FEATURES, SOURCE_FEATURES
from iotscore.simulate.generate import generate
from iotscore.warehouse.records import column_matrix
from reference import BATCH_ROWS, Reference

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import numpy.typing as npt

    Rows = npt.NDArray[Any]

_SIMULATED_ROWS = 60_000
_EPOCHS = 5


@dataclass(frozen=True)
class Pair:
    """Our fitted parts, those of the libraries, and rows for both."""

    scaler: MinMaxScaler
    forest: IsolationForestDetector
    autoencoder: LstmAutoencoder
    libraries: Reference
    rows: Rows
    scaled: npt.NDArray[np.float32]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Return models fitted on simulated benign rows, and a batch drawn from all files."""
    import sklearn.preprocessing
    from sklearn.ensemble import IsolationForest

    folder = tmp_path_factory.mktemp("data")
    generate(folder, _SIMULATED_ROWS, 1, None)
    benign = np.concatenate(
        [_read(path) for path in traffic_files(folder) if ".benign." in path.name]
    )
    every = np.concatenate([_read(path) for path in traffic_files(folder)])
    rows = np.random.default_rng(0).permutation(every)[:BATCH_ROWS]
    scaler = MinMaxScaler("keep", 0.0).fit(benign)
    scaled = scaler.transform(benign)
    forest = IsolationForestDetector(100, 256, random_state=42)
    sklearn_forest = IsolationForest(n_estimators=100, max_samples=256, random_state=42)
    settings = LstmAutoencoder(
        units=64,
        epochs=_EPOCHS,
        sequence="record",
        patience=0,
        batch_size=512,
        learning_rate=0.001,
        random_state=42,
    )
    sequences = scaled[:, np.newaxis]
    weights = _keras_fit.fit(
        settings, settings.random_state, sequences, sequences[:0], None
    ).weights
    network = _keras_fit.build("record", 1, N_FEATURES, settings.units)
    network.set_weights(weights)
    return Pair(
        scaler,
        forest.fit(scaled),
        replace(settings, state_=fold(weights)),
        Reference(
            sklearn.preprocessing.MinMaxScaler().fit(benign), sklearn_forest.fit(scaled), network
        ),
        rows,
        scaler.transform(rows),
    )


def _read(path: Any) -> Rows:  # noqa: ANN401 - pyarrow is untyped
    return np.ascontiguousarray(column_matrix(csv.read_csv(path), SOURCE_FEATURES))


def _measure(benchmark: Any, name: str, title: str, work: Callable[[], Rows]) -> None:  # noqa: ANN401 - pytest-benchmark is untyped
    """Time the work; the names and rows go into the JSON."""
    benchmark.extra_info.update(kernel=name, title=title, rows=BATCH_ROWS)
    benchmark.pedantic(work, rounds=30, iterations=1, warmup_rounds=3)


def test_forest(benchmark: Any, pair: Pair) -> None:  # noqa: ANN401
    """The forest kernel."""
    ours = pair.forest.score(pair.scaled)
    difference = np.abs(ours - pair.libraries.forest_scores(pair.scaled))
    assert difference.max() <= FOREST_TOLERANCE
    _measure(benchmark, "forest", "forest kernel", lambda: pair.forest.score(pair.scaled))


def test_forest_sklearn(benchmark: Any, pair: Pair) -> None:  # noqa: ANN401
    """What it stands in for."""
    work = lambda: pair.libraries.forest_scores(pair.scaled)  # noqa: E731
    _measure(benchmark, "forest_sklearn", "scikit-learn `score_samples`", work)


def test_autoencoder(benchmark: Any, pair: Pair) -> None:  # noqa: ANN401
    """The autoencoder kernel."""
    ours = pair.autoencoder.score(pair.scaled)
    theirs = pair.libraries.network_scores(pair.scaled, BATCH_ROWS)
    assert (np.abs(ours - theirs) / theirs).max() <= NETWORK_TOLERANCE
    work = lambda: pair.autoencoder.score(pair.scaled)  # noqa: E731
    _measure(benchmark, "autoencoder", "autoencoder kernel", work)


def test_autoencoder_keras(benchmark: Any, pair: Pair) -> None:  # noqa: ANN401
    """What it stands in for."""
    work = lambda: pair.libraries.network_scores(pair.scaled, BATCH_ROWS)  # noqa: E731
    _measure(benchmark, "autoencoder_keras", "Keras `predict`, one step", work)


def test_scaler(benchmark: Any, pair: Pair) -> None:  # noqa: ANN401
    """The scaler."""
    _measure(benchmark, "scaler", "scaler", lambda: pair.scaler.transform(pair.rows))


def test_scaler_sklearn(benchmark: Any, pair: Pair) -> None:  # noqa: ANN401
    """What it stands in for, with the rounding to float32."""
    work = lambda: pair.libraries.scaled(pair.rows)  # noqa: E731
    _measure(benchmark, "scaler_sklearn", "scikit-learn `MinMaxScaler`", work)
