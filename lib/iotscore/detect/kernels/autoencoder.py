"""The autoencoder's forward pass as compiled loops whose results depend on the row alone.

A BLAS library takes another path through a matrix product for the last rows of a block than for
the first, and rounds differently there: the same row got other bits at another position. These
loops add and multiply in one written order, each step rounded to float32 and nothing fused, so a
row's score is the same in any batch and on any processor. Loops run along the columns, where the
compiler can vectorise them without changing that order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np

from iotscore.detect.kernels.jit import compiled

if TYPE_CHECKING:
    from iotscore.detect.detector import Float32Array, FloatArray, IntArray

    Layer: TypeAlias = tuple[Float32Array, Float32Array]
    """Kernel and bias of a layer, as :mod:`iotscore.detect.detectors._network` pads them."""

LARGEST_HIDDEN: Final = np.float32(1e30)
"""Limit of hidden values: an infinite one times a closed gate, 0, would be NaN."""

_ZERO = np.float32(0.0)
_ONE = np.float32(1.0)
_TWO = np.float32(2.0)

# exp(y) = 2**k * exp(r) with k = round(y / ln 2): ln 2 in two parts and the polynomial for exp(r)
# are those of expf in Moshier's Cephes library; relative error below 2e-7.
_LIMIT = np.float32(87.0)  # exp(87) and exp(-87) are normal float32 numbers
_LOG2_E = np.float32(1.44269504088896341)
_LN_2_HIGH = np.float32(0.693359375)
_LN_2_LOW = np.float32(-2.12194440e-4)
_C5 = np.float32(1.9875691500e-4)
_C4 = np.float32(1.3981999507e-3)
_C3 = np.float32(8.3334519073e-3)
_C2 = np.float32(4.1665795894e-2)
_C1 = np.float32(1.6666665459e-1)
_C0 = np.float32(5.0000001201e-1)
# Adding and subtracting 1.5 * 2**23 rounds to a whole number.
_ROUND = np.float32(12582912.0)
_EXPONENT_SHIFT = np.int32(23)
_EXPONENT_BIAS = np.int32(127)

_ROWS = 16


@compiled
def add_products(x: Float32Array, kernel: Float32Array, out: Float32Array) -> None:
    """Add ``x @ kernel`` to ``out``; rows even in number, kernel rows a multiple of 4.

    Two rows and four kernel rows at a time keep all factors in vector registers. Each sum takes
    the products in the order of the kernel's rows.
    """
    columns = out.shape[1]
    for row in range(0, out.shape[0], 2):
        out_a = out[row]
        out_b = out[row + 1]
        for k in range(0, kernel.shape[0], 4):
            k0 = kernel[k]
            k1 = kernel[k + 1]
            k2 = kernel[k + 2]
            k3 = kernel[k + 3]
            a0, a1, a2, a3 = x[row, k], x[row, k + 1], x[row, k + 2], x[row, k + 3]
            b0, b1, b2, b3 = x[row + 1, k], x[row + 1, k + 1], x[row + 1, k + 2], x[row + 1, k + 3]
            for j in range(columns):
                out_a[j] = out_a[j] + a0 * k0[j] + a1 * k1[j] + a2 * k2[j] + a3 * k3[j]
                out_b[j] = out_b[j] + b0 * k0[j] + b1 * k1[j] + b2 * k2[j] + b3 * k3[j]


@compiled
def dense(x: Float32Array, kernel: Float32Array, bias: Float32Array, out: Float32Array) -> None:
    """Store ``x @ kernel + bias`` in ``out``; each sum starts with the bias."""
    for row in range(out.shape[0]):
        for j in range(out.shape[1]):
            out[row, j] = bias[j]
    add_products(x, kernel, out)


@compiled
def exp_parts(y: np.float32) -> tuple[np.float32, np.float32]:
    """Return m and s with ``exp(y) = (m + 1) * s`` for an argument limited to +-87.

    The power of two s leaves m between -0.3 and 0.42, and m is accurate near 0.
    """
    y = min(y, _LIMIT)
    y = max(y, -_LIMIT)
    shifted = y * _LOG2_E + _ROUND
    k = shifted - _ROUND
    r = y - k * _LN_2_HIGH - k * _LN_2_LOW
    p = ((((_C5 * r + _C4) * r + _C3) * r + _C2) * r + _C1) * r + _C0
    power = np.int32((np.int32(k) + _EXPONENT_BIAS) << _EXPONENT_SHIFT).view(np.float32)
    return p * r * r + r, power


@compiled
def sigmoid(z: np.float32) -> np.float32:
    """Return ``1 / (1 + exp(-z))``."""
    m, s = exp_parts(-z)
    value: np.float32 = _ONE / (_ONE + (m + _ONE) * s)
    return value


@compiled
def tanh(z: np.float32) -> np.float32:
    """Return ``(exp(2 z) - 1) / (exp(2 z) + 1)``."""
    m, s = exp_parts(_TWO * z)
    above = m * s + (s - _ONE)
    value: np.float32 = above / (above + _TWO)
    return value


@compiled
def gate(z: Float32Array, hidden: Float32Array) -> None:
    """Store ``sigmoid(o) * (sigmoid(i) * relu(g))`` for the columns i, g, o of ``z``."""
    width = hidden.shape[1]
    for row in range(hidden.shape[0]):
        gates = z[row]
        out = hidden[row]
        for j in range(width):
            g = gates[width + j]
            g = max(_ZERO, g)
            g = min(g, LARGEST_HIDDEN)
            out[j] = sigmoid(gates[2 * width + j]) * (sigmoid(gates[j]) * g)


@compiled
def step(z: Float32Array, cell: Float32Array, hidden: Float32Array) -> None:
    """Take ``cell`` and ``hidden`` one timestep on, for the columns i, f, g, o of ``z``.

    ``cell = sigmoid(f) * cell + sigmoid(i) * tanh(g)``, ``hidden = sigmoid(o) * tanh(cell)``.
    """
    width = hidden.shape[1]
    for row in range(hidden.shape[0]):
        gates = z[row]
        state = cell[row]
        out = hidden[row]
        for j in range(width):
            kept = sigmoid(gates[width + j]) * state[j]
            state[j] = kept + sigmoid(gates[j]) * tanh(gates[2 * width + j])
            out[j] = sigmoid(gates[3 * width + j]) * tanh(state[j])


@compiled
def add_squares(x: Float32Array, rebuilt: Float32Array, n_columns: int, totals: FloatArray) -> None:
    """Add each row's squared differences to its total, in float64 and from left to right."""
    for row in range(x.shape[0]):
        total = totals[row]
        for j in range(n_columns):
            difference = np.float64(x[row, j] - rebuilt[row, j])
            total += difference * difference
        totals[row] = total


