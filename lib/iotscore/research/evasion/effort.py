"""What an attacker can change about an attack: its pace, its packets' sizes, where they go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.simulate.gafgyt import resets
from iotscore.simulate.infected import CONTROLLER, ELSEWHERE, VICTIM
from iotscore.simulate.packets import RECORDED, capture, sometimes

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

    Packets = NDArray[Any]

_ANSWERED: Final = frozenset({"gafgyt.combo", "gafgyt.junk"})
_CONTROLLERS: Final = 4
_APART: Final = 500_000_000
"""Added to addresses that are used once: benign traffic has such hosts too, and no common ones."""
_HOSTS: Final = 2_000_000_000
"""First of the hosts that a spread attack goes to."""
_FIRST_PORT: Final = 40_000
_PORTS: Final = 20_000
_SERVICE: Final = 80


@dataclass(frozen=True)
class Effort:
    """How an attack differs from what the botnet sends.

    Attributes
    ----------
    slowdown
        Factor on the time between packets, 1 or more.
    padded
        Share of the packets that get the size of a packet that the device sends when it is benign,
        0 to 1.
    peers
        The attack goes from the device's own address, over this many connections to as many hosts,
        spread over them in turn, and no scanner runs beside it. 0: as the botnet does it.
    """

    slowdown: float = 1.0
    padded: float = 0.0
    peers: int = 0


def requests_of(sent: Packets) -> Packets:
    """Return what the attack itself sends, without answers and the talk with the controller.

    ``sent`` is what :func:`iotscore.simulate.attacks.attack` returned. The requests, of dtype
    PACKET, are in order of time from 0 s, and all of them are recorded.
    """
    controller = np.zeros(len(sent), dtype=np.bool_)
    for end in ("source", "target"):
        controller |= (sent[end] >= CONTROLLER) & (sent[end] < CONTROLLER + _CONTROLLERS)
    requests: Packets = sent[~controller & (sent["mac"] != 0)].copy()
    requests["time"] -= requests["time"][0]
    requests["flags"] |= RECORDED
    for end in ("source", "target"):
        requests[end] += np.where(requests[end] >= ELSEWHERE, _APART, 0).astype(np.int32)
    return requests


def altered(
    requests: Packets, attack: str, effort: Effort, sizes: NDArray[Any], rng: Generator
) -> Packets:
    """Return an attack with the effort made, and the victims' answers, in order of time.

    Parameters
    ----------
    requests : ndarray of dtype PACKET
        What :func:`requests_of` returned; not modified.
    attack
        One of :data:`iotscore.evaluation.options.PacedAttack`.
    sizes : int array
        Sizes of packets that the device sends when it is benign.
    """
    sent = requests.copy()
    if effort.peers:
        sent = sent[sent["target"] == VICTIM] if attack != "mirai.scan" else sent
        peer = np.arange(len(sent)) % effort.peers
        sent["source"], sent["target"] = sent["mac"], _HOSTS + peer
        sent["source_port"], sent["target_port"] = _FIRST_PORT + peer % _PORTS, _SERVICE
        sent["flags"] = RECORDED
    sent["time"] *= effort.slowdown
    chosen = sometimes(rng, len(sent), effort.padded)
    sent["size"][chosen] = rng.choice(sizes, int(chosen.sum()))
    if attack in _ANSWERED:
        return capture((sent, resets(rng, sent)))
    return sent
