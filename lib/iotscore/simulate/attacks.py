"""Attack captures by kind: which process sends them, when, and which part was not recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.simulate.gafgyt import connection_flood, retrying_scan, spoofed_flood
from iotscore.simulate.mirai import FLOODS, mirai_flood, mirai_scan
from iotscore.simulate.packets import RECORDED, first_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from iotscore.simulate.packets import Packets


_ATTACKS: Final[dict[str, Callable[[Generator, int, int], Packets]]] = {
    "gafgyt.combo": connection_flood,
    "gafgyt.junk": connection_flood,
    "gafgyt.scan": retrying_scan,
    "gafgyt.tcp": spoofed_flood,
    "gafgyt.udp": spoofed_flood,
    "mirai.scan": mirai_scan,
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
    """Return an attack's capture with exactly `n` recorded packets, 1 or more.

    Its kind is family and attack, such as ``gafgyt.tcp``: one of ``layout.KINDS`` but benign.
    """
    family, name = kind.split(".")
    missing = int(n * rng.uniform(0.0, 2.0 * _MISSING.get(kind, _MISSING.get(family, 0.0))))
    if family == "mirai" and name in FLOODS:
        sent = mirai_flood(rng, device, n + missing, name)
    else:
        sent = _ATTACKS[kind](rng, device, n + missing)
    sent["time"] += _STARTS[kind] + rng.uniform(0.0, 100.0)
    sent = first_records(sent, n + missing)
    records = np.flatnonzero(sent["flags"] & RECORDED)
    sent["flags"][records[_BEFORE_GAP : _BEFORE_GAP + missing]] &= ~RECORDED
    return sent
