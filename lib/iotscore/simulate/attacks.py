"""Attack captures by kind: which process sends them, when, and which part was not recorded."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.simulate.gafgyt import connection_flood, retrying_scan, spoofed_flood
from iotscore.simulate.mirai import mirai_flood, mirai_scan
from iotscore.simulate.packets import RECORDED, first_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.random import Generator

    from iotscore.simulate.packets import Packets


_ATTACKS: Final[dict[str, tuple[int, Callable[[Generator, int, int], Packets]]]] = {
    "gafgyt.combo": (1505915400, connection_flood),
    "gafgyt.junk": (1505914800, connection_flood),
    "gafgyt.scan": (1505912700, retrying_scan),
    "gafgyt.tcp": (1505913600, spoofed_flood),
    "gafgyt.udp": (1505913300, spoofed_flood),
    "mirai.scan": (1507653000, mirai_scan),
    "mirai.udp": (1507656000, partial(mirai_flood, flood="udp")),
    "mirai.syn": (1507657200, partial(mirai_flood, flood="syn")),
    "mirai.ack": (1507658400, partial(mirai_flood, flood="ack")),
    "mirai.udpplain": (1507659600, partial(mirai_flood, flood="udpplain")),
}
"""Unix time of each capture's start, 2017-09-20 (gafgyt) or 2017-10-10 (mirai), and who sends."""

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
    family, _ = kind.split(".")
    start, process = _ATTACKS[kind]
    missing = int(n * rng.uniform(0.0, 2.0 * _MISSING.get(kind, _MISSING.get(family, 0.0))))
    sent = process(rng, device, n + missing)
    sent["time"] += start + rng.uniform(0.0, 100.0)
    sent = first_records(sent, n + missing)
    records = np.flatnonzero(sent["flags"] & RECORDED)
    sent["flags"][records[_BEFORE_GAP : _BEFORE_GAP + missing]] &= ~RECORDED
    return sent
