"""Features in words: stream, window and statistic, and one sentence on a value that stands out."""

from __future__ import annotations

import math
from typing import Final

from iotscore.features import DECAYS, STREAMS

STREAM_WORDS: Final = {
    "MI_dir": "source (MAC and IP)",
    "H": "source IP",
    "HH": "channel",
    "HH_jit": "channel jitter",
    "HpHp": "socket",
}
"""What the packets of a statistic have in common (Meidan et al. 2018, table 2)."""

WINDOW_WORDS: Final = {
    "L5": "100 ms",
    "L3": "500 ms",
    "L1": "1.5 s",
    "L0.1": "10 s",
    "L0.01": "1 min",
}
"""How far back a decay factor remembers (Meidan et al. 2018, section 2)."""

STATISTIC_WORDS: Final = {
    "weight": "packet count",
    "mean": "mean packet size",
    "variance": "variance of packet sizes",
    "std": "deviation of packet sizes",
    "magnitude": "magnitude of both directions' mean sizes",
    "radius": "radius of both directions' variances",
    "covariance": "covariance of both directions' sizes",
    "pcc": "correlation of both directions' sizes",
}
GAP_WORDS: Final = {
    "weight": "packet count",
    "mean": "mean gap between packets",
    "variance": "variance of gaps between packets",
}
"""Statistics of ``HH_jit``, which are of times in seconds."""

_LONGEST: Final = 1e12
"""Larger numbers keep their exponent."""

_LEAST_FACTOR: Final = 1.1
"""From here on a value is so many times a limit; below it is just above."""


def parts_of(feature: str) -> tuple[str, str, str]:
    """Return stream, window and statistic of a feature, in words."""
    return _PARTS[feature]


def phrase(feature: str) -> str:
    """Return a feature as words, such as ``channel packet count in the last 1.5 s``."""
    return _PHRASES[feature]


def sentence(feature: str, value: float, low: float, high: float) -> str:
    """Say how a value lies to the benign range of its device, from the same template always.

    ``low`` and ``high`` are the benign 1 % and 99 % quantiles; NaN if they are not known.
    """
    what = f"{_PHRASES[feature]} is"
    if math.isnan(low) or math.isnan(high):
        return f"{what} {number(value)}, which the model did not expect"
    if low <= value <= high:
        usual = f"{number(value)}, as in benign records ({number(low)} to {number(high)})"
        return f"{what} {usual}, but not together with the other features"
    limit, share, side = (high, "99 %", "above") if value > high else (low, "1 %", "below")
    against = f"({number(value)} against {number(limit)})"
    if value > high > 0.0 and value >= _LEAST_FACTOR * high:
        return f"{what} {number(value / high, 3)} times the benign {share} quantile {against}"
    return f"{what} {side} the benign {share} quantile {against}"


def number(value: float, digits: int = 4) -> str:
    """Return a finite number for people: so many significant digits, no exponent if short."""
    short = f"{value:.{digits}g}"
    if "e+" in short and abs(value) < _LONGEST:
        return f"{float(short):,.0f}"
    return f"{int(short):,}" if short.lstrip("-").isdigit() else short


def _words() -> dict[str, tuple[str, str, str]]:
    words = {}
    for stream, statistics in STREAMS.items():
        named = GAP_WORDS if stream == "HH_jit" else STATISTIC_WORDS
        for decay in DECAYS:
            for statistic in statistics:
                feature = f"{stream}_{decay}_{statistic}".replace(".", "_")
                words[feature] = (STREAM_WORDS[stream], WINDOW_WORDS[decay], named[statistic])
    return words


_PARTS: Final = _words()
_PHRASES: Final = {
    feature: f"{stream} {statistic} in the last {window}"
    for feature, (stream, window, statistic) in _PARTS.items()
}
