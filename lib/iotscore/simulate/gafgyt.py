"""Gafgyt's captures: floods of connections, a scan that tries again, floods from false sources.

A SYN without options is 60 bytes on the wire, one with options 74. A connection is tried again
after 3, 6 and 12 seconds, and source ports go round Linux's 28,232 ephemeral ones: both stand in
the published weights (1.979, 2.898, 3.667 in scans; 1.68 in floods).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.simulate.infected import ELSEWHERE, VICTIM, chatter, paced
from iotscore.simulate.packets import (
    EPHEMERAL_PORTS,
    RECORDED,
    SPOOFED,
    answers,
    capture,
    ephemeral_port,
    packets,
    sometimes,
)

if TYPE_CHECKING:
    from numpy.random import Generator

    from iotscore.simulate.packets import Packets


_SYN: Final = 60
_SYN_WITH_OPTIONS: Final = 74


def connection_flood(rng: Generator, device: int, n: int) -> Packets:
    """Gafgyt combo and junk: connections to one port of a victim, each answered by a reset."""
    time = paced(rng, n, 575.0, spread=0.06, pauses=0.03)
    port = ephemeral_port(rng.integers(EPHEMERAL_PORTS) + np.arange(n))
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
    odd = sometimes(rng, n, 2e-4)
    odd[:3] = True
    sent["size"][odd] = rng.choice((60, 66, 70), int(odd.sum()))
    reset = resets(rng, sent)
    return capture((sent, reset, chatter(rng, device, time[-1], 1.5, replies=True)))


def resets(rng: Generator, sent: Packets) -> Packets:
    """Return the victim's answer to each connection: it is refused at once."""
    return answers(sent, rng.uniform(0.0008, 0.0015, len(sent)), _SYN)


def retrying_scan(rng: Generator, device: int, n: int) -> Packets:
    """Gafgyt scan: waves of connections to new hosts, each tried again after 3 and 9 seconds."""
    wave = 128
    waves = n // (3 * wave) + 4
    start = np.cumsum(rng.normal(6.3, 0.4, waves))
    step = rng.exponential(1.0 / 170.0, (waves, wave)) * rng.lognormal(0.0, 0.3, (waves, 1))
    tries = np.array([0.0, 3.0, 9.0, 21.0])
    first = (start[:, None] + np.cumsum(step, axis=1)).ravel()
    time = first[:, None] + tries + np.sort(rng.uniform(0.0, 0.06, (len(first), 4)), axis=1)
    made = np.ones(time.shape, dtype=bool)
    made[:, 3] = sometimes(rng, len(first), 0.04)
    host = np.broadcast_to(ELSEWHERE + np.arange(len(first))[:, None], time.shape)
    ports = ephemeral_port(rng.integers(EPHEMERAL_PORTS, size=len(first)))
    port = np.broadcast_to(ports[:, None], time.shape)
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
    refused = sometimes(rng, len(sent), 0.01)
    reset = answers(sent[refused], 0.05, _SYN)
    reset["target_port"] = 23  # the scanner's own port would be right, and would change the bytes
    return capture((sent, reset, chatter(rng, device, time.max(), 1.1, replies=True)))


def spoofed_flood(rng: Generator, device: int, n: int) -> Packets:
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
    return capture((sent, chatter(rng, device, time[-1], 1.0, replies=True)))
