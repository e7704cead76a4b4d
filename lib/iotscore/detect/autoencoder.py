"""LSTM autoencoder: Keras fits it, NumPy scores it on folded weights.

References
----------
.. [1] Hochreiter, Schmidhuber, "Long Short-Term Memory", Neural Computation 9(8), 1997.
.. [2] Meidan et al., "N-BaIoT: Network-based Detection of IoT Botnet Attacks Using Deep
   Autoencoders", IEEE Pervasive Computing 17(3), 2018: reconstruction error as score.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from iotscore.detect._network import Network, fold
from iotscore.detect.protocol import require_array, require_width
from iotscore.errors import ConfigError, ModelError, TrainingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from iotscore.detect.protocol import Arrays, Float32Array, FloatArray, IntArray, Progress


@dataclass(frozen=True)
class LstmAutoencoder:
    """Score a row by how badly it is rebuilt from ``units`` numbers.

    Input (1, n) -> LSTM(units, relu) -> RepeatVector(1) -> LSTM(n, relu, return_sequences) ->
    TimeDistributed(Dense(n)), fitted with Adam on the mean squared error. The score is the mean
    squared difference between a scaled row and its reconstruction: 0 or more, without an upper
    limit, in squared units of the fitted range.

    Parameters
    ----------
    units : int
        Width of the first LSTM layer, 1 or more.
    epochs : int
        Passes over the training rows, 1 or more.
    batch_size : int
        Rows per step of Adam, 1 or more.
    learning_rate : float
        Step size of Adam, above 0.
    random_state : int
        Seed of the initial weights and of the order of rows. The same seed and rows give the
        same weights on the same machine.
    """

    name: ClassVar[str] = "lstm"

    units: int = 64
    epochs: int = 10
    batch_size: int = 512
    learning_rate: float = 0.001
    random_state: int = 42
    network_: Network | None = field(default=None, repr=False, compare=False)
    loss_history_: FloatArray = field(
        default_factory=lambda: np.empty(0), repr=False, compare=False
    )

    def __post_init__(self) -> None:
        """Refuse settings outside their bounds."""
        counts = {"units": self.units, "epochs": self.epochs, "batch_size": self.batch_size}
        wrong = {name: count for name, count in counts.items() if count < 1}
        if wrong:
            message = f"the autoencoder got {wrong}: use 1 or more"
            raise ConfigError(message)
        if not 0.0 < self.learning_rate < np.inf:
            message = f"learning_rate is {self.learning_rate}: use a number above 0"
            raise ConfigError(message)

    def fit(
        self,
        X: Float32Array,
        devices: IntArray | None = None,  # noqa: ARG002 one network for all devices
        progress: Progress | None = None,
    ) -> Self:
        """Return a copy fitted with Keras; TensorFlow is imported here and nowhere else.

        Raises
        ------
        TrainingError
            If there are no rows, or the loss does not stay finite.
        """
        from iotscore.detect import _keras_fit

        if X.ndim != 2 or X.shape[0] == 0:  # noqa: PLR2004 a table has two axes
            message = f"the autoencoder got rows of shape {X.shape} and needs at least one row"
            raise TrainingError(message)
        weights, losses = _keras_fit.fit(X, **self.parameters, progress=progress)
        if not np.isfinite(losses).all():
            message = (
                f"the autoencoder's loss became {losses[-1]} after {losses.size} epochs:"
                " lower the learning rate, or look for extreme values in the benign rows"
            )
            raise TrainingError(message)
        return replace(self, network_=fold(weights), loss_history_=losses)

    def score(
        self,
        X: Float32Array,
        devices: IntArray | None = None,  # noqa: ARG002 one network for all devices
    ) -> FloatArray:
        """Return mean squared errors, float64 of shape (n_rows,), higher = more anomalous.

        Raises
        ------
        ModelError
            If the autoencoder is not fitted, or ``X`` has another number of columns.
        """
        network = self._fitted()
        require_width(X, network.n_features, "the autoencoder")
        return network.errors(np.ascontiguousarray(X, dtype=np.float32))

    def _fitted(self) -> Network:
        if self.network_ is None:
            message = "the autoencoder is not fitted: call fit first"
            raise ModelError(message)
        return self.network_

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        return {
            "units": self.units,
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "learning_rate": self.learning_rate,
            "random_state": self.random_state,
        }

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return self._fitted().n_features

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the folded weights and the loss of each epoch."""
        return {**self._fitted().to_arrays(), "loss_history_": self.loss_history_}

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted autoencoder; weights that do not fit together are refused."""
        return cls(
            **parameters,
            network_=Network.from_arrays(arrays),
            loss_history_=require_array(arrays, "loss_history_", "float64", 1),
        )
