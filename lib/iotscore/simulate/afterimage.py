"""Damped incremental statistics of packet streams: the 115 features, packet by packet.

The algorithm is AfterImage (Mirsky et al., "Kitsune", NDSS 2018, section IV-B), with the streams
and statistics of N-BaIoT (Meidan et al. 2018, table 2). A stream keeps a weight ``w``, a linear
sum and a squared sum; all three fade by ``2 ** (-decay * seconds)`` since its last packet:

* mean = linear sum / w; variance = abs(squared sum / w - mean ** 2);
* magnitude = hypot of the means of both directions, radius = hypot of their *variances*
  (so in the data, though later versions of Kitsune use the root of their sum);
* covariance: each direction keeps its last residual (size - mean); a packet adds the product of
  its residual and the other direction's last one to a fading sum, divided by its own fading
  count. The other's residual fades too: the published code of Kitsune leaves it as it is, but a
  stale one then drives pcc into the millions, and the data stay within [-2.3, 2.9];
* pcc = covariance / product of both standard deviations, 0 where that product is 0; nothing
  bounds it to [-1, 1].

A jitter stream measures the gap since its channel's last packet in the same direction. Its clock
starts at 0, so the first gap of a channel is the Unix time itself: the peculiarity of
``HH_jit_*_mean`` in the published data. All other streams start empty, and an empty direction
has mean and variance 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import njit

from iotscore.columns import DECAYS, N_FEATURES
from iotscore.simulate.packets import LONE_CHANNEL, LONE_SOCKET, LONE_SOURCE, RECORDED
from iotscore.simulate.stream_table import empty_table, mix, roomier, row_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iotscore.simulate.stream_table import Table

RATES: Final = np.array([float(name[1:]) for name in DECAYS])
"""Decay factors in 1/s, in file order."""

_EXPONENTS: Final = -math.log(2.0) * RATES

_N: Final = len(DECAYS)
# A one-way stream is [last time, w x 5, linear sum x 5, squared sum x 5].
_W: Final = 1
_LS: Final = _W + _N
_SS: Final = _LS + _N
_STREAM: Final = _SS + _N
# A pair is two streams, then [last time, sum of products x 5, count x 5, residuals x 5 of each
# direction]; a channel's pair ends with the two jitter streams.
_LINK: Final = 2 * _STREAM
_PRODUCT: Final = _LINK + 1
_COUNT: Final = _PRODUCT + _N
_RESIDUAL: Final = _COUNT + _N
_SOCKET: Final = _RESIDUAL + 2 * _N
_CHANNEL: Final = _SOCKET + 2 * _STREAM

_NO_MAC: Final = -1
"""Stands for the hardware address in the key of a stream that is told by its IP alone."""

_CHUNK: Final = 8192
"""Packets between two checks of the tables' capacity."""


@njit(cache=True)
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


@njit(cache=True)
def _insert_linked(
    state: NDArray[Any], row: int, side: int, time: float, size: float, decays: NDArray[Any]
) -> None:
    """Add one packet to a side of a pair and to the pair's sum of residual products."""
    base = side * _STREAM
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


@njit(cache=True)
def _moments(state: NDArray[Any], row: int, base: int, k: int) -> tuple[float, float]:
    """Return mean and variance of a stream, zeros for one that is empty."""
    weight = state[row, base + _W + k]
    if weight == 0.0:
        return 0.0, 0.0
    mean = state[row, base + _LS + k] / weight
    return mean, abs(state[row, base + _SS + k] / weight - mean * mean)


@njit(cache=True)
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


@njit(cache=True)
def _write_two_way(
    out: NDArray[Any], at: int, column: int, state: NDArray[Any], row: int, side: int
) -> int:
    for k in range(_N):
        mean, variance = _moments(state, row, side * _STREAM, k)
        other_mean, other_variance = _moments(state, row, (1 - side) * _STREAM, k)
        covariance = state[row, _PRODUCT + k] / state[row, _COUNT + k]
        spread = math.sqrt(variance) * math.sqrt(other_variance)
        out[at, column] = state[row, side * _STREAM + _W + k]
        out[at, column + 1] = mean
        out[at, column + 2] = math.sqrt(variance)
        out[at, column + 3] = math.sqrt(mean * mean + other_mean * other_mean)
        out[at, column + 4] = math.sqrt(variance * variance + other_variance * other_variance)
        out[at, column + 5] = covariance
        out[at, column + 6] = covariance / spread if spread != 0.0 else 0.0
        column += 7
    return column


@njit(cache=True)
def _observe(
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
            row = row_of(one_way, mix(sender, source), lone)
            _insert(one_way[3], row, 0, time, size, decays)
            if recorded:
                column = _write_one_way(out, written, column, one_way[3], row, 0)
        side = 0 if source < target else 1
        hosts = mix(min(source, target), max(source, target))
        lone = (flags & LONE_CHANNEL) != 0
        if recorded or not lone:
            row = row_of(channels, hosts, lone)
            _insert_linked(channels[3], row, side, time, size, decays)
            jitter = _SOCKET + side * _STREAM
            _insert(channels[3], row, jitter, time, time - channels[3][row, jitter], decays)
            if recorded:
                column = _write_two_way(out, written, column, channels[3], row, side)
                column = _write_one_way(out, written, column, channels[3], row, jitter)
        lone = (flags & LONE_SOCKET) != 0
        if recorded or not lone:
            low, high = packet["source_port"], packet["target_port"]
            if side == 1:
                low, high = high, low
            row = row_of(sockets, mix(hosts, mix(low, high)), lone)
            _insert_linked(sockets[3], row, side, time, size, decays)
            if recorded:
                column = _write_two_way(out, written, column, sockets[3], row, side)
                written += 1
    return written


class AfterImage:
    """The statistics of every stream of one capture, fed in order of time.

    Memory grows with the number of streams that are not flagged lone: 0.7 kB for a channel,
    0.4 kB for a socket.
    """

    def __init__(self) -> None:
        self._one_way = empty_table(_STREAM)
        self._channels = empty_table(_CHANNEL)
        self._sockets = empty_table(_SOCKET)

    def rows(self, batch: NDArray[Any]) -> NDArray[np.float64]:
        """Feed packets and return the features of the recorded ones.

        Parameters
        ----------
        batch : ndarray of shape (n_packets,), dtype PACKET
            In order of time, not before the packets of earlier calls.

        Returns
        -------
        ndarray of shape (n_recorded, 115), float64
            Columns in the order of ``columns.SOURCE_FEATURES``.
        """
        out = np.empty((int(np.count_nonzero(batch["flags"] & RECORDED)), N_FEATURES))
        written = 0
        for start in range(0, len(batch), _CHUNK):
            part = batch[start : start + _CHUNK]
            self._one_way = roomier(self._one_way, 2 * len(part))
            self._channels = roomier(self._channels, len(part))
            self._sockets = roomier(self._sockets, len(part))
            written += _observe(
                part, self._one_way, self._channels, self._sockets, _EXPONENTS, out[written:]
            )
        return out
