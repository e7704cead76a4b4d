"""The vocabulary of the tables: feature names in file order, key columns, score columns.

The 115 features are five decay windows of 23 damped incremental statistics each (Meidan et al.
2018, table 2; computed by AfterImage, Mirsky et al. 2018). The files write the two shortest
decay factors with a dot (``MI_dir_L0.1_weight``); tables replace dots by underscores, because
Spark parses a dot in a name as access to a struct's field.
"""

from __future__ import annotations

from typing import Final

DECAYS: Final = ("L5", "L3", "L1", "L0.1", "L0.01")
"""Decay factors (lambda, 1/s) in file order; L5 remembers about 100 ms, L0.01 about a minute."""

_ONE_WAY: Final = ("weight", "mean", "variance")
_TWO_WAY: Final = ("weight", "mean", "std", "magnitude", "radius", "covariance", "pcc")

STREAMS: Final[dict[str, tuple[str, ...]]] = {
    "MI_dir": _ONE_WAY,
    "H": _ONE_WAY,
    "HH": _TWO_WAY,
    "HH_jit": _ONE_WAY,
    "HpHp": _TWO_WAY,
}
"""Statistics of each stream, in file order.

``MI_dir`` is the source MAC and IP, ``H`` the source IP, ``HH`` the channel between two hosts,
``HH_jit`` the gaps between the packets of that channel, ``HpHp`` the socket.
"""

SOURCE_FEATURES: Final = tuple(
    f"{stream}_{decay}_{statistic}"
    for stream, statistics in STREAMS.items()
    for decay in DECAYS
    for statistic in statistics
)
"""The 115 feature names as the CSV headers write them."""

FEATURES: Final = tuple(name.replace(".", "_") for name in SOURCE_FEATURES)
"""The 115 feature names as the tables write them, in the same order."""

N_FEATURES: Final = len(FEATURES)

KEY: Final = ("file_id", "row_no")
"""What identifies a record: the source file and the data line in it, counted from 1."""

HYBRID: Final = "hybrid"
"""The name under which the hybrid score is evaluated beside the detectors."""


UNKNOWN_DEVICE: Final = -1
"""Number of a device that has none, or that nobody has seen."""

SEVERITY: Final = "severity"
"""Column of the hybrid score on a scale from 0 to 100."""


def score_column(detector: str) -> str:
    """Return the column of a detector's raw anomaly score, or of the hybrid score."""
    return f"{detector}_score"


def norm_column(detector: str) -> str:
    """Return the column of a detector's normalised score."""
    return f"{detector}_norm"


def flag_column(detector: str) -> str:
    """Return the column that says whether the score is above the threshold."""
    return "is_anomaly" if detector == HYBRID else f"{detector}_flag"
