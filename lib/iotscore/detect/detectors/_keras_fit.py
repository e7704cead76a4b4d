"""Fit the LSTM autoencoders with Keras; the only module that imports TensorFlow."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import Float32Array, FloatArray, Progress
    from iotscore.detect.detectors.lstm_options import LstmOptions

_LEAST_VALIDATION_BATCH: Final = 4096
"""Held-out rows are only passed forward: larger batches than for fitting save time."""


class Fitted(NamedTuple):
    """What Keras found."""

    weights: list[npt.NDArray[np.float32]]
    """In Keras' order; those of the epoch with the least held-out loss, if rows were held out."""
    losses: FloatArray
    """Mean loss of each epoch."""
    held_out_losses: FloatArray
    """Held-out loss after each epoch; empty if no rows were held out."""


def build(sequence: str, n_timesteps: int, n_columns: int, units: int) -> Any:  # noqa: ANN401 Keras is untyped
    """Return the unfitted Keras model; ``LstmAutoencoder`` describes both."""
    keras = _keras()
    layers = keras.layers
    second = units if sequence == "windows" else n_columns
    options: dict[str, Any] = {"activation": "relu"}
    if sequence == "windows":
        # Unrolled: a loop over so few timesteps takes longer than what is in it.
        options = {"unroll": True}
    return keras.Sequential(
        [
            layers.Input((n_timesteps, n_columns)),
            layers.LSTM(units, **options),
            layers.RepeatVector(n_timesteps),
            layers.LSTM(second, return_sequences=True, **options),
            layers.TimeDistributed(layers.Dense(n_columns)),
        ]
    )


def fit(
    settings: LstmOptions,
    random_state: int,
    rows: Float32Array,
    held_out: Float32Array,
    progress: Progress | None,
) -> Fitted:
    """Fit a model to rows of shape (n_rows, n_timesteps, n_columns), with Adam on their mse.

    With rows held out, fitting ends ``patience`` epochs after their loss was last the least, and
    the weights of that epoch are taken; with none it goes on for all epochs.
    """
    keras = _keras()
    _, n_timesteps, n_columns = rows.shape
    keras.utils.set_random_seed(random_state)
    model = build(settings.sequence, n_timesteps, n_columns, settings.units)
    adam = keras.optimizers.Adam(learning_rate=settings.learning_rate)
    model.compile(optimizer=adam, loss="mse")

    def report(epoch: int, logs: dict[str, float]) -> None:
        if progress is not None:
            progress(epoch + 1, float(logs["loss"]))

    callbacks = [keras.callbacks.LambdaCallback(on_epoch_end=report)]
    if held_out.size:
        callbacks.append(
            keras.callbacks.EarlyStopping(
                "val_loss", patience=settings.patience, mode="min", restore_best_weights=True
            )
        )
    history = model.fit(
        rows,
        rows,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        validation_data=(held_out, held_out) if held_out.size else None,
        validation_batch_size=max(settings.batch_size, _LEAST_VALIDATION_BATCH),
        verbose=0,
        callbacks=callbacks,
    ).history
    return Fitted(
        [np.asarray(weight, dtype=np.float32) for weight in model.get_weights()],
        np.asarray(history["loss"], dtype=np.float64),
        np.asarray(history.get("val_loss", []), dtype=np.float64),
    )


def _keras() -> Any:  # noqa: ANN401 Keras is untyped
    # Before the import, since TensorFlow reads it once. What matters arrives as an exception; at
    # level 2 the log shows remarks on TensorFlow's own graphs under the name of errors.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Its rounding depends on the processor, it trains no faster here, and it talks at each start.
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()
    return tf.keras
