"""What each of the nine devices does when nothing is wrong with it.

Periods, sizes and rates were read off the published benign statistics of each device; the mixes
are plain approximations of them.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple


class Habit(NamedTuple):
    """An exchange that a device repeats.

    ``every`` is the mean period in s; ``spread`` its relative standard deviation (1 and more:
    exponential). ``sent`` holds the sizes of the device's packets in order, ``answers`` the reply
    to each (0: none). ``fan`` hosts are addressed at once. ``times`` is the mean number of
    repetitions in a row (geometric), ``step`` the mean gap between packets in s. ``fresh`` says
    what is new with every exchange: "nothing", the "socket", the "host" too, or "sockets": one per
    repetition, open side by side, so that sizes mix. ``vary`` is the relative standard deviation
    of sizes over 100 bytes. ``host`` and ``port`` tell a device's hosts, and sockets of one host
    that stay open, apart.
    """

    every: float
    sent: tuple[int, ...]
    answers: tuple[int, ...]
    spread: float = 0.02
    fan: int = 1
    times: float = 1.0
    step: float = 0.02
    fresh: Literal["nothing", "socket", "sockets", "host"] = "nothing"
    vary: float = 0.0
    host: int = 0
    port: int = 0


_LOOKUP: Final = Habit(
    600.0, (73,), (160,), spread=1.0, fresh="socket", times=1.6, vary=0.3, host=90
)
_CLOCK: Final = Habit(900.0, (90,), (90,), spread=0.01, host=91)
_ADDRESS: Final = Habit(3600.0, (60, 354), (60, 0), spread=0.05, host=92)
_COMMON: Final = (_LOOKUP, _CLOCK, _ADDRESS)


def _odd(every: float) -> Habit:
    """Return slow talks, an hour or so, with hosts that the device has never met."""
    sent, answers = (74, 240, 60), (74, 590, 0)
    return Habit(
        every, sent, answers, spread=1.0, times=7.0, step=120.0, fresh="host", vary=0.5, host=93
    )


def _uploads(every: float, times: float) -> Habit:
    """Return a camera's uploads: some seconds of short connections, about 145 packets/s."""
    return Habit(
        every,
        (74, 66, 640, 66, 66, 66),
        (74, 0, 66, 800, 0, 66),
        spread=1.0,
        times=times,
        step=0.0069,
        fresh="sockets",
        vary=0.15,
        host=80,
    )


def _report(host: int) -> Habit:
    """Return a run of large packets after one large reply, on a channel of small ones.

    While the replies pause, their last residual counts again with every packet: this is how pcc
    comes to exceed 1.
    """
    sent, answers = (60, *(330,) * 12), (1450, *(0,) * 12)
    return Habit(10800.0, sent, answers, spread=1.0, step=0.02, vary=0.1, host=host)


HABITS: Final[dict[int, tuple[Habit, ...]]] = {
    1: (
        Habit(39.0, (102,), (102,), fan=5, step=0.005, spread=0.003),
        Habit(31.0, (98,), (98,), host=5, spread=0.2),
        Habit(25.0, (60,), (60,), host=5, port=1, spread=0.3),
        _report(5),
        _odd(1600.0),
        *_COMMON,
    ),
    2: (
        Habit(30.0, (380, 60), (60, 420), spread=0.02, step=0.9),
        Habit(60.0, (110,), (90,), spread=0.05, host=1),
        Habit(400.0, (110, 60), (90, 0), spread=0.5, times=2.0, host=2),
        _odd(3600.0),
        *_COMMON,
    ),
    3: (
        Habit(40.4, (90, 60), (60, 60), spread=0.005),
        Habit(37.4, (60, 60), (60, 60), spread=0.1, host=1),
        Habit(125.0, (74, 60, 300, 60), (74, 0, 60, 330), spread=0.05, fresh="socket", host=2,
              vary=0.1),
        _report(1),
        _odd(1600.0),
        *_COMMON,
    ),
    4: (
        Habit(7.5, (66,), (102,), spread=0.02),
        Habit(7.6, (66,), (102,), spread=0.03, port=1),
        Habit(110.0, (82,), (66,), spread=0.3),
        Habit(130.0, (82,), (102,), spread=0.3, port=1),
        Habit(7.4, (66,), (66,), spread=0.03, port=2),
        Habit(15.0, (66, 66), (82, 102), spread=0.02, port=3),
        Habit(35.0, (156, 66), (0, 102), spread=0.1, step=0.1, port=3),
        Habit(25.0, (66, 82), (66, 82), spread=0.2, host=1, step=0.4),
        Habit(60.0, (60,), (60,), spread=0.02, host=2),
        Habit(700.0, (74, 66, 590, 66, 300), (74, 0, 66, 590, 66), spread=1.0, fresh="socket",
              host=3, times=4.0, vary=0.4),
        _report(0),
        _odd(580.0),
        *_COMMON,
    ),
    5: (
        Habit(44.0, (90, 60), (60, 60), spread=0.01),
        Habit(25.3, (90,), (60,), spread=0.01, host=1),
        Habit(40.0, (73,), (120,), spread=0.1, fresh="socket", times=1.3, host=90),
        Habit(29.0, (60, 60), (60, 0), spread=0.3, host=2),
        _uploads(1500.0, 12.0),
        _odd(1600.0),
        *_COMMON,
    ),
    6: (
        Habit(44.0, (90, 60), (60, 60), spread=0.01),
        Habit(30.0, (74, 60), (74, 0), spread=0.05, fresh="socket", host=1),
        Habit(50.0, (73,), (120,), spread=0.1, fresh="socket", times=1.3, host=90),
        Habit(24.0, (90, 60), (90, 60), spread=0.02, host=2),
        _uploads(550.0, 13.0),
        _report(2),
        _odd(1600.0),
        *_COMMON,
    ),
    7: (
        Habit(29.7, (429, 470, 470), (0, 0, 0), spread=0.005, step=0.3),
        Habit(29.8, (204, 204), (226, 226), spread=0.005, step=0.5, host=1),
        Habit(60.0, (60,), (60,), spread=0.05, host=1),
        Habit(60.0, (110, 62), (60, 60), spread=0.02, host=2),
        _odd(1600.0),
        *_COMMON,
    ),
    8: (
        Habit(25.0, (330,), (278,), spread=0.004),
        Habit(25.1, (330,), (278,), spread=0.004, host=1),
        Habit(31.0, (98,), (98,), host=2, spread=0.2),
        Habit(25.0, (60,), (60,), host=2, port=1, spread=0.3),
        Habit(25.0, (60,), (60,), host=3, spread=0.01),
        Habit(12000.0, (86, 83, 88, 86), (60, 0, 90, 0), spread=1.0, host=4, times=25.0,
              step=0.007),
        _report(2),
        _odd(1600.0),
        *_COMMON,
    ),
    9: (
        Habit(25.0, (330,), (278,), spread=0.004),
        Habit(25.1, (330,), (278,), spread=0.004, host=1),
        Habit(25.0, (60,), (60,), spread=0.01, host=2),
        _report(2),
        _odd(3600.0),
        *_COMMON,
    ),
}  # fmt: skip
"""Every device's habits; rates follow from the periods."""
