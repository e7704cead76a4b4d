"""The gates of a promotion: whether a challenger may take over from the champion.

Every gate compares figures of records that neither model learned from. None of them sees a score:
only flags, and which file a record is from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Final

import numpy as np

from iotscore.bounds import Bounds, Count, OpenShare, Share
from iotscore.evaluation.protocols.intervals import UNKNOWN, rate_interval
from iotscore.promotion.trial import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.detect.detector import BoolArray, FloatArray
    from iotscore.evaluation.protocols.intervals import Interval
    from iotscore.promotion.trial import Trial


_ROUNDING: Final = 1e-12
"""A loss of just the margin is allowed, whatever float64 makes of the difference."""


@dataclass(frozen=True)
class PromotionOptions:
    """What a challenger must keep, and on what it is tried; ``conf/base.yaml`` explains each."""

    nights: Count
    benign_rows: Count
    attack_rows: Count
    unlabelled_rows: Count
    fpr_tolerance: Annotated[float, Bounds(ge=0.0)]
    device_fpr: OpenShare
    tpr_margin: Share
    attack_tpr_margin: Share
    least_benign_rows: Count
    least_group_rows: Count

    def rows_of(self, kind: Kind) -> int:
        """Return how many records of a kind are drawn at most."""
        most = {Kind.BENIGN: self.benign_rows, Kind.ATTACK: self.attack_rows}
        return most.get(kind, self.unlabelled_rows)


@dataclass(frozen=True)
class Gate:
    """One condition of a promotion: a figure, whether its limit is kept, and both in words.

    ``holds`` is None where there is nothing to compare, and nothing in the way.
    """

    name: str
    holds: bool | None
    told: str


@dataclass(frozen=True)
class Rate:
    """A share of flagged records, weighted by what each stands for, and its interval."""

    value: float
    interval: Interval
    rows: int

    def __str__(self) -> str:
        """Return the share, its interval and the records, for people."""
        low, high = self.interval
        bounds = "" if low is None or high is None else f" ({low:.2%} to {high:.2%})"
        return f"{self.value:.2%}{bounds} of {self.rows:,}"


def gates(trial: Trial, promised: float, limits: PromotionOptions) -> list[Gate]:
    """Return the conditions of a promotion, each with the figures that decide it.

    Parameters
    ----------
    trial
        Benign and unlabelled records that neither model learned from, and attacks.
    promised
        The challenger's target false positive rate, as configured when it was trained.
    """
    return [*_benign_gates(trial, promised, limits), *_attack_gates(trial, limits)]


def _benign_gates(trial: Trial, promised: float, limits: PromotionOptions) -> Iterator[Gate]:
    benign = trial.of(Kind.BENIGN)
    rows = int(trial.count()[benign].sum())
    least = limits.least_benign_rows
    enough = f"{rows:,} that trained neither model, needed {least:,}"
    yield Gate("benign records", rows >= least, enough)
    challenger, champion = (
        _rate(trial, flags, benign) for flags in (trial.challenger, trial.champion)
    )
    if challenger is None:
        return
    bound = promised * (1.0 + limits.fpr_tolerance)
    told = f"{challenger}; target {promised:.2%}, its interval may start at {bound:.2%}"
    yield Gate("FPR at most the target", _low(challenger) <= bound, told)
    if champion is None:
        yield Gate("FPR not above the champion's", None, "there is no champion yet")
    else:
        most = champion.interval.high or 0.0
        told = f"{challenger.value:.2%}; the champion has {champion}"
        yield Gate("FPR not above the champion's", challenger.value <= most, told)
    yield _device_gate(trial, limits)


def _device_gate(trial: Trial, limits: PromotionOptions) -> Gate:
    """Look for the device with the most false alarms."""
    name = "FPR of each device"
    rates = [
        (rate, device)
        for device in sorted({file.device for file in trial.files})
        if (rate := _rate(trial, trial.challenger, trial.of(Kind.BENIGN, device=device)))
        and rate.rows >= limits.least_group_rows
    ]
    if not rates:
        return Gate(name, None, f"no device has {limits.least_group_rows} benign records")
    rate, device = max(rates, key=lambda pair: _low(pair[0]))
    told = f"worst {device}: {rate}; its interval may start at {limits.device_fpr:.2%}"
    return Gate(name, _low(rate) <= limits.device_fpr, told)


def _attack_gates(trial: Trial, limits: PromotionOptions) -> Iterator[Gate]:
    names = ("TPR", "TPR of each attack")
    if trial.champion is None:
        yield from (Gate(name, None, "there is no champion yet") for name in names)
        return
    every = trial.of(Kind.ATTACK)
    if (lost := _lost(trial, every)) is None:
        yield from (Gate(name, None, "there are no labelled attacks") for name in names)
        return
    change, told = lost
    allowed = f"; may lose {limits.tpr_margin:.2%}"
    yield Gate(names[0], change <= limits.tpr_margin + _ROUNDING, told + allowed)
    losses = [
        (change, attack, told)
        for attack in sorted({file.attack for file in trial.files if file.attack})
        if (files := trial.of(Kind.ATTACK, attack=attack)).any()
        and trial.count()[files].sum() >= limits.least_group_rows
        and (lost := _lost(trial, files))
        for change, told in [lost]
    ]
    if not losses:
        yield Gate(names[1], None, f"no attack has {limits.least_group_rows} records")
        return
    change, attack, told = max(losses)
    told = f"worst {attack}: {told}; may lose {limits.attack_tpr_margin:.2%}"
    yield Gate(names[1], change <= limits.attack_tpr_margin + _ROUNDING, told)


def _lost(trial: Trial, files: BoolArray) -> tuple[float, str] | None:
    """Return how much smaller the challenger's share of flagged attacks is, and both, in words."""
    challenger, champion = (
        _rate(trial, flags, files) for flags in (trial.challenger, trial.champion)
    )
    if challenger is None or champion is None:
        return None
    return champion.value - challenger.value, f"{challenger}; the champion has {champion}"


def _rate(trial: Trial, flags: BoolArray | None, files: BoolArray) -> Rate | None:
    """Return the share of flagged records of some files; None if there is no record or model."""
    rows = trial.count() * files
    if flags is None or not rows.any():
        return None
    hits = trial.count(flags) * files
    weights: FloatArray = np.array([file.weight for file in trial.files])
    share = float((hits * weights).sum() / (rows * weights).sum())
    return Rate(share, rate_interval(hits, rows, weights), int(rows.sum()))


def _low(rate: Rate) -> float:
    return rate.value if rate.interval == UNKNOWN else (rate.interval.low or 0.0)
