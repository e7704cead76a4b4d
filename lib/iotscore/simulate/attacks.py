"""Attack captures: the packets that an infected device sends while one attack runs.

Rates, sizes and habits were read off the published statistics of each file: a SYN without options
is 60 bytes on the wire and one with options 74; gafgyt retries a connection after 3, 6 and 12
seconds and walks through the 28,232 ephemeral ports of Linux; Mirai's scanner sends bursts of 160
SYNs (its ``SCANNER_RAW_PPS``) beside every flood.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from iotscore.simulate.packets import (
    LONE_CHANNEL,
    LONE_SOCKET,
    RECORDED,
    SPOOFED,
    capture,
    first_records,
    packets,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator
    from numpy.typing import NDArray

    Packets = NDArray[Any]
    Times = NDArray[np.float64]

VICTIM: Final = 50
CONTROLLER: Final = 60
"""First of the few hosts that an infected device keeps talking to."""
ELSEWHERE: Final = 1_000_000
"""First of the addresses that scans and spoofing draw from, each used once."""

_EPHEMERAL: Final = (32768, 28232)
"""First of Linux's ephemeral ports and their number (ip_local_port_range)."""
_SYN: Final = 60
_SYN_WITH_OPTIONS: Final = 74
_CHATTER_SIZES: Final = (
    (60, 70, 90, 98, 150, 590, 1450),
    (0.3, 0.1, 0.25, 0.2, 0.05, 0.06, 0.04),
)


def paced(rng: Generator, n: int, rate: float, *, spread: float, pauses: float = 0.0) -> Times:
    """Return n ascending times from 0 s: Poisson arrivals whose rate wanders from second to second.

    Parameters
    ----------
    rng : Generator
        Source of randomness.
    n : int
        Number of times.
    rate : float
        Arrivals per second while sending.
    spread : float
        Standard deviation of the logarithm of each second's rate.
    pauses : float
        Share of the time without any arrival, in pauses of a second or so.
    """
    block = max(1, round(rate))
    blocks = n // block + 1
    pace = np.repeat(rng.lognormal(0.0, spread, blocks), block)[:n]
    gaps = rng.exponential(1.0 / rate, n) * pace
    if pauses > 0.0:
        mean_pause = 4.0 * pauses / (1.0 - pauses)
        paused = np.flatnonzero(rng.random(blocks) < 1.0 / 4.0) * block
        paused = paused[paused < n]
        gaps[paused] += rng.exponential(mean_pause, len(paused))
    return np.cumsum(gaps)


def _chatter(rng: Generator, device: int, seconds: float, rate: float, *, replies: bool) -> Packets:
    """Return what else an infected device sends: short talks with its controller and others."""
    talks = rng.poisson(seconds * rate / 2.0) + 1
    starts = np.concatenate(([0.0], np.sort(rng.uniform(0.0, seconds, talks - 1))))
    lengths = rng.geometric(0.5, talks)
    n = int(lengths.sum())
    start = np.repeat(starts, lengths)
    first = np.repeat(np.cumsum(lengths) - lengths, lengths)
    time = start + (np.arange(n) - first) * rng.exponential(0.3, n)
    sizes, shares = _CHATTER_SIZES
    host = np.repeat(CONTROLLER + rng.integers(0, 4, talks), lengths)
    port = np.repeat(rng.integers(*np.cumsum(_EPHEMERAL), talks), lengths)
    sent = packets(
        time,
        mac=device,
        source=device,
        target=host,
        source_port=port,
        target_port=443,
        size=rng.choice(sizes, n, p=shares),
        flags=RECORDED,
    )
    if not replies:
        sent["size"] = np.minimum(sent["size"], 96)
        return sent
    answered = rng.random(n) < 0.8
    back = packets(
        time[answered] + rng.exponential(0.03, int(answered.sum())),
        mac=0,
        source=host[answered],
        target=device,
        source_port=443,
        target_port=port[answered],
        size=rng.choice(sizes, int(answered.sum()), p=shares),
        flags=0,
    )
    return np.concatenate((sent, back))


