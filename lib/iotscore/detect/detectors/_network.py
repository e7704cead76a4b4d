"""The forward pass of the autoencoder that takes a whole record as its one timestep.

With one timestep and a zero initial state an LSTM layer is a gated dense layer: its recurrent
kernel multiplies zeros and its forget gate scales a zero. What is left of a layer is, with gates
i (input) and o (output) and candidate g::

    h = sigmoid(o) * sigmoid(i) * relu(g)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from iotscore.detect.detector import FLOAT32_1D, FLOAT32_2D, ArrayState
from iotscore.detect.kernels import autoencoder as kernel

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from iotscore.detect.detector import Float32Array, FloatArray
    from iotscore.detect.kernels.autoencoder import Layer

_LARGEST_WEIGHT: Final = 1e6
"""Larger weights are refused: with them a sum over values of 1e30 could leave float32."""


class Reconstruction(ArrayState):
    """What the networks of both autoencoders do: rebuild rows, and measure how well."""

    title: ClassVar = "autoencoder's network"

    def errors(self, X: Float32Array) -> FloatArray:
        """Return each row's mean squared reconstruction error, float64 of shape (n_rows,)."""
        errors = np.empty(X.shape[0])
        self._run(X, errors, np.empty((0, X.shape[1])))
        return errors

    def shares(self, X: Float32Array) -> FloatArray:
        """Return each feature's part of the error, float64 of shape (n_rows, n_features)."""
        shares = np.empty(X.shape)
        self._run(X, np.empty(X.shape[0]), shares)
        return shares

    def _run(self, X: Float32Array, errors: FloatArray, shares: FloatArray) -> None:
        """Store errors, and shares unless they have no rows."""
        raise NotImplementedError


def pack_gated(kernel: Float32Array, bias: Float32Array, gates: int) -> Layer:
    """Return a layer with its columns, those of each gate, padded with zeros; 1 gate: dense.

    Padded columns give a hidden value of 0; padded rows meet those zeros in the next layer.
    """
    groups = np.split(np.vstack([kernel, bias]), gates, axis=1)
    columns = np.hstack([_padded(group, axis=1) for group in groups])
    return _padded(columns[:-1], axis=0), np.ascontiguousarray(columns[-1])


def pack_recurrent(kernel: Float32Array, gates: int) -> Float32Array:
    """Return the kernel that a gated layer has for its own hidden values, padded alike."""
    return pack_gated(kernel, np.zeros(kernel.shape[1], dtype=np.float32), gates)[0]


def _padded(array: npt.NDArray[Any], axis: int) -> Float32Array:
    # Multiples of 8: one AVX register of float32, and a multiple of the 4 kernel rows of `dense`.
    margin = [(0, 0), (0, 0)]
    margin[axis] = (0, -array.shape[axis] % 8)
    return np.ascontiguousarray(np.pad(array, margin), dtype=np.float32)


def weights_fault(
    weights: Sequence[npt.NDArray[Any]], needed: Sequence[tuple[int, ...]]
) -> str | None:
    """Return in words why weights cannot be used, None if they have their shapes and bounds."""
    shapes = [weight.shape for weight in weights]
    if shapes != list(needed):
        return f"it has weights of shapes {shapes}, needed {needed}"
    if not all((np.abs(weight) <= _LARGEST_WEIGHT).all() for weight in weights):
        bound = f"+-{_LARGEST_WEIGHT:g}"
        return f"a weight is not finite or beyond {bound}, which a lower learning rate prevents"
    return None


@dataclass(frozen=True, eq=False)
class Network(Reconstruction):
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

    kernel_1: Float32Array = field(metadata=FLOAT32_2D)
    bias_1: Float32Array = field(metadata=FLOAT32_1D)
    kernel_2: Float32Array = field(metadata=FLOAT32_2D)
    bias_2: Float32Array = field(metadata=FLOAT32_1D)
    kernel_3: Float32Array = field(metadata=FLOAT32_2D)
    bias_3: Float32Array = field(metadata=FLOAT32_1D)

    def _fault(self) -> str | None:
        n, units = self.kernel_1.shape[0], self.kernel_2.shape[0]
        needed = [(n, 3 * units), (3 * units,), (units, 3 * n), (3 * n,), (n, n), (n,)]
        return weights_fault(list(self.to_arrays().values()), needed)

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return int(self.kernel_1.shape[0])

    def _run(self, X: Float32Array, errors: FloatArray, shares: FloatArray) -> None:
        kernel.record_errors(X, *self._packed, errors, shares)

    @cached_property
    def _packed(self) -> tuple[Layer, Layer, Layer]:
        return (
            pack_gated(self.kernel_1, self.bias_1, gates=3),
            pack_gated(self.kernel_2, self.bias_2, gates=3),
            pack_gated(self.kernel_3, self.bias_3, gates=1),
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
