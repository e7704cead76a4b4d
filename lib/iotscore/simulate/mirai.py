"""Mirai's captures: a scanner that sends bursts of SYNs, and floods with the scanner beside them.

A burst is about 160 SYNs (SCANNER_RAW_PPS in Mirai's source), each to a host never met before.
Rates and sizes of the floods were read off the published statistics; three groups of devices
differ. No answers were captured, so every covariance is 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from iotscore.simulate.infected import ELSEWHERE, VICTIM, chatter, paced
from iotscore.simulate.packets import (
    LONE_CHANNEL,
    LONE_SOCKET,
    RECORDED,
    capture,
    packets,
    sometimes,
)

if TYPE_CHECKING:
    from numpy.random import Generator

    from iotscore.simulate.packets import Packets, Times


_SYN: Final = 60


class _Bot(NamedTuple):
    """How fast one group of devices runs Mirai: packets per second of each part."""

    scan: float
    burst: float
    flood: dict[str, float]
    spread: float
    duty: float


_BOTS: Final = {
    "steady": _Bot(148.0, 170.0, {"ack": 295, "syn": 318, "udp": 295, "udpplain": 182}, 0.06, 1.0),
    "hasty": _Bot(106.0, 150.0, {"ack": 330, "syn": 370, "udp": 340, "udpplain": 240}, 0.28, 1.0),
    "halting": _Bot(100.0, 125.0, {"ack": 295, "syn": 370, "udp": 290, "udpplain": 195}, 0.08, 0.4),
}
_GROUP: Final = {
    **dict.fromkeys((1, 4), "steady"),
    **dict.fromkeys((2, 8, 9), "hasty"),
    **dict.fromkeys((5, 6), "halting"),
}
_FLOOD_SIZE: Final = {"ack": 566, "syn": 74, "udp": 554, "udpplain": 554}


def _scan_bursts(rng: Generator, device: int, n: int, bot: _Bot) -> Packets:
    """Return n packets of Mirai's scanner: bursts of SYNs, each to a host never met before."""
    sizes = rng.normal(bot.burst, 0.08 * bot.burst, int(1.3 * n / bot.burst) + 3)
    counts = np.maximum(sizes, 1.0).astype(np.int64)
    cycle = bot.burst / bot.scan
    starts = np.arange(len(sizes)) * cycle + rng.uniform(0.0, 0.3 * cycle, len(sizes))
    time = np.repeat(starts, counts)
    time = np.sort(time + rng.uniform(0.0, 0.14, len(time)))[:n]
    return packets(
        time,
        mac=device,
        source=device,
        target=ELSEWHERE + np.arange(len(time)),
        source_port=rng.integers(1024, 65536, len(time)),
        target_port=23,
        size=_SYN,
        flags=RECORDED | LONE_CHANNEL | LONE_SOCKET,
    )


def mirai_scan(rng: Generator, device: int, n: int) -> Packets:
    """Return the scanner alone, with the little that the device sends besides."""
    scan = _scan_bursts(rng, device, n, _BOTS[_GROUP[device]])
    seconds = float(scan["time"][-1])
    return capture((scan, chatter(rng, device, seconds, 0.3, replies=False)))


def mirai_flood(rng: Generator, device: int, n: int, flood: str) -> Packets:
    """Return one of Mirai's floods of a victim's ports, with the scanner running beside it."""
    bot = _BOTS[_GROUP[device]]
    rate = bot.flood[flood] * bot.duty
    n_flood = int(1.15 * n * rate / (rate + bot.scan)) + 300
    time = paced(rng, n_flood, bot.flood[flood], spread=bot.spread)
    if bot.duty < 1.0:
        time = _halting(rng, time, on=8.0, off=8.0 * (1.0 / bot.duty - 1.0))
    n_scan = int(1.15 * n * bot.scan / (rate + bot.scan)) + 300
    plain = flood == "udpplain"
    sent = packets(
        time,
        mac=device,
        source=device,
        target=VICTIM,
        source_port=40000 if plain else rng.integers(1024, 65536, n_flood),
        target_port=9000 if plain else rng.integers(1, 65536, n_flood),
        size=_FLOOD_SIZE[flood],
        flags=RECORDED if plain else RECORDED | LONE_SOCKET,
    )
    odd = sometimes(rng, n_flood, 2e-4)
    sent["size"][odd] = _SYN
    sent["source_port"][odd] = rng.integers(1024, 65536, int(odd.sum()))
    sent["flags"][odd] |= LONE_SOCKET
    talk = chatter(rng, device, float(time[-1]), 0.2, replies=False)
    return capture((sent, _scan_bursts(rng, device, n_scan, bot), talk))


def _halting(rng: Generator, time: Times, *, on: float, off: float) -> Times:
    """Insert pauses of mean `off` seconds after stretches of mean `on` seconds."""
    stretches = int(2.0 * time[-1] / on) + 8
    ends = np.cumsum(rng.exponential(on, stretches))
    waits = np.cumsum(rng.exponential(off, stretches))
    passed = np.searchsorted(ends, time)
    return time + np.concatenate(([0.0], waits))[np.minimum(passed, stretches)]
