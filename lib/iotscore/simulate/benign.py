"""Benign captures: nine devices, each with its own mix of habits.

A habit is an exchange that a device repeats: keep-alives, lookups, announcements, short
connections, uploads; ``habits.py`` lists them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.simulate.habits import HABITS
from iotscore.simulate.packets import (
    EPHEMERAL_PORTS,
    RECORDED,
    answers,
    capture,
    ephemeral_port,
    first_records,
    packets,
    sometimes,
)

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from iotscore.simulate.habits import Habit
    from iotscore.simulate.packets import Packets


_FIRST_HOST: Final = 100
"""Below it: devices, neighbours, broadcasts. Each device has a hundred hosts of its own."""
_FIXED: Final = 100
"""Bytes up to which a packet is bare headers and has one size only."""
_STRANGER: Final = 1_000_000
"""First of the hosts that a device talks to once."""
_BROADCASTER: Final = 0
"""The address of devices that have none yet (0.0.0.0): shared, so MI_dir and H differ there."""
_START: Final = 1505661693


def _starts(rng: Generator, habit: Habit, seconds: float) -> NDArray[np.float64]:
    """Return when a habit's exchanges begin, ascending in [0, seconds)."""
    n = int(1.1 * seconds / habit.every) + 10
    if habit.spread >= 1.0:
        gaps = rng.exponential(habit.every, n)
    else:
        gaps = np.maximum(habit.every * rng.normal(1.0, habit.spread, n), 0.2 * habit.every)
    starts = rng.uniform(0.0, habit.every) + np.cumsum(gaps) - gaps
    return starts[starts < seconds]


def _exchanges(rng: Generator, device: int, habit: Habit, seconds: float) -> Packets:
    """Return a habit's packets, both directions, in any order."""
    starts = _starts(rng, habit, seconds)
    repeats = rng.geometric(1.0 / habit.times, len(starts))
    steps = len(habit.sent)
    exchange = np.repeat(np.arange(len(starts)), repeats)
    first = np.repeat(np.cumsum(repeats) - repeats, repeats)
    position = np.arange(len(exchange)) - first
    shape = (len(exchange), habit.fan, steps)
    # Steps follow each other strictly; repetitions start when the last one ends.
    gaps = habit.step * (0.5 + rng.exponential(0.5, (len(exchange), habit.fan * steps)))
    begun = starts[exchange] + position * habit.step * habit.fan * steps - habit.step
    time = begun[:, None] + np.cumsum(gaps, axis=1)
    hosts = np.full(len(exchange), _FIRST_HOST + 100 * device + habit.host)
    ports = np.full(len(exchange), 30000 + habit.port)
    if habit.fresh != "nothing":
        ports = ephemeral_port(rng.integers(EPHEMERAL_PORTS, size=len(exchange)))
    if habit.fresh in ("socket", "host"):
        ports = ports[first]
    if habit.fresh == "host":
        hosts = _STRANGER + exchange
    host = np.broadcast_to(hosts[:, None, None] + np.arange(habit.fan)[:, None], shape)
    port = np.broadcast_to(ports[:, None, None], shape)
    sizes = np.broadcast_to(np.array(habit.sent), shape)
    replies = np.broadcast_to(np.array(habit.answers), shape)
    if habit.fresh == "sockets":
        sizes = rng.permuted(sizes.reshape(-1)).reshape(shape)
    sent = packets(
        time,
        mac=device,
        source=device,
        target=host.ravel(),
        source_port=port.ravel(),
        target_port=443,
        size=_varied(rng, sizes, habit.vary).ravel(),
        flags=RECORDED,
    )
    answered = (replies > 0).ravel()
    delay = 0.1 * habit.step + rng.exponential(0.2 * habit.step, int(answered.sum()))
    size = _varied(rng, replies, habit.vary).ravel()[answered]
    return np.concatenate((sent, answers(sent[answered], delay, size)))


def _varied(rng: Generator, sizes: NDArray[Any], share: float) -> NDArray[np.int64]:
    """Return sizes of which those over _FIXED bytes vary, within what a frame can hold."""
    wanted = sizes * rng.normal(1.0, share, sizes.shape) if share else sizes
    return np.where(sizes > _FIXED, np.clip(wanted, 60, 1470), sizes).astype(np.int64)


def _address_requests(rng: Generator, device: int, seconds: float) -> Packets:
    """Return requests for an address from 0.0.0.0, the device's own and its neighbours'."""
    n = rng.poisson(seconds / 1200.0) + 1
    time = np.concatenate(([0.0], rng.uniform(0.0, seconds, n - 1)))
    own = sometimes(rng, n, 0.3)
    own[0] = True
    return packets(
        time,
        mac=np.where(own, device, 10 + rng.integers(0, 9, n)),
        source=_BROADCASTER,
        target=_FIRST_HOST - 1,
        source_port=68,
        target_port=67,
        size=np.where(own, 350 + device, rng.integers(330, 365, n)),
        flags=np.where(own, RECORDED, 0),
    )


def rate(device: int) -> float:
    """Return a device's mean number of recorded packets per second."""
    return sum(habit.fan * len(habit.sent) * habit.times / habit.every for habit in HABITS[device])


def benign(device: int, n: int, rng: Generator) -> Packets:
    """Return a benign capture of device 1 to 9 with exactly `n` recorded packets, 1 or more."""
    seconds = 1.1 * n / rate(device) + 600.0
    while True:
        parts = [_address_requests(rng, device, seconds)]
        parts += [_exchanges(rng, device, habit, seconds) for habit in HABITS[device]]
        merged = capture(parts)
        if np.count_nonzero(merged["flags"] & RECORDED) >= n:
            break
        seconds *= 1.5
    merged["time"] += _START + 3600.0 * device
    return first_records(merged, n)
