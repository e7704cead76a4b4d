"""Benign captures: nine devices, each with its own mix of habits.

A habit is an exchange that a device repeats: keep-alives, lookups, announcements, short
connections, video. Periods, sizes and rates were read off the published benign statistics of each
device; the mixes are plain approximations of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import numpy as np

from iotscore.simulate.packets import RECORDED, capture, first_records, packets

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Packets = NDArray[Any]
    Fresh = Literal["nothing", "socket", "sockets", "host"]


class Habit(NamedTuple):
    """An exchange that a device repeats.

    ``every`` is the mean period in s; ``spread`` its relative standard deviation (1 and more:
    exponential). ``sent`` holds the sizes of the device's packets in order, ``answers`` the reply
    to each (0: none). ``fan`` hosts are addressed at once. ``times`` is the mean number of
    repetitions in a row (geometric), ``step`` the mean gap between packets in s. ``fresh`` says
    what is new with every exchange: "nothing", the "socket", the "host" too, or "sockets": one per
    repetition, open side by side, so that sizes mix. ``vary`` is the relative standard deviation
    of sizes over 100 bytes.
    """

    every: float
    sent: tuple[int, ...]
    answers: tuple[int, ...]
    spread: float = 0.02
    fan: int = 1
    times: float = 1.0
    step: float = 0.02
    fresh: Fresh = "nothing"
    vary: float = 0.0
    host: int = 0


_LOOKUP: Final = Habit(600.0, (73,), (160,), spread=1.0, fresh="socket", times=1.6, vary=0.3,
                       host=90)
_CLOCK: Final = Habit(900.0, (90,), (90,), spread=0.01, host=91)
_ADDRESS: Final = Habit(3600.0, (60, 354), (60, 0), spread=0.05, host=92)
_COMMON: Final = (_LOOKUP, _CLOCK, _ADDRESS)


def _odd(every: float) -> Habit:
    """Return talks with hosts that the device has never met, a few dozen packets each."""
    return Habit(every, (74, 60, 240, 60, 130, 60), (74, 0, 590, 1450, 90, 60), spread=1.0,
                 times=3.0, step=0.15, fresh="host", vary=0.5, host=93)


def _uploads(every: float, times: float) -> Habit:
    """Return a camera's uploads: some seconds of short connections, about 145 packets/s."""
    return Habit(every, (74, 66, 640, 66, 66, 66), (74, 0, 66, 800, 0, 66), spread=1.0,
                 times=times, step=0.0069, fresh="sockets", vary=0.15, host=80)


HABITS: Final[dict[int, tuple[Habit, ...]]] = {
    1: (
        Habit(39.0, (102,), (102,), fan=5, step=0.005, spread=0.003),
        Habit(31.0, (98,), (98,), host=5, spread=0.2),
        Habit(25.0, (60,), (60,), host=5, spread=0.3),
        _odd(2400.0),
        *_COMMON,
    ),
    2: (
        Habit(30.0, (380, 60), (60, 420), spread=0.02, step=0.9),
        Habit(60.0, (110,), (90,), spread=0.05, host=1),
        Habit(400.0, (110, 60), (90, 0), spread=0.5, times=2.0, host=2),
        _odd(4800.0),
        *_COMMON,
    ),
    3: (
        Habit(40.4, (90, 60), (60, 60), spread=0.005),
        Habit(37.4, (60, 60), (60, 60), spread=0.1, host=1),
        Habit(125.0, (74, 60, 300, 60), (74, 0, 60, 330), spread=0.05, fresh="socket", host=2,
              vary=0.1),
        _odd(2400.0),
        *_COMMON,
    ),
    4: (
        Habit(7.5, (66,), (102,), spread=0.02),
        Habit(7.6, (66,), (102,), spread=0.03),
        Habit(7.4, (66,), (66,), spread=0.03),
        Habit(15.0, (66, 66), (82, 102), spread=0.02),
        Habit(35.0, (156, 66), (0, 102), spread=0.1, step=0.1),
        Habit(25.0, (66, 82), (66, 82), spread=0.2, host=1, step=0.4),
        Habit(60.0, (60,), (60,), spread=0.02, host=2),
        Habit(700.0, (74, 66, 590, 66, 300), (74, 0, 66, 590, 66), spread=1.0, fresh="socket",
              host=3, times=4.0, vary=0.4),
        _odd(900.0),
        *_COMMON,
    ),
    5: (
        Habit(44.0, (90, 60), (60, 60), spread=0.01),
        Habit(25.3, (90,), (60,), spread=0.01, host=1),
        Habit(40.0, (73,), (120,), spread=0.1, fresh="socket", times=1.3, host=90),
        Habit(29.0, (60, 60), (60, 0), spread=0.3, host=2),
        _uploads(1250.0, 12.0),
        _odd(2400.0),
        *_COMMON,
    ),
    6: (
        Habit(44.0, (90, 60), (60, 60), spread=0.01),
        Habit(30.0, (74, 60), (74, 0), spread=0.05, fresh="socket", host=1),
        Habit(50.0, (73,), (120,), spread=0.1, fresh="socket", times=1.3, host=90),
        Habit(24.0, (90, 60), (90, 60), spread=0.02, host=2),
        _uploads(450.0, 13.0),
        _odd(2400.0),
        *_COMMON,
    ),
    7: (
        Habit(29.7, (429, 470, 470), (0, 0, 0), spread=0.005, step=0.3),
        Habit(29.8, (204, 204), (226, 226), spread=0.005, step=0.5, host=1),
        Habit(60.0, (60,), (60,), spread=0.05, host=1),
        Habit(60.0, (110, 62), (60, 60), spread=0.02, host=2),
        _odd(2400.0),
        *_COMMON,
    ),
    8: (
        Habit(25.0, (330,), (278,), spread=0.004),
        Habit(25.1, (330,), (278,), spread=0.004, host=1),
        Habit(31.0, (98,), (98,), host=2, spread=0.2),
        Habit(25.0, (60,), (60,), host=2, spread=0.3),
        Habit(25.0, (60,), (60,), host=3, spread=0.01),
        Habit(12000.0, (86, 83, 88, 86), (60, 0, 90, 0), spread=1.0, host=4, times=25.0,
              step=0.007),
        _odd(2400.0),
        *_COMMON,
    ),
    9: (
        Habit(25.0, (330,), (278,), spread=0.004),
        Habit(25.1, (330,), (278,), spread=0.004, host=1),
        Habit(25.0, (60,), (60,), spread=0.01, host=2),
        _odd(4800.0),
        *_COMMON,
    ),
}  # fmt: skip
"""Every device's habits; rates follow from the periods."""

