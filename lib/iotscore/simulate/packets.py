"""What a packet is to the simulator, and how packets of several sources become one capture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.random import Generator
    from numpy.typing import ArrayLike, NDArray

    Packets = NDArray[Any]
    """Of dtype :data:`PACKET`, shape (n,)."""
    Times = NDArray[np.float64]

RECORDED: Final = 1
"""Flag: the packet becomes a row of the file. Replies only change the statistics."""
LONE_SOURCE: Final = 2
"""Flag: the source address (spoofed) occurs in this packet only."""
LONE_CHANNEL: Final = 4
"""Flag: no other packet goes between these two hosts."""
LONE_SOCKET: Final = 8
"""Flag: no other packet goes between these two sockets."""
SPOOFED: Final = RECORDED | LONE_SOURCE | LONE_CHANNEL | LONE_SOCKET

_NUMBERS: Final = ("mac", "source", "target", "source_port", "target_port", "size", "flags")
PACKET: Final = np.dtype(
    [("time", np.float64), *((name, np.int32) for name in _NUMBERS)], align=True
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


def packets(time: ArrayLike, **values: ArrayLike) -> Packets:
    """Return packets of shape (n,) with the values of fields by name; times give n.

    Scalars repeat; a field that is not named is 0.
    """
    times = np.asarray(time, dtype=np.float64).ravel()
    result = np.zeros(len(times), dtype=PACKET)
    for name, value in {"time": times, **values}.items():
        result[name] = value
    return result


def answers(sent: Packets, delay: ArrayLike, size: ArrayLike) -> Packets:
    """Return an answer to each packet, unrecorded, from its target `delay` seconds later."""
    return packets(
        sent["time"] + delay,
        source=sent["target"],
        target=sent["source"],
        source_port=sent["target_port"],
        target_port=sent["source_port"],
        size=size,
    )


def capture(parts: Sequence[Packets]) -> Packets:
    """Merge packets of several processes in order of time; ties keep the order of `parts`."""
    merged = np.concatenate(parts)
    return merged[np.argsort(merged["time"], kind="stable")]


def first_records(merged: Packets, n: int) -> Packets:
    """Cut a capture after its n-th recorded packet; shorter captures are returned whole."""
    recorded = np.flatnonzero(merged["flags"] & RECORDED)
    return merged if len(recorded) <= n else merged[: recorded[n - 1] + 1]
