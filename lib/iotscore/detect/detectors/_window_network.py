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

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from iotscore.detect.detector import FLOAT32_1D, FLOAT32_2D, INT64_2D
from iotscore.detect.detectors._network import (
    Reconstruction,
    pack_gated,
    pack_recurrent,
    weights_fault,
)
from iotscore.detect.kernels import autoencoder as kernel

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray, IntArray
    from iotscore.detect.kernels.autoencoder import Layer


@dataclass(frozen=True, eq=False)
class WindowNetwork(Reconstruction):
    """Weights of the two LSTM layers and of the dense one, float32, laid and ordered as in Keras.

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

    kernel_1: Float32Array = field(metadata=FLOAT32_2D)
    recurrent_1: Float32Array = field(metadata=FLOAT32_2D)
    bias_1: Float32Array = field(metadata=FLOAT32_1D)
    kernel_2: Float32Array = field(metadata=FLOAT32_2D)
    recurrent_2: Float32Array = field(metadata=FLOAT32_2D)
    bias_2: Float32Array = field(metadata=FLOAT32_1D)
    kernel_3: Float32Array = field(metadata=FLOAT32_2D)
    bias_3: Float32Array = field(metadata=FLOAT32_1D)
    window_order: IntArray = field(metadata=INT64_2D, kw_only=True)

    def _fault(self) -> str | None:
        n, units = self.window_order.shape[1], self.kernel_3.shape[0]
        gated = [(units, 4 * units), (4 * units,)]
        needed = [(n, 4 * units), *gated, (units, 4 * units), *gated, (units, n), (n,)]
        weights = self.to_arrays()
        order = weights.pop("window_order")
        if fault := weights_fault(list(weights.values()), needed):
            return fault
        # The kernel reads X at these places without looking whether they exist.
        if not np.array_equal(np.sort(order, axis=None), np.arange(order.size)):
            return "its window_order does not name every column once"
        return None

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return int(self.window_order.size)

    def _run(self, X: Float32Array, errors: FloatArray, shares: FloatArray) -> None:
        kernel.window_errors(X, self.window_order, self._packed, errors, shares)

    @cached_property
    def _packed(self) -> tuple[Layer, Float32Array, Layer, Float32Array, Layer]:
        return (
            pack_gated(self.kernel_1, self.bias_1, gates=4),
            pack_recurrent(self.recurrent_1, gates=4),
            pack_gated(self.kernel_2, self.bias_2, gates=4),
            pack_recurrent(self.recurrent_2, gates=4),
            pack_gated(self.kernel_3, self.bias_3, gates=1),
        )