def _connection_flood(rng: Generator, device: int, n: int) -> Packets:
    """Gafgyt combo and junk: connections to one port of a victim, each answered by a reset."""
    time = paced(rng, n, 575.0, spread=0.06, pauses=0.03)
    first, count = _EPHEMERAL
    port = first + (rng.integers(count) + np.arange(n)) % count
    sent = packets(
        time,
        mac=device,
        source=device,
        target=VICTIM,
        source_port=port,
        target_port=80,
        size=_SYN_WITH_OPTIONS,
        flags=RECORDED,
    )
    odd = rng.random(n) < 2e-4
    odd[:3] = True
    sent["size"][odd] = rng.choice((60, 66, 70), int(odd.sum()))
    reset = packets(
        time + rng.uniform(0.0008, 0.0015, n),
        mac=0,
        source=VICTIM,
        target=device,
        source_port=80,
        target_port=port,
        size=_SYN,
        flags=0,
    )
    return capture((sent, reset, _chatter(rng, device, time[-1], 1.5, replies=True)))


def _retrying_scan(rng: Generator, device: int, n: int) -> Packets:
    """Gafgyt scan: waves of connections to new hosts, each tried again after 3 and 9 seconds."""
    wave = 128
    waves = n // (3 * wave) + 4
    start = np.cumsum(rng.normal(6.3, 0.4, waves))
    step = rng.exponential(1.0 / 170.0, (waves, wave)) * rng.lognormal(0.0, 0.3, (waves, 1))
    tries = np.array([0.0, 3.0, 9.0, 21.0])
    first = (start[:, None] + np.cumsum(step, axis=1)).ravel()
    time = first[:, None] + tries + np.sort(rng.uniform(0.0, 0.06, (len(first), 4)), axis=1)
    made = np.ones(time.shape, dtype=bool)
    made[:, 3] = rng.random(len(first)) < 0.04
    host = np.broadcast_to(ELSEWHERE + np.arange(len(first))[:, None], time.shape)
    port = np.broadcast_to(rng.integers(*np.cumsum(_EPHEMERAL), len(first))[:, None], time.shape)
    sent = packets(
        time[made],
        mac=device,
        source=device,
        target=host[made],
        source_port=port[made],
        target_port=23,
        size=_SYN_WITH_OPTIONS,
        flags=RECORDED,
    )
    refused = rng.random(len(sent)) < 0.01
    reset = sent[refused]
    reset["time"] += 0.05
    reset["mac"], reset["source"], reset["target"] = 0, reset["target"], device
    reset["source_port"], reset["target_port"] = 23, reset["source_port"]
    reset["size"], reset["flags"] = _SYN, 0
    return capture((sent, reset, _chatter(rng, device, time.max(), 1.1, replies=True)))


def _spoofed_flood(rng: Generator, device: int, n: int) -> Packets:
    """Gafgyt tcp and udp: every packet from another invented source."""
    time = paced(rng, n, 700.0, spread=0.15)
    sent = packets(
        time,
        mac=device,
        source=ELSEWHERE + np.arange(n),
        target=VICTIM,
        source_port=rng.integers(1024, 65536, n),
        target_port=80,
        size=_SYN,
        flags=SPOOFED,
    )
    return capture((sent, _chatter(rng, device, time[-1], 1.0, replies=True)))


class _Bot(NamedTuple):
    """How fast one group of devices runs Mirai: packets per second of each part."""

    scan: float
    burst: float
    flood: dict[str, float]
    spread: float
    duty: float


_FLOODS: Final = ("ack", "syn", "udp", "udpplain")
_BOTS: Final = {
    "steady": _Bot(148.0, 170.0, {"ack": 295, "syn": 318, "udp": 295, "udpplain": 182}, 0.06, 1.0),
    "hasty": _Bot(106.0, 150.0, {"ack": 330, "syn": 370, "udp": 340, "udpplain": 240}, 0.28, 1.0),
    "halting": _Bot(100.0, 125.0, {"ack": 295, "syn": 370, "udp": 290, "udpplain": 195}, 0.08, 0.4),
}
_GROUP: Final = {
    1: "steady",
    2: "hasty",
    4: "steady",
    5: "halting",
    6: "halting",
    8: "hasty",
    9: "hasty",
}
_FLOOD_SIZE: Final = {"ack": 566, "syn": 74, "udp": 554, "udpplain": 554}


