"""The forward pass of the autoencoder that takes the decay windows one after the other.

Both LSTM layers are whole [1]_, with gates i (input), f (forget), o (output), candidate g, cell c
and hidden state h, both 0 before the first timestep::

    i, f, g, o = x @ kernel + h @ recurrent + bias
    c = sigmoid(f) * c + sigmoid(i) * tanh(g)
    h = sigmoid(o) * tanh(c)

References
----------
.. [1] Gers, Schmidhuber, Cummins, "Learning to Forget: Continual Prediction with LSTM", Neural
   Computation 12(10), 2000.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from iotscore.detect.detector import ArrayState, require_array
from iotscore.detect.detectors._network import require_weights
from iotscore.detect.kernels import autoencoder as kernel
from iotscore.detect.kernels.packing import pack_dense, pack_gated, pack_recurrent
from iotscore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray, IntArray
    from iotscore.detect.kernels.packing import Layer


@dataclass(frozen=True, eq=False)
class WindowNetwork(ArrayState):
    """Weights of the two LSTM layers and of the dense one, float32, as Keras lays them.

    Attributes
    ----------
    kernel_1 : (n_statistics, 4 * units), recurrent_1 : (units, 4 * units), bias_1 : (4 * units,)
        Encoder, columns of gates i, f, g, o side by side.
    kernel_2 : (units, 4 * units), recurrent_2 : (units, 4 * units), bias_2 : (4 * units,)
        Decoder, the same. Its input is the encoder's last hidden state, at every timestep.
    kernel_3 : (units, n_statistics), bias_3 : (n_statistics,)
        Dense layer, the same at every timestep.
    window_order : int64, (n_windows, n_statistics)
        Column of each statistic at each timestep.
    """

    kernel_1: Float32Array
    recurrent_1: Float32Array
    bias_1: Float32Array
    kernel_2: Float32Array
    recurrent_2: Float32Array
    bias_2: Float32Array
    kernel_3: Float32Array
    bias_3: Float32Array
    window_order: IntArray

    def __post_init__(self) -> None:
        """Refuse weights that do not fit together or into bounds, and an order that is none."""
        n, units = self.window_order.shape[1], self.kernel_3.shape[0]
        gated = [(units, 4 * units), (4 * units,)]
        needed = [(n, 4 * units), *gated, (units, 4 * units), *gated, (units, n), (n,)]
        weights = self.to_arrays()
        order = weights.pop("window_order")
        require_weights(list(weights.values()), needed)
        # The kernel reads X at these places without looking whether they exist.
        if not np.array_equal(np.sort(order, axis=None), np.arange(order.size)):
            message = (
                "the stored autoencoder is damaged (its window_order does not name every column"
                " once): train again"
            )
            raise ModelError(message)

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return int(self.window_order.size)

    def errors(self, X: Float32Array) -> FloatArray:
        """Return each row's mean squared reconstruction error, float64 of shape (n_rows,)."""
        errors = np.empty(X.shape[0])
        self._run(X, errors, np.empty((0, self.n_features)))
        return errors

    def shares(self, X: Float32Array) -> FloatArray:
        """Return each feature's part of the error, float64 of shape (n_rows, n_features)."""
        shares = np.empty(X.shape)
        self._run(X, np.empty(X.shape[0]), shares)
        return shares

    def _run(self, X: Float32Array, errors: FloatArray, shares: FloatArray) -> None:
        kernel.window_errors(X, self.window_order, self._packed, errors, shares)

    @cached_property
    def _packed(self) -> tuple[Layer, Float32Array, Layer, Float32Array, Layer]:
        return (
            pack_gated(self.kernel_1, self.bias_1, gates=4),
            pack_recurrent(self.recurrent_1, gates=4),
            pack_gated(self.kernel_2, self.bias_2, gates=4),
            pack_recurrent(self.recurrent_2, gates=4),
            pack_dense(self.kernel_3, self.bias_3),
        )

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild and check the network."""
        stored = {"window_order": require_array(arrays, "window_order", "int64", 2)}
        for entry in fields(cls):
            if entry.name not in stored:
                axes = 1 if entry.name.startswith("bias") else 2
                stored[entry.name] = require_array(arrays, entry.name, "float32", axes)
        return cls(**stored)


def from_keras(weights: Sequence[npt.NDArray[np.float32]], order: IntArray) -> WindowNetwork:
    """Return the network of Keras' eight weight arrays, in its order."""
    kernel_1, recurrent_1, bias_1, kernel_2, recurrent_2, bias_2, kernel_3, bias_3 = weights
    return WindowNetwork(
        kernel_1,
        recurrent_1,
        bias_1,
        kernel_2,
        recurrent_2,
        bias_2,
        kernel_3,
        bias_3,
        window_order=order,
    )
