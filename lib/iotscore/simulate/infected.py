"""What both botnets share: the pace of a flood, the victim, and an infected device's chatter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.simulate.packets import (
    EPHEMERAL_PORTS,
    RECORDED,
    answers,
    ephemeral_port,
    packets,
    sometimes,
)

if TYPE_CHECKING:
    from numpy.random import Generator

    from iotscore.simulate.packets import Packets, Times


VICTIM: Final = 50
CONTROLLER: Final = 60
"""First of the few hosts that an infected device keeps talking to."""
ELSEWHERE: Final = 1_000_000
"""First of the addresses that scans and spoofing draw from, each used once."""

_CHATTER_SIZES: Final = (
    (60, 70, 90, 98, 150, 590, 1450),
    (0.3, 0.1, 0.25, 0.2, 0.05, 0.06, 0.04),
)


def paced(rng: Generator, n: int, rate: float, *, spread: float, pauses: float = 0.0) -> Times:
    """Return n ascending times from 0 s: Poisson arrivals whose rate wanders from second to second.

    `rate` is that while sending, in 1/s; `spread` the standard deviation of the logarithm of each
    second's rate; `pauses` the share of the time without any arrival, a second or so in a row.
    """
    block = max(1, round(rate))
    blocks = n // block + 1
    pace = np.repeat(rng.lognormal(0.0, spread, blocks), block)[:n]
    gaps = rng.exponential(1.0 / rate, n) * pace
    if pauses > 0.0:
        mean_pause = 4.0 * pauses / (1.0 - pauses)
        paused = np.flatnonzero(sometimes(rng, blocks, 0.25)) * block
        paused = paused[paused < n]
        gaps[paused] += rng.exponential(mean_pause, len(paused))
    return np.cumsum(gaps)


def chatter(rng: Generator, device: int, seconds: float, rate: float, *, replies: bool) -> Packets:
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
    port = np.repeat(ephemeral_port(rng.integers(EPHEMERAL_PORTS, size=talks)), lengths)
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
    answered = sometimes(rng, n, 0.8)
    n_answers = int(answered.sum())
    delay = rng.exponential(0.03, n_answers)
    back = answers(sent[answered], delay, rng.choice(sizes, n_answers, p=shares))
    return np.concatenate((sent, back))