@compiled
def store_shares(
    x: Float32Array, rebuilt: Float32Array, columns: IntArray, n_features: int, shares: FloatArray
) -> None:
    """Store squared differences, divided by the number of features, at their columns."""
    for row in range(shares.shape[0]):
        for j in range(columns.size):
            difference = np.float64(x[row, j] - rebuilt[row, j])
            shares[row, columns[j]] = difference * difference / n_features


@compiled
def record_errors(
    X: Float32Array,
    layer_1: Layer,
    layer_2: Layer,
    layer_3: Layer,
    errors: FloatArray,
    shares: FloatArray,
) -> None:
    """Store each row's mean squared reconstruction error under one timestep of all features.

    ``shares`` gets each feature's part of it, unless it has no rows.

    Sums over up to 300 features of
    values within +-1e30 and weights within +-1e6 stay finite.
    """
    kernel_1, bias_1 = layer_1
    kernel_2, bias_2 = layer_2
    kernel_3, bias_3 = layer_3
    n_rows, n_features = X.shape
    x = np.zeros((_ROWS, kernel_1.shape[0]), dtype=np.float32)
    z_1 = np.empty((_ROWS, kernel_1.shape[1]), dtype=np.float32)
    hidden_1 = np.empty((_ROWS, kernel_2.shape[0]), dtype=np.float32)
    z_2 = np.empty((_ROWS, kernel_2.shape[1]), dtype=np.float32)
    hidden_2 = np.empty((_ROWS, kernel_3.shape[0]), dtype=np.float32)
    rebuilt = np.empty((_ROWS, kernel_3.shape[1]), dtype=np.float32)
    totals = np.empty(_ROWS)
    for start in range(0, n_rows, _ROWS):
        # In the last block, rows past the end keep what was there: finite, and never read.
        for row in range(min(_ROWS, n_rows - start)):
            for j in range(n_features):
                x[row, j] = X[start + row, j]
        dense(x, kernel_1, bias_1, z_1)
        gate(z_1, hidden_1)
        dense(hidden_1, kernel_2, bias_2, z_2)
        gate(z_2, hidden_2)
        dense(hidden_2, kernel_3, bias_3, rebuilt)
        totals[:] = 0.0
        add_squares(x, rebuilt, n_features, totals)
        for row in range(min(_ROWS, n_rows - start)):
            errors[start + row] = totals[row] / n_features
        if shares.shape[0] > 0:
            stop = min(start + _ROWS, n_rows)
            store_shares(x, rebuilt, np.arange(n_features), n_features, shares[start:stop])


