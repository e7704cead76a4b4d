"""Fit the LSTM autoencoder with Keras; the only module that imports TensorFlow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.protocol import Float32Array, FloatArray, Progress


def build(n_features: int, units: int, learning_rate: float) -> Any:  # noqa: ANN401 Keras is untyped
    """Return the compiled, unfitted Keras model of the reports."""
    keras = _keras()
    layers = keras.layers
    model = keras.Sequential(
        [
            layers.Input((1, n_features)),
            layers.LSTM(units, activation="relu"),
            layers.RepeatVector(1),
            layers.LSTM(n_features, activation="relu", return_sequences=True),
            layers.TimeDistributed(layers.Dense(n_features)),
        ]
    )
    model.compile(optimizer=keras.optimizers.Adam(learning_rate=learning_rate), loss="mse")
    return model


def fit(
    X: Float32Array,
    *,
    units: int,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    random_state: int,
    progress: Progress | None,
) -> tuple[list[npt.NDArray[np.float32]], FloatArray]:
    """Return Keras' weight arrays in its order, and the mean loss of each epoch."""
    keras = _keras()
    keras.utils.set_random_seed(random_state)
    model = build(X.shape[1], units, learning_rate)
    rows = X[:, np.newaxis, :]

    def report(epoch: int, logs: dict[str, float]) -> None:
        if progress is not None:
            progress(epoch + 1, float(logs["loss"]))

    history = model.fit(
        rows,
        rows,
        epochs=epochs,
        batch_size=batch_size,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=report)],
    )
    weights = [np.asarray(weight, dtype=np.float32) for weight in model.get_weights()]
    return weights, np.asarray(history.history["loss"], dtype=np.float64)


def _keras() -> Any:  # noqa: ANN401 Keras is untyped
    # Before the import, since TensorFlow reads it once. What matters arrives as an exception; at
    # level 2 the log shows remarks on TensorFlow's own graphs under the name of errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Its rounding depends on the processor, it trains no faster here, and it talks at each start.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return tf.keras
