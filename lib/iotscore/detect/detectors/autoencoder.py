"""LSTM autoencoder: Keras fits it, compiled loops score it on plain weights.

References
----------
.. [1] Hochreiter, Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997.
.. [2] Meidan et al., "N-BaIoT: Network-based Detection of IoT Botnet Attacks Using Deep
   Autoencoders", IEEE Pervasive Computing 17(3), 2018: reconstruction error as score.
.. [3] Prechelt, "Early Stopping - But When?", in Neural Networks: Tricks of the Trade, 1998.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Self

import numpy as np

from iotscore.detect.detector import require_array, require_rows, require_width
from iotscore.detect.detectors._learned import Learned
from iotscore.detect.detectors._network import Network, fold
from iotscore.detect.detectors._sequences import last_rows, window_order
from iotscore.detect.detectors._window_network import WindowNetwork
from iotscore.detect.detectors.lstm_options import LstmOptions
from iotscore.errors import ConfigError, TrainingError
from iotscore.features import FEATURES

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray, IntArray, Progress
    from iotscore.detect.detectors._keras_fit import Fitted

_FIRST_SETTINGS: Final = {"sequence": "record", "patience": 0, "validation_share": 0.25}
"""Values of the settings that the oldest stored models do not name."""


@dataclass(frozen=True)
class LstmAutoencoder(LstmOptions, Learned[Network | WindowNetwork]):
    """Score a row by how badly it is rebuilt from ``units`` numbers.

    Under ``"record"``, the form of the published reports, a row is one timestep: input (1, n) ->
    LSTM(units, relu) -> RepeatVector(1) -> LSTM(n, relu) -> TimeDistributed(Dense(n)). Under
    ``"windows"`` the five decay windows of a row, from 100 ms to a minute, are five timesteps of
    m = n / 5 statistics: input (5, m) -> LSTM(units) -> RepeatVector(5) -> LSTM(units) ->
    TimeDistributed(Dense(m)), with tanh. Both are fitted with Adam on the mean squared error.

    The score is the mean squared difference between a scaled row and its reconstruction: 0 or
    more, without an upper limit, in squared units of the scaled rows.

    Parameters
    ----------
    units : int
        Width of the first LSTM layer, and under ``"windows"`` of the second one; 1 or more.
    epochs : int
        Passes over the fitted rows, 1 or more; with patience the most passes.
    batch_size : int
        Rows per step of Adam, 1 or more.
    learning_rate : float
        Step size of Adam, above 0.
    random_state : int
        Seed of the initial weights and of the order of rows. The same seed and rows give the
        same weights on the same machine.
    sequence : {"record", "windows"}
        What the timesteps are.
    patience : int
        0: fit all rows for all epochs. From 1 on, early stopping [3]_: hold rows out, end after
        this many epochs in a row without a smaller held-out loss, and keep the weights of the
        epoch with the smallest.
    validation_share : float
        Share of each device's rows that patience holds out, the last ones, above 0 and below 1.
    features : tuple of str
        Names of the columns of the rows, read under ``"windows"`` only. Not among the stored
        settings: what fitting made of them is stored.

    Raises
    ------
    ConfigError
        If a setting is out of its bounds, or the features do not make windows.
    """

    name: ClassVar[str] = "lstm"
    title: ClassVar[str] = "the autoencoder"
    is_quick: ClassVar[bool] = False

    random_state: int
    validation_share: float = 0.25
    features: tuple[str, ...] = field(default=FEATURES, repr=False, compare=False)
    loss_history_: FloatArray = field(
        default_factory=lambda: np.empty(0), repr=False, compare=False
    )
    held_out_loss_history_: FloatArray = field(
        default_factory=lambda: np.empty(0), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse settings outside their bounds."""
        super().__post_init__()
        if not 0.0 < self.validation_share < 1.0:
            message = f"validation_share is {self.validation_share}: use a share between 0 and 1"
            raise ConfigError(message)
        if self.sequence == "windows":
            window_order(self.features)

    def fit(
        self, X: Float32Array, devices: IntArray | None = None, progress: Progress | None = None
    ) -> Self:
        """Return a copy fitted with Keras; TensorFlow is imported here and nowhere else.

        Devices matter for what patience holds out only; None: all rows are of one.

        Raises
        ------
        TrainingError
            If there are too few rows, or the loss does not stay finite.
        ModelError
            If ``X`` has another number of columns than ``features``, under ``"windows"``.
        """
        require_rows(X, 1, self.title)
        network: Network | WindowNetwork
        if self.sequence == "record":
            fitted = self._keras(X[:, np.newaxis, :], devices, progress)
            network = fold(fitted.weights)
        else:
            order = window_order(self.features)
            require_width(X, order.size, self.title)
            fitted = self._keras(X[:, order], devices, progress)
            network = WindowNetwork(*fitted.weights, window_order=order)
        return replace(
            self,
            state_=network,
            loss_history_=fitted.losses,
            held_out_loss_history_=fitted.held_out_losses,
        )

    def _keras(
        self, rows: Float32Array, devices: IntArray | None, progress: Progress | None
    ) -> Fitted:
        from iotscore.detect.detectors import _keras_fit

        first, last = rows, rows[:0]
        if self.patience:
            is_last = last_rows(rows.shape[0], devices, self.validation_share)
            first, last = rows[~is_last], rows[is_last]
        fitted = _keras_fit.fit(self, self.random_state, first, last, progress)
        losses = fitted.losses
        if not np.isfinite(losses).all():
            message = (
                f"the autoencoder's loss became {losses[-1]} after {losses.size} epochs:"
                " lower the learning rate, or look for extreme values in the benign rows"
            )
            raise TrainingError(message)
        return fitted

    def score(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return mean squared errors, float64 of shape (n_rows,), higher = more anomalous."""
        return self._fitted_for(X).errors(np.ascontiguousarray(X, dtype=np.float32))

    def contributions(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return each feature's part of the mean squared error; they sum to the scores."""
        return self._fitted_for(X).shares(np.ascontiguousarray(X, dtype=np.float32))

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings as JSON-able values; a model that the first version could hold is unchanged."""
        later = {name: getattr(self, name) for name in _FIRST_SETTINGS}
        return {
            "units": self.units,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "random_state": self.random_state,
            **{name: value for name, value in later.items() if value != _FIRST_SETTINGS[name]},
        }

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the weights and the losses of each epoch."""
        arrays = {**super().to_arrays(), "loss_history_": self.loss_history_}
        if self.patience:
            arrays["held_out_loss_history_"] = self.held_out_loss_history_
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted autoencoder; weights that do not fit together are refused."""
        unfitted = cls(**{**_FIRST_SETTINGS, **parameters})
        kind = WindowNetwork if unfitted.sequence == "windows" else Network
        held_out = unfitted.held_out_loss_history_
        if unfitted.patience:
            held_out = require_array(arrays, "held_out_loss_history_", "float64", 1)
        return replace(
            unfitted,
            state_=kind.from_arrays(arrays),
            loss_history_=require_array(arrays, "loss_history_", "float64", 1),
            held_out_loss_history_=held_out,
        )
