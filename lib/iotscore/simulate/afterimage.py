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

from iotscore.features import DECAYS, N_FEATURES
from iotscore.simulate._kernel import CHANNEL, SOCKET, STREAM, observe, row_of
from iotscore.simulate.packets import RECORDED

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from iotscore.simulate._kernel import Table

RATES: Final = np.array([float(name[1:]) for name in DECAYS])
"""Decay factors in 1/s, in file order."""

_EXPONENTS: Final = -math.log(2.0) * RATES

_CHUNK: Final = 8192
"""Packets between two checks of the tables' capacity."""


def _empty(width: int, capacity: int = 4096) -> Table:
    """Return a table for so many streams; row 0 is the scratch row of lone streams."""
    return (
        np.zeros(2 * capacity, np.uint64),
        np.zeros(2 * capacity, np.int64),
        np.ones(1, np.int64),
        np.zeros((capacity, width)),
    )


def _roomier(table: Table, extra: int) -> Table:
    """Return the table with room for `extra` more streams, itself where it has it."""
    keys, rows, used, state = table
    needed = int(used[0]) + extra
    if needed <= len(state):
        return table
    grown = _empty(state.shape[1], 1 << (needed - 1).bit_length())
    taken = np.flatnonzero(rows)
    for at in taken[np.argsort(rows[taken])]:
        row_of(grown, keys[at], lone=False)
    grown[3][: len(state)] = state
    return grown


class AfterImage:
    """The statistics of every stream of one capture, fed in order of time.

    Memory grows with the number of streams that are not flagged lone: 0.7 kB for a channel,
    0.4 kB for a socket.
    """

    def __init__(self) -> None:
        self._one_way = _empty(STREAM)
        self._channels = _empty(CHANNEL)
        self._sockets = _empty(SOCKET)

    def rows(self, batch: NDArray[Any]) -> NDArray[np.float64]:
        """Feed packets, in order of time over all calls, and return rows of the recorded ones.

        Float64 of shape (n_recorded, 115), in the order of ``features.SOURCE_FEATURES``.
        """
        out = np.empty((int(np.count_nonzero(batch["flags"] & RECORDED)), N_FEATURES))
        written = 0
        for start in range(0, len(batch), _CHUNK):
            part = batch[start : start + _CHUNK]
            self._one_way = _roomier(self._one_way, 2 * len(part))
            self._channels = _roomier(self._channels, len(part))
            self._sockets = _roomier(self._sockets, len(part))
            written += observe(
                part, self._one_way, self._channels, self._sockets, _EXPONENTS, out[written:]
            )
        return out
