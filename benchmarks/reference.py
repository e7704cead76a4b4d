"""The same model by scikit-learn and Keras themselves, from the same training rows and seeds.

``python benchmarks/reference.py WAREHOUSE FOLDER`` fits it.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from iotscore.features import FEATURES, KEY
from iotscore.sampling.splits import SPLITS, TRAIN, SplitPlan, split_codes
from iotscore.warehouse.records import feature_matrix
from processes import BenchmarkError
from traffic import champion, data_files

if TYPE_CHECKING:
    import numpy.typing as npt

BATCH_ROWS = 10_000
"""Rows that every contender scores at a time."""


@dataclass(frozen=True)
class Reference:
    """Fitted scikit-learn scaler and forest, and the Keras network."""

    scaler: Any
    forest: Any
    network: Any

    def scaled(self, features: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
        """Return features in the range of the training rows, as both detectors want them."""
        scaled: npt.NDArray[np.float32] = self.scaler.transform(features).astype(np.float32)
        return scaled

    def forest_scores(self, scaled: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
        """Return scores of the isolation forest, higher = more anomalous."""
        scores: npt.NDArray[np.float64] = -self.forest.score_samples(scaled)
        return scores

    def network_scores(
        self, scaled: npt.NDArray[np.float32], batch_size: int
    ) -> npt.NDArray[np.float64]:
        """Return mean squared errors of the reconstruction."""
        rebuilt = self.network.predict(scaled[:, None, :], batch_size=batch_size, verbose=0)
        errors: npt.NDArray[np.float64] = np.mean(
            np.square(scaled - rebuilt[:, 0, :]), axis=1, dtype=np.float64
        )
        return errors


def fit(warehouse: Path, folder: Path) -> None:
    """Fit the network once, and leave its weights and the training rows in a folder.

    Fitting a network takes minutes; the forest takes a second and is fitted where it is loaded.

    Raises
    ------
    BenchmarkError
        The profile works on a part of each file only.
    """
    manifest = champion(warehouse).manifest
    features = _training_rows(warehouse, manifest["split"])
    parameters = manifest["detectors"]["lstm"]
    keras = _keras(deterministic=True)
    keras.utils.set_random_seed(parameters["random_state"])
    network = _network(parameters)
    rows = _scaler(features).transform(features).astype(np.float32)[:, None, :]
    network.compile(keras.optimizers.Adam(parameters["learning_rate"]), "mse")
    network.fit(
        rows, rows, epochs=parameters["epochs"], batch_size=parameters["batch_size"], verbose=0
    )
    folder.mkdir(parents=True)
    np.save(folder / "features.npy", features)
    np.savez(folder / "weights.npz", *network.get_weights())
    (folder / "detectors.json").write_text(json.dumps(manifest["detectors"]), encoding="utf-8")


@cache
def load(folder: Path, *, one_thread: bool) -> Reference:
    """Return the fitted models, once per process.

    Parameters
    ----------
    folder
        What :func:`fit` left there.
    one_thread
        Whether TensorFlow shall use one thread, as in a worker that owns one core.
    """
    from sklearn.ensemble import IsolationForest

    detectors = json.loads((folder / "detectors.json").read_text(encoding="utf-8"))
    features = np.load(folder / "features.npy", allow_pickle=False)
    scaler = _scaler(features)
    forest = IsolationForest(**detectors["iforest"], contamination="auto")
    forest.fit(scaler.transform(features).astype(np.float32))
    _keras(one_thread=one_thread)
    network = _network(detectors["lstm"])
    with np.load(folder / "weights.npz", allow_pickle=False) as weights:
        network.set_weights([weights[name] for name in weights.files])
    return Reference(scaler, forest, network)


def _scaler(features: npt.NDArray[np.float64]) -> Any:  # noqa: ANN401 - scikit-learn is untyped
    from sklearn.preprocessing import MinMaxScaler

    return MinMaxScaler().fit(features)


def _network(parameters: dict[str, Any]) -> Any:  # noqa: ANN401 - Keras is untyped
    """Return the published baselines' autoencoder, unfitted."""
    keras = _keras()
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input((1, len(FEATURES))),
            layers.LSTM(parameters["units"], activation="relu"),
            layers.RepeatVector(1),
            layers.LSTM(len(FEATURES), activation="relu", return_sequences=True),
            layers.TimeDistributed(layers.Dense(len(FEATURES))),
        ]
    )


def _keras(*, deterministic: bool = False, one_thread: bool = False) -> Any:  # noqa: ANN401
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if deterministic:
        os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"
    import tensorflow as tf

    if deterministic:
        tf.config.experimental.enable_op_determinism()
    if one_thread:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    return tf.keras


def _training_rows(warehouse: Path, split: dict[str, Any]) -> npt.NDArray[np.float64]:
    """Return the rows that the project's model was fitted on, in key order."""
    if split["fraction"] < 1.0:
        message = f"the model was fitted on {split['fraction']} of each file; benchmark all of it"
        raise BenchmarkError(message)
    plan = SplitPlan.from_json(split)
    traffic = ds.dataset(data_files(warehouse / "traffic"))
    parts = []
    for file_id in sorted(plan.parts):
        mine = (ds.field("file_id") == file_id) & (
            ds.field("row_no") <= plan.parts[file_id].train_end
        )
        rows = traffic.to_table(columns=[*KEY, *FEATURES], filter=mine).sort_by("row_no")
        row_no = rows.column("row_no").to_numpy()
        codes = split_codes(plan, file_id, row_no, is_labelled=True)
        parts.append(rows.filter(pa.array(codes == SPLITS.index(TRAIN))))
    return feature_matrix(pa.concat_tables(parts))


if __name__ == "__main__":
    fit(Path(sys.argv[1]), Path(sys.argv[2]))
