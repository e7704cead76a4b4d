"""The loops behind :mod:`iotscore.simulate.afterimage`, compiled.

All compiled functions stand in this one module, because numba notices changes of the file of a
cached function only. State is a row of numbers per stream or pair of streams; a hash table (open
addressing, linear probing, never more than half full) finds the row. Its keys are 64-bit hashes
of the stream's addresses: among a million streams, any two share one with probability 3e-8.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.kernels.jit import compiled
from iotscore.features import DECAYS
from iotscore.simulate.packets import LONE_CHANNEL, LONE_SOCKET, LONE_SOURCE, RECORDED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Table = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]
    """Keys, their rows (0: free), the number of rows in use, and the state, a row per stream."""

_N: Final = len(DECAYS)
# A one-way stream is [last time, w x 5, linear sum x 5, squared sum x 5].
_W: Final = 1
_LS: Final = _W + _N
_SS: Final = _LS + _N
STREAM: Final = _SS + _N
# A pair is two streams, then [last time, sum of products x 5, count x 5, residuals x 5 of each
# direction]; a channel's pair ends with the two jitter streams.
_LINK: Final = 2 * STREAM
_PRODUCT: Final = _LINK + 1
_COUNT: Final = _PRODUCT + _N
_RESIDUAL: Final = _COUNT + _N
SOCKET: Final = _RESIDUAL + 2 * _N
CHANNEL: Final = SOCKET + 2 * STREAM

_NO_MAC: Final = -1
"""Stands for the hardware address in the key of a stream that is told by its IP alone."""


@compiled
def _mix(high: int, low: int) -> Any:  # noqa: ANN401 - uint64
    """Hash two integers to one (the finaliser of SplitMix64; Steele et al. 2014)."""
    key = np.uint64(high) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(low)
    key = (key ^ (key >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    key = (key ^ (key >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return key ^ (key >> np.uint64(31))


@compiled
def row_of(table: Table, key: int, lone: bool) -> Any:  # noqa: ANN401, FBT001
    """Return the row of a key: the next free one for a new key, a cleared row 0 for a lone one."""
    keys, rows, used, state = table
    if lone:
        state[0, :] = 0.0
        return 0
    mask = np.uint64(len(keys) - 1)
    at = key & mask
    while rows[at] > 0:
        if keys[at] == key:
            return rows[at]
        at = (at + np.uint64(1)) & mask
    keys[at] = key
    rows[at] = used[0]
    used[0] += 1
    return rows[at]


@compiled
def _insert(
    state: NDArray[Any], row: int, base: int, time: float, value: float, decays: NDArray[Any]
) -> None:
    """Fade a stream to `time` and add one value."""
    gap = time - state[row, base]
    if gap > 0.0:
        state[row, base] = time
        for k in range(_N):
            factor = math.exp(decays[k] * gap)
            state[row, base + _W + k] *= factor
            state[row, base + _LS + k] *= factor
            state[row, base + _SS + k] *= factor
    for k in range(_N):
        state[row, base + _W + k] += 1.0
        state[row, base + _LS + k] += value
        state[row, base + _SS + k] += value * value


@compiled
def _insert_linked(
    state: NDArray[Any], row: int, side: int, time: float, size: float, decays: NDArray[Any]
) -> None:
    """Add one packet to a side of a pair and to the pair's sum of residual products."""
    base = side * STREAM
    _insert(state, row, base, time, size, decays)
    own = _RESIDUAL + side * _N
    other = _RESIDUAL + (1 - side) * _N
    gap = time - state[row, _LINK]
    if gap > 0.0:
        state[row, _LINK] = time
        for k in range(_N):
            factor = math.exp(decays[k] * gap)
            state[row, _PRODUCT + k] *= factor
            state[row, _COUNT + k] *= factor
            state[row, other + k] *= factor
    for k in range(_N):
        residual = size - state[row, base + _LS + k] / state[row, base + _W + k]
        state[row, _PRODUCT + k] += residual * state[row, other + k]
        state[row, _COUNT + k] += 1.0
        state[row, own + k] = residual