def _scan_bursts(rng: Generator, device: int, n: int, bot: _Bot) -> Packets:
    """Return n packets of Mirai's scanner: bursts of SYNs, each to a host never met before."""
    sizes = rng.normal(bot.burst, 0.08 * bot.burst, int(1.3 * n / bot.burst) + 3)
    sizes = np.maximum(sizes, 1.0).astype(np.int64)
    cycle = bot.burst / bot.scan
    starts = np.arange(len(sizes)) * cycle + rng.uniform(0.0, 0.3 * cycle, len(sizes))
    time = np.repeat(starts, sizes)
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


def _mirai_scan(rng: Generator, device: int, n: int) -> Packets:
    scan = _scan_bursts(rng, device, n, _BOTS[_GROUP[device]])
    seconds = float(scan["time"][-1])
    return capture((scan, _chatter(rng, device, seconds, 0.3, replies=False)))


def _mirai_flood(rng: Generator, device: int, n: int, flood: str) -> Packets:
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
    odd = rng.random(n_flood) < 2e-4
    sent["size"][odd] = _SYN
    sent["source_port"][odd] = rng.integers(1024, 65536, int(odd.sum()))
    sent["flags"][odd] |= LONE_SOCKET
    chatter = _chatter(rng, device, float(time[-1]), 0.2, replies=False)
    return capture((sent, _scan_bursts(rng, device, n_scan, bot), chatter))


def _halting(rng: Generator, time: Times, *, on: float, off: float) -> Times:
    """Insert pauses of mean `off` seconds after stretches of mean `on` seconds."""
    stretches = int(2.0 * time[-1] / on) + 8
    ends = np.cumsum(rng.exponential(on, stretches))
    waits = np.cumsum(rng.exponential(off, stretches))
    passed = np.searchsorted(ends, time)
    return time + np.concatenate(([0.0], waits))[np.minimum(passed, stretches)]


_ATTACKS: Final[dict[str, Callable[[Generator, int, int], Packets]]] = {
    "gafgyt.combo": _connection_flood,
    "gafgyt.junk": _connection_flood,
    "gafgyt.scan": _retrying_scan,
    "gafgyt.tcp": _spoofed_flood,
    "gafgyt.udp": _spoofed_flood,
    "mirai.scan": _mirai_scan,
}

_STARTS: Final = {
    "gafgyt.combo": 1505915400,
    "gafgyt.junk": 1505914800,
    "gafgyt.scan": 1505912700,
    "gafgyt.tcp": 1505913600,
    "gafgyt.udp": 1505913300,
    "mirai.scan": 1507653000,
    "mirai.udp": 1507656000,
    "mirai.syn": 1507657200,
    "mirai.ack": 1507658400,
    "mirai.udpplain": 1507659600,
}
"""Unix time of each capture's start: 2017-09-20 (gafgyt) and 2017-10-10 (mirai)."""

_BEFORE_GAP: Final = 6
_MISSING: Final = {"gafgyt.scan": 0.03, "mirai": 0.05}
"""Mean share of a capture that was not recorded, after its first few rows.

The published rows jump there: the sixth row of 1.gafgyt.scan.csv has seen 6 packets, the seventh
about 1,066.
"""


def attack(device: int, kind: str, n: int, rng: Generator) -> Packets:
    """Return an attack's capture with exactly `n` recorded packets.

    Parameters
    ----------
    device : int
        Number of the infected device.
    kind : str
        Family and attack, for example ``gafgyt.tcp`` (see ``layout.KINDS``).
    n : int
        Recorded packets, at least 1.
    rng : Generator
        Source of randomness; the same one gives the same packets.
    """
    family, name = kind.split(".")
    missing = int(n * rng.uniform(0.0, 2.0 * _MISSING.get(kind, _MISSING.get(family, 0.0))))
    if family == "mirai" and name in _FLOODS:
        sent = _mirai_flood(rng, device, n + missing, name)
    else:
        sent = _ATTACKS[kind](rng, device, n + missing)
    sent["time"] += _STARTS[kind] + rng.uniform(0.0, 100.0)
    sent = first_records(sent, n + missing)
    records = np.flatnonzero(sent["flags"] & RECORDED)
    sent["flags"][records[_BEFORE_GAP : _BEFORE_GAP + missing]] &= ~RECORDED
    return sent
