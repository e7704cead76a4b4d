"""Simulated devices: their benign rows, and the rows of an attack in the midst of their traffic."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.research.evasion.effort import altered, requests_of
from iotscore.simulate.afterimage import AfterImage
from iotscore.simulate.attacks import attack as botnet
from iotscore.simulate.benign import benign, rate
from iotscore.simulate.layout import DEVICES, KINDS
from iotscore.simulate.packets import RECORDED, capture, first_records

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    from iotscore.research.evasion.effort import Effort

    Packets = NDArray[Any]

WARM_UP: Final = 1000.0
"""Seconds of benign traffic before an attack: ten half-lives of the slowest statistic."""
SETTLED: Final = 4000.0
"""Seconds from which a benign capture is recorded: by then a device has met the hosts that it
talks to. Of a capture of some thousand packets the time before is a large part, of the published
ones a small one."""
_FASTEST: Final = 1000.0
"""No simulated attack sends more packets per second."""
_WITHOUT_MIRAI: Final = (3, 7)


@dataclass(frozen=True, eq=False)
class AttackRows:
    """Recorded packets of an attack, as a detector sees them.

    Attributes
    ----------
    features : float64 array of shape (n_rows, 115)
    packets_per_second
        What the attack sends on average, without answers.
    """

    features: NDArray[np.float64]
    packets_per_second: float


class Devices:
    """Nine simulated devices.

    Parameters
    ----------
    seed
        Of everything that is drawn.
    benign_rows
        Recorded packets of a device's benign capture.
    records
        Packets of an attack that are recorded, evenly spread over it; all of them change the
        statistics.
    seconds
        An attack lasts this long, or longer where it would have fewer packets than ``records``.
    """

    def __init__(self, seed: int, benign_rows: int, records: int, seconds: float) -> None:
        self._seed, self._benign_rows = seed, benign_rows
        self._records, self._seconds = records, seconds
        self._requests = cache(self._make_requests)
        self._benign = cache(self._make_benign)
        self._backgrounds: dict[int, Packets] = {}

    @staticmethod
    def attacked_by(attack: str) -> tuple[int, ...]:
        """Return the numbers of the devices that a botnet attacks from."""
        return tuple(
            device
            for device in DEVICES
            if device not in _WITHOUT_MIRAI or not attack.startswith("mirai")
        )

    def benign_features(self, device: int) -> NDArray[np.float64]:
        """Return a benign capture's rows in order of time, shape (benign_rows, 115)."""
        return AfterImage().rows(self._benign(device))

    def attack_rows(self, device: int, attack: str, effort: Effort) -> AttackRows:
        """Return the rows of an attack that begins after a while of benign traffic."""
        own = self._benign(device)
        sizes = own["size"][(own["flags"] & RECORDED) != 0]
        rng = self._rng(device, attack, 1)
        sent = altered(self._requests(device, attack), attack, effort, sizes, rng)
        requests = np.flatnonzero(sent["flags"] & RECORDED)
        within = np.searchsorted(sent["time"][requests], self._seconds)
        count = min(max(int(within), self._records), requests.size)
        sent = sent[: requests[count - 1] + 1]
        recorded = requests[np.linspace(0, count - 1, min(self._records, count)).astype(np.int64)]
        sent["flags"] &= ~RECORDED
        sent["flags"][recorded] |= RECORDED
        lasts = float(sent["time"][requests[count - 1]])
        background = self._background(device, WARM_UP + lasts)
        sent["time"] += background["time"][0] + WARM_UP
        rows = AfterImage().rows(capture((background, sent)))
        return AttackRows(rows, (count - 1) / lasts)

    def _make_benign(self, device: int) -> Packets:
        """Return benign packets, those from SETTLED on recorded."""
        rng = self._rng(device, "benign", 0)
        packets = benign(device, self._benign_rows + int(1.5 * rate(device) * SETTLED) + 100, rng)
        packets["flags"][packets["time"] < packets["time"][0] + SETTLED] &= ~RECORDED
        return first_records(packets, self._benign_rows)

    def _make_requests(self, device: int, attack: str) -> Packets:
        count = int(_FASTEST * self._seconds) + 2 * self._records
        return requests_of(botnet(device, attack, count, self._rng(device, attack, 0)))

    def _background(self, device: int, seconds: float) -> Packets:
        """Return benign packets of at least some seconds, none recorded: another day's capture."""
        known = self._backgrounds.get(device)
        if known is None or known["time"][-1] - known["time"][0] < seconds:
            count = int(1.3 * rate(device) * seconds) + 1000
            known = benign(device, count, self._rng(device, "benign", 1))
            known["flags"] &= ~RECORDED
            self._backgrounds[device] = known
        passed = known["time"] - known["time"][0]
        return known[: int(np.searchsorted(passed, seconds, "right"))]

    def _rng(self, device: int, kind: str, part: int) -> Generator:
        return np.random.default_rng([self._seed, device, KINDS.index(kind), part])