@compiled
def _moments(state: NDArray[Any], row: int, base: int, k: int) -> tuple[float, float]:
    """Return mean and variance of a stream, zeros for one that is empty."""
    weight = state[row, base + _W + k]
    if weight == 0.0:
        return 0.0, 0.0
    mean = state[row, base + _LS + k] / weight
    return mean, abs(state[row, base + _SS + k] / weight - mean * mean)


@compiled
def _write_one_way(
    out: NDArray[Any], at: int, column: int, state: NDArray[Any], row: int, base: int
) -> int:
    for k in range(_N):
        mean, variance = _moments(state, row, base, k)
        out[at, column] = state[row, base + _W + k]
        out[at, column + 1] = mean
        out[at, column + 2] = variance
        column += 3
    return column


@compiled
def _write_two_way(
    out: NDArray[Any], at: int, column: int, state: NDArray[Any], row: int, side: int
) -> int:
    for k in range(_N):
        mean, variance = _moments(state, row, side * STREAM, k)
        other_mean, other_variance = _moments(state, row, (1 - side) * STREAM, k)
        covariance = state[row, _PRODUCT + k] / state[row, _COUNT + k]
        spread = math.sqrt(variance) * math.sqrt(other_variance)
        out[at, column] = state[row, side * STREAM + _W + k]
        out[at, column + 1] = mean
        out[at, column + 2] = math.sqrt(variance)
        out[at, column + 3] = math.sqrt(mean * mean + other_mean * other_mean)
        out[at, column + 4] = math.sqrt(variance * variance + other_variance * other_variance)
        out[at, column + 5] = covariance
        out[at, column + 6] = covariance / spread if spread != 0.0 else 0.0
        column += 7
    return column


@compiled
def observe(
    batch: NDArray[Any],
    one_way: Table,
    channels: Table,
    sockets: Table,
    decays: NDArray[Any],
    out: NDArray[Any],
) -> int:
    """Update every stream with each packet; write a row for each recorded one; count them."""
    written = 0
    for i in range(len(batch)):
        packet = batch[i]
        flags = packet["flags"]
        recorded = (flags & RECORDED) != 0
        if not recorded and (flags & LONE_SOURCE) != 0:
            continue
        time = packet["time"]
        size = float(packet["size"])
        source = packet["source"]
        target = packet["target"]
        column = 0
        lone = (flags & LONE_SOURCE) != 0
        for stream in range(2):
            sender = packet["mac"] if stream == 0 else _NO_MAC
            row = row_of(one_way, _mix(sender, source), lone)
            _insert(one_way[3], row, 0, time, size, decays)
            if recorded:
                column = _write_one_way(out, written, column, one_way[3], row, 0)
        side = 0 if source < target else 1
        hosts = _mix(min(source, target), max(source, target))
        lone = (flags & LONE_CHANNEL) != 0
        if recorded or not lone:
            row = row_of(channels, hosts, lone)
            _insert_linked(channels[3], row, side, time, size, decays)
            jitter = SOCKET + side * STREAM
            _insert(channels[3], row, jitter, time, time - channels[3][row, jitter], decays)
            if recorded:
                column = _write_two_way(out, written, column, channels[3], row, side)
                column = _write_one_way(out, written, column, channels[3], row, jitter)
        lone = (flags & LONE_SOCKET) != 0
        if recorded or not lone:
            low, high = packet["source_port"], packet["target_port"]
            if side == 1:
                low, high = high, low
            row = row_of(sockets, _mix(hosts, _mix(low, high)), lone)
            _insert_linked(sockets[3], row, side, time, size, decays)
            if recorded:
                column = _write_two_way(out, written, column, sockets[3], row, side)
                written += 1
    return written
