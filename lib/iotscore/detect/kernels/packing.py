"""Weights laid out for the loops of :mod:`iotscore.detect.kernels.autoencoder`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import Float32Array

    Layer: TypeAlias = tuple[Float32Array, Float32Array]
    """Kernel and bias of a layer."""


def pack_gated(kernel: Float32Array, bias: Float32Array, gates: int) -> Layer:
    """Return a gated layer with each of its groups of columns padded with zeros.

    Padded columns give a hidden value of 0; padded rows meet those zeros in the next layer.
    """
    groups = np.split(np.vstack([kernel, bias]), gates, axis=1)
    columns = np.hstack([_padded(group, axis=1) for group in groups])
    return _padded(columns[:-1], axis=0), np.ascontiguousarray(columns[-1])


def pack_dense(kernel: Float32Array, bias: Float32Array) -> Layer:
    """Return a dense layer padded with zeros."""
    return pack_gated(kernel, bias, gates=1)


def pack_recurrent(kernel: Float32Array, gates: int) -> Float32Array:
    """Return the kernel that a gated layer has for its own hidden values, padded alike."""
    return pack_gated(kernel, np.zeros(kernel.shape[1], dtype=np.float32), gates)[0]


def _padded(array: npt.NDArray[Any], axis: int) -> Float32Array:
    # Multiples of 8: one AVX register of float32, and a multiple of the 4 kernel rows of `dense`.
    margin = [(0, 0), (0, 0)]
    margin[axis] = (0, -array.shape[axis] % 8)
    return np.ascontiguousarray(np.pad(array, margin), dtype=np.float32)