_PORTS: Final = (32768, 28232)
_FIRST_HOST: Final = 100
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


def _exchanges(
    rng: Generator, device: int, number: int, habit: Habit, seconds: float
) -> Packets:
    """Return a habit's packets, both directions, in any order."""
    starts = _starts(rng, habit, seconds)
    repeats = rng.geometric(1.0 / habit.times, len(starts))
    steps = len(habit.sent)
    exchange = np.repeat(np.arange(len(starts)), repeats)
    first = np.repeat(np.cumsum(repeats) - repeats, repeats)
    position = np.arange(len(exchange)) - first
    shape = (len(exchange), habit.fan, steps)
    # Steps follow each other strictly; repetitions start when the last one ends.
    gaps = habit.step * (0.5 + rng.exponential(0.5, shape))
    inner = np.cumsum(gaps.reshape(len(exchange), habit.fan * steps), axis=1).reshape(shape) - habit.step
    length = habit.step * steps * habit.fan
    time = (starts[exchange] + position * length)[:, None, None] + inner
    hosts = np.full(len(exchange), _FIRST_HOST + 100 * device + habit.host)
    ports = np.full(len(exchange), 30000 + number)
    if habit.fresh != "nothing":
        ports = rng.integers(*np.cumsum(_PORTS), len(exchange))
    if habit.fresh in ("socket", "host"):
        ports = ports[first]
    if habit.fresh == "host":
        hosts = _STRANGER + exchange
    host = np.broadcast_to(hosts[:, None, None] + np.arange(habit.fan)[:, None], shape)
    port = np.broadcast_to(ports[:, None, None], shape)
    sizes = np.broadcast_to(np.array(habit.sent), shape)
    answers = np.broadcast_to(np.array(habit.answers), shape)
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
    answered = (answers > 0).ravel()
    back = sent[answered]
    back["time"] += 0.1 * habit.step + rng.exponential(0.2 * habit.step, len(back))
    back["mac"] = 0
    back["source"], back["target"] = back["target"].copy(), back["source"].copy()
    back["source_port"], back["target_port"] = 443, back["source_port"].copy()
    back["size"] = _varied(rng, answers, habit.vary).ravel()[answered]
    back["flags"] = 0
    return np.concatenate((sent, back))


def _varied(rng: Generator, sizes: NDArray[Any], share: float) -> NDArray[np.int64]:
    """Return sizes of which those over 100 bytes vary, within what a frame can hold."""
    wanted = sizes * rng.normal(1.0, share, sizes.shape) if share else sizes
    return np.where(sizes > 100, np.clip(wanted, 60, 1470), sizes).astype(np.int64)


def _address_requests(rng: Generator, device: int, seconds: float) -> Packets:
    """Return requests for an address from 0.0.0.0, the device's own and its neighbours'."""
    n = rng.poisson(seconds / 1200.0) + 1
    time = np.concatenate(([0.0], rng.uniform(0.0, seconds, n - 1)))
    own = rng.random(n) < 0.3
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
    return sum(
        habit.fan * len(habit.sent) * habit.times / habit.every for habit in HABITS[device]
    )


def benign(device: int, n: int, rng: Generator) -> Packets:
    """Return a benign capture with exactly `n` recorded packets.

    Parameters
    ----------
    device : int
        Number of the device, 1 to 9.
    n : int
        Recorded packets, at least 1.
    rng : Generator
        Source of randomness; the same one gives the same packets.
    """
    seconds = 1.1 * n / rate(device) + 600.0
    while True:
        parts = [_address_requests(rng, device, seconds)]
        parts += [
            _exchanges(rng, device, number, habit, seconds)
            for number, habit in enumerate(HABITS[device])
        ]
        merged = capture(parts)
        if np.count_nonzero(merged["flags"] & RECORDED) >= n:
            break
        seconds *= 1.5
    merged["time"] += _START + 3600.0 * device
    return first_records(merged, n)