@compiled
def gather(X: Float32Array, start: int, count: int, order: IntArray, x: Float32Array) -> None:
    """Copy ``count`` rows of ``X`` into ``x``, of shape (n_steps, rows, statistics), by step."""
    for t in range(order.shape[0]):
        for row in range(count):
            for j in range(order.shape[1]):
                x[t, row, j] = X[start + row, order[t, j]]


@compiled
def window_errors(
    X: Float32Array,
    order: IntArray,
    layers: tuple[Layer, Float32Array, Layer, Float32Array, Layer],
    errors: FloatArray,
    shares: FloatArray,
) -> None:
    """Store each row's mean squared reconstruction error under one timestep per decay window.

    ``order[t, j]`` is the column of statistic j at timestep t; the layers are encoder and its
    memory, decoder and its memory, and output, a memory being a recurrent kernel. ``shares`` gets
    each feature's part of the error, unless it has no rows. Sums over up to 300 statistics of
    values within +-1e30 and weights within +-1e6 stay finite, and states lie within the number of
    timesteps.
    """
    encoder, encoder_memory, decoder, decoder_memory, output = layers
    n_rows = X.shape[0]
    n_steps, n_statistics = order.shape
    units = encoder_memory.shape[0]
    x = np.zeros((n_steps, _ROWS, encoder[0].shape[0]), dtype=np.float32)
    z = np.empty((_ROWS, encoder[0].shape[1]), dtype=np.float32)
    repeated = np.empty_like(z)
    cell = np.empty((_ROWS, units), dtype=np.float32)
    hidden = np.empty((_ROWS, units), dtype=np.float32)
    rebuilt = np.empty((_ROWS, output[0].shape[1]), dtype=np.float32)
    totals = np.empty(_ROWS)
    for start in range(0, n_rows, _ROWS):
        count = min(_ROWS, n_rows - start)
        # In the last block, rows past the end keep what was there: finite, and never read.
        gather(X, start, count, order, x)
        cell[:] = _ZERO
        for t in range(n_steps):
            dense(x[t], encoder[0], encoder[1], z)
            if t > 0:
                add_products(hidden, encoder_memory, z)
            step(z, cell, hidden)
        dense(hidden, decoder[0], decoder[1], repeated)
        cell[:] = _ZERO
        totals[:] = 0.0
        for t in range(n_steps):
            z[:] = repeated
            if t > 0:
                add_products(hidden, decoder_memory, z)
            step(z, cell, hidden)
            dense(hidden, output[0], output[1], rebuilt)
            add_squares(x[t], rebuilt, n_statistics, totals)
            if shares.shape[0] > 0:
                store_shares(x[t], rebuilt, order[t], order.size, shares[start : start + count])
        for row in range(count):
            errors[start + row] = totals[row] / order.size
