"""How stored scores are measured, and models that are fitted again by a protocol."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from iotscore.bounds import Bounds, Count, CountOrZero, OpenShare, Share, Some

PacedAttack = Literal[
    "gafgyt.combo",
    "gafgyt.junk",
    "gafgyt.tcp",
    "gafgyt.udp",
    "mirai.ack",
    "mirai.scan",
    "mirai.syn",
    "mirai.udp",
    "mirai.udpplain",
]
"""Attacks whose packets an attacker paces himself; gafgyt's scan waits for the kernel to retry."""


@dataclass(frozen=True)
class EvaluateOptions:
    """What is measured on labelled records; ``conf/base.yaml`` explains each value."""

    splits: Some[Literal["train", "calibration", "test"]]
    bins_per_e_fold: Count
    roc_points: Annotated[int, Bounds(ge=3)]
    file_weights: str | None


@dataclass(frozen=True)
class Poison:
    """Which attacks poison, and how much; ``conf/base.yaml`` explains each value."""

    shares: Some[Share]
    attacks: Some[str]
    trim_share: OpenShare
    draws: Count


@dataclass(frozen=True)
class Evasion:
    """What is simulated; ``conf/base.yaml`` explains each value.

    Each effort is measured alone, and every slowdown together with the largest share padded and
    the most peers.
    """

    attacks: Some[PacedAttack]
    slowdowns: Some[Annotated[float, Bounds(ge=1.0, le=1e5)]]
    padded_shares: Some[Share]
    peers: Some[Count]
    benign_rows: Annotated[int, Bounds(ge=300)]
    records: Annotated[int, Bounds(ge=10)]
    seconds: Annotated[float, Bounds(gt=0.0, le=3600.0)]


@dataclass(frozen=True)
class ProtocolOptions:
    """What protocols read and measure; ``conf/base.yaml`` explains each value."""

    most_benign_rows: Count
    most_attack_rows: Count
    budgets: Some[OpenShare]
    prevalences: Some[OpenShare]
    feature_sets: Some[Literal["all", "no_clock", "no_jitter"]]
    gap_rows: CountOrZero
    draws: Count
    poisoning: Poison
    evasion: Evasion
