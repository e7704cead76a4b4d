"""Nightly deliveries with mishaps, and what a warehouse must hold after them."""

from __future__ import annotations

import gzip
import os
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Callable
    from pathlib import Path

DEVICES: Final = (1, 2, 4, 5)
FIRST_NIGHT: Final = date(2026, 1, 1)
_LINES: Final = (100, 400)
"""Fewest and most lines of a delivered file."""
_MOST_DAMAGED: Final = 5
"""Most damaged lines of a file."""
_DAMAGED: Final = (
    b"1,2,3\n",
    b"\n",
    b",".join([b"nan"] * 115) + b"\n",
    b",".join([b"one"] * 115) + b"\n",
    b",".join([b"1"] * 116) + b"\n",
)
"""Lines that are no records."""


@dataclass
class Expected:
    """What a file's rows must come to.

    Attributes
    ----------
    accepted, quarantined
        Lines of the content that counts.
    """

    accepted: int
    quarantined: int


@dataclass
class Deliveries:
    """Delivers files into a landing folder, and keeps account of them.

    Attributes
    ----------
    landing
        The folder.
    header, lines
        Where lines come from: those of a file of simulated traffic.
    chance
        Draws everything, so that a seed gives the same deliveries.
    expected
        By the name of each file that is to be ingested.
    refused
        Names of files that are to be refused.
    mishaps
        How many there were, by kind.
    """

    landing: Path
    header: bytes
    lines: list[bytes]
    chance: random.Random
    expected: dict[str, Expected] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    mishaps: Counter[str] = field(default_factory=Counter)
    _unused: int = 0

    def good_night(self, number: int) -> date:
        """Deliver a capture of each device; return the night's day."""
        day = FIRST_NIGHT + timedelta(number)
        for device in DEVICES:
            self.deliver(f"{device}.{day}.csv", self.fresh_lines())
        return day

    def night(self, number: int) -> None:
        """Deliver a later night: a capture of each device, and something amiss."""
        day = self.good_night(number)
        for name in self.chance.sample(list(MISHAPS), self.chance.randint(1, 3)):
            MISHAPS[name](self, day)
            self.mishaps[name] += 1

    def earlier(self, day: date) -> str:
        """Return a file that was delivered before this night."""
        return self.chance.choice(sorted(name for name in self.expected if str(day) not in name))

    def refuse(self, name: str, content: bytes) -> None:
        """Deliver what is to be refused as a whole."""
        self.write(name, content)
        self.refused.add(name)

    def fresh_lines(self) -> list[bytes]:
        """Return lines that no other file has, so that each content is another one."""
        count = self.chance.randint(*_LINES)
        start, self._unused = self._unused, self._unused + count
        return [self.lines[at % len(self.lines)] for at in range(start, start + count)]

    def deliver(self, name: str, lines: list[bytes], damaged: int = 0) -> None:
        """Deliver a good file, some of whose lines may be damaged."""
        bad = [self.chance.choice(_DAMAGED) for _ in range(damaged)]
        mixed = [*lines, *bad]
        self.chance.shuffle(mixed)
        self.write(name, b"".join([self.header, *mixed]))
        while not mixed[-1].strip():  # blank lines at the end are none of its lines
            mixed.pop()
        self.expected[name] = Expected(len(lines), len(mixed) - len(lines))

    def write(self, name: str, content: bytes) -> None:
        """Put a file into its place in one step, as a careful sender does."""
        waiting = self.landing / f"{name}.part"
        waiting.write_bytes(content)
        waiting.rename(self.landing / name)


def _damage_lines(to: Deliveries, day: date) -> None:
    to.deliver(f"6.{day}.csv", to.fresh_lines(), damaged=to.chance.randint(1, _MOST_DAMAGED))


def _repeat_content(to: Deliveries, day: date) -> None:
    original = to.earlier(day)
    device, _ = original.split(".", 1)
    to.refuse(f"{device}.{day}.again.csv", (to.landing / original).read_bytes())


def _deliver_again(to: Deliveries, day: date) -> None:
    name = to.earlier(day)
    to.write(name, (to.landing / name).read_bytes())


def _change_content(to: Deliveries, day: date) -> None:
    to.deliver(to.earlier(day), to.fresh_lines(), damaged=1)


def _pack(to: Deliveries, day: date) -> None:
    to.refuse(f"8.{day}.csv", gzip.compress(b"".join([to.header, *to.fresh_lines()])))


def _forget_header(to: Deliveries, day: date) -> None:
    to.refuse(f"9.{day}.csv", b"".join(to.fresh_lines()))


def _misname(to: Deliveries, day: date) -> None:
    to.refuse(f"capture of {day}.csv", b"".join([to.header, *to.fresh_lines()]))


def _misdate(to: Deliveries, day: date) -> None:
    to.refuse(f"9.2099-{day:%m-%d}.csv", b"".join([to.header, *to.fresh_lines()]))


def _misdate_last(to: Deliveries, day: date) -> None:
    to.refuse(f"9.9999-12-{day:%d}.csv", b"".join([to.header, *to.fresh_lines()]))


def _leave_packed(to: Deliveries, day: date) -> None:
    to.refuse(f"9.{day}.csv.gz", gzip.compress(to.header))


def _link_out(to: Deliveries, day: date) -> None:
    name = f"9.{day}.link.csv"
    elsewhere = to.landing.parent / f"{day}.csv"
    elsewhere.write_bytes(b"".join([to.header, *to.fresh_lines()]))
    (to.landing / name).symlink_to(elsewhere)
    to.refused.add(name)


def _forget_time(to: Deliveries, day: date) -> None:
    name = f"7.{day}.csv"
    to.deliver(name, to.fresh_lines())
    os.utime(to.landing / name, (-1, -1))


MISHAPS: Final[dict[str, Callable[[Deliveries, date], None]]] = {
    "damaged lines": _damage_lines,
    "same content under another name": _repeat_content,
    "delivered again": _deliver_again,
    "changed content": _change_content,
    "packed file": _pack,
    "no header": _forget_header,
    "name that nothing fits": _misname,
    "day to come": _misdate,
    "day in the last year there is": _misdate_last,
    "left packed": _leave_packed,
    "link to elsewhere": _link_out,
    "time before 1970": _forget_time,
}
"""What may be amiss with a night's files."""
