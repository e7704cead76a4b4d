"""Which attackers' efforts the protocols of :mod:`iotscore.research` measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from iotscore.bounds import Bounds, Count, OpenShare, Share, Some
from iotscore.errors import ConfigError

ATTACKS: Final = (
    *("gafgyt.combo", "gafgyt.junk", "gafgyt.tcp", "gafgyt.udp"),
    *("mirai.ack", "mirai.scan", "mirai.syn", "mirai.udp", "mirai.udpplain"),
)
"""Attacks whose packets an attacker paces himself; gafgyt's scan waits for the kernel to retry."""


@dataclass(frozen=True)
class Poison:
    """Which attacks poison, and how much.

    Attributes
    ----------
    shares
        Poisoned rows per benign row to learn from.
    attacks
        ``mix``, or a family and an attack, such as ``gafgyt.tcp``.
    trim_share
        What the defence trims.
    draws
        How often other rows are drawn.
    """

    shares: Some[Share]
    attacks: Some[str]
    trim_share: OpenShare
    draws: Count


@dataclass(frozen=True)
class Evasion:
    """What is simulated.

    Attributes
    ----------
    attacks
        Which, of :data:`ATTACKS`.
    slowdowns, padded_shares, peers
        Efforts to measure, see :class:`iotscore.research.evasion.effort.Effort`; each alone, and
        every slowdown together with the largest share padded and the most peers.
    benign_rows, records, seconds
        See :class:`iotscore.research.evasion.captures.Devices`.

    Raises
    ------
    ConfigError
        If an attack cannot be simulated with effort.
    """

    attacks: Some[str]
    slowdowns: Some[Annotated[float, Bounds(ge=1.0, le=1e5)]]
    padded_shares: Some[Share]
    peers: Some[Count]
    benign_rows: Annotated[int, Bounds(ge=300)]
    records: Annotated[int, Bounds(ge=10)]
    seconds: Annotated[float, Bounds(gt=0.0, le=3600.0)]

    def __post_init__(self) -> None:
        """Refuse what cannot be simulated."""
        if unknown := set(self.attacks) - set(ATTACKS):
            message = f"{sorted(unknown)} cannot be simulated with effort: use {ATTACKS}"
            raise ConfigError(message)
