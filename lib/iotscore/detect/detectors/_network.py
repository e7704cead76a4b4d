"""The forward pass of the autoencoder that takes a whole record as its one timestep.

With one timestep and a zero initial state an LSTM layer is a gated dense layer: its recurrent
kernel multiplies zeros and its forget gate scales a zero. What is left of a layer is, with gates
i (input) and o (output) and candidate g::

    h = sigmoid(o) * sigmoid(i) * relu(g)
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np

from iotscore.detect.detector import ArrayState, require_array
from iotscore.detect.kernels import autoencoder as kernel
from iotscore.detect.kernels.packing import pack_dense, pack_gated
from iotscore.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from iotscore.detect.detector import Arrays, Float32Array, FloatArray
    from iotscore.detect.kernels.packing import Layer

_LARGEST_WEIGHT: Final = 1e6
"""Larger weights are refused: with them a sum over values of 1e30 could leave float32."""


def require_weights(weights: Sequence[npt.NDArray[Any]], needed: Sequence[tuple[int, ...]]) -> None:
    """Raise :class:`ModelError` unless weights have the shapes needed and are within +-1e6."""
    shapes = [weight.shape for weight in weights]
    if shapes != list(needed):
        message = f"the stored autoencoder has weights of shapes {shapes}, needed {needed}"
        raise ModelError(message)
    if not all((np.abs(weight) <= _LARGEST_WEIGHT).all() for weight in weights):
        message = (
            "the autoencoder has a weight that is not finite or beyond"
            f" +-{_LARGEST_WEIGHT:g}: train again, with a lower learning rate"
        )
        raise ModelError(message)


@dataclass(frozen=True, eq=False)
class Network(ArrayState):
    """Weights of the two gated layers and of the dense one, float32.

    Attributes
    ----------
    kernel_1 : (n_features, 3 * units), bias_1 : (3 * units,)
        First LSTM layer, columns of gates i, g, o side by side.
    kernel_2 : (units, 3 * n_features), bias_2 : (3 * n_features,)
        Second LSTM layer, the same.
    kernel_3 : (n_features, n_features), bias_3 : (n_features,)
        Dense layer.
    """

    kernel_1: Float32Array
    bias_1: Float32Array
    kernel_2: Float32Array
    bias_2: Float32Array
    kernel_3: Float32Array
    bias_3: Float32Array

    def __post_init__(self) -> None:
        """Refuse weights whose shapes do not fit together, or that are not within +-1e6."""
        n, units = self.kernel_1.shape[0], self.kernel_2.shape[0]
        needed = [(n, 3 * units), (3 * units,), (units, 3 * n), (3 * n,), (n, n), (n,)]
        require_weights(list(self.to_arrays().values()), needed)

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return int(self.kernel_1.shape[0])

    def errors(self, X: Float32Array) -> FloatArray:
        """Return each row's mean squared reconstruction error, float64 of shape (n_rows,)."""
        errors = np.empty(X.shape[0])
        kernel.record_errors(X, *self._packed, errors, np.empty((0, self.n_features)))
        return errors

    def shares(self, X: Float32Array) -> FloatArray:
        """Return each feature's part of the error, float64 of shape (n_rows, n_features)."""
        shares = np.empty(X.shape)
        kernel.record_errors(X, *self._packed, np.empty(X.shape[0]), shares)
        return shares

    @cached_property
    def _packed(self) -> tuple[Layer, Layer, Layer]:
        return (
            pack_gated(self.kernel_1, self.bias_1, gates=3),
            pack_gated(self.kernel_2, self.bias_2, gates=3),
            pack_dense(self.kernel_3, self.bias_3),
        )

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        """Rebuild and check the network."""
        return cls(
            **{
                entry.name: require_array(
                    arrays, entry.name, "float32", 2 if entry.name.startswith("kernel") else 1
                )
                for entry in fields(cls)
            }
        )


def fold(weights: Sequence[npt.NDArray[np.float32]]) -> Network:
    """Return the network of Keras' eight weight arrays, without what one timestep cannot use.

    Keras orders the gates of an LSTM layer i, f, g, o.
    """
    kernel_1, _, bias_1, kernel_2, _, bias_2, kernel_3, bias_3 = weights
    return Network(
        kernel_1=_without_forget(kernel_1),
        bias_1=_without_forget(bias_1),
        kernel_2=_without_forget(kernel_2),
        bias_2=_without_forget(bias_2),
        kernel_3=np.ascontiguousarray(kernel_3),
        bias_3=np.ascontiguousarray(bias_3),
    )


def _without_forget(weights: npt.NDArray[np.float32]) -> Float32Array:
    gate_i, _, candidate, gate_o = np.split(weights, 4, axis=-1)
    return np.ascontiguousarray(np.concatenate([gate_i, candidate, gate_o], axis=-1))
