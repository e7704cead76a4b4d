"""What a packet is to the simulator, and how packets of several sources become one capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

RECORDED: Final = 1
"""Flag: the packet becomes a row of the file. Replies only change the statistics."""
LONE_SOURCE: Final = 2
"""Flag: the source address (spoofed) occurs in this packet only."""
LONE_CHANNEL: Final = 4
"""Flag: no other packet goes between these two hosts."""
LONE_SOCKET: Final = 8
"""Flag: no other packet goes between these two sockets."""
SPOOFED: Final = RECORDED | LONE_SOURCE | LONE_CHANNEL | LONE_SOCKET

PACKET: Final = np.dtype(
    [
        ("time", np.float64),
        ("mac", np.int32),
        ("source", np.int32),
        ("target", np.int32),
        ("source_port", np.int32),
        ("target_port", np.int32),
        ("size", np.int32),
        ("flags", np.int32),
    ],
    align=True,
)
"""One packet: Unix time in s, sender's hardware address, both sockets, bytes on the wire, flags.

Addresses are plain numbers. The ``LONE_*`` flags let the statistics forget such streams at once,
which keeps floods from new channels small in memory; they never change a row.
"""


_EPHEMERAL_START: Final = 32768
EPHEMERAL_PORTS: Final = 28232
"""How many source ports Linux takes in turn (ip_local_port_range: 32768 to 60999)."""


def ephemeral_port(number: ArrayLike) -> NDArray[np.int64]:
    """Return the source port of a system's connections `number`, counted from anywhere."""
    return _EPHEMERAL_START + np.asarray(number, dtype=np.int64) % EPHEMERAL_PORTS


def sometimes(rng: Generator, n: int, share: float) -> NDArray[np.bool_]:
    """Return n independent draws that are true with probability `share`."""
    return rng.random(n) < share


def packets(
    time: ArrayLike,
    *,
    mac: ArrayLike,
    source: ArrayLike,
    target: ArrayLike,
    source_port: ArrayLike,
    target_port: ArrayLike,
    size: ArrayLike,
    flags: ArrayLike,
) -> NDArray[Any]:
    """Return packets of dtype :data:`PACKET`, shape (n,); scalars repeat, times give n."""
    times = np.asarray(time, dtype=np.float64).ravel()
    result = np.empty(len(times), dtype=PACKET)
    result["time"] = times
    for name, values in (
        ("mac", mac),
        ("source", source),
        ("target", target),
        ("source_port", source_port),
        ("target_port", target_port),
        ("size", size),
        ("flags", flags),
    ):
        result[name] = values
    return result


def capture(parts: Sequence[NDArray[Any]]) -> NDArray[Any]:
    """Merge packets of several processes in order of time; ties keep the order of `parts`."""
    merged = np.concatenate(parts)
    return merged[np.argsort(merged["time"], kind="stable")]


def first_records(merged: NDArray[Any], n: int) -> NDArray[Any]:
    """Cut a capture after its n-th recorded packet; shorter captures are returned whole."""
    recorded = np.flatnonzero(merged["flags"] & RECORDED)
    return merged if len(recorded) <= n else merged[: recorded[n - 1] + 1]
