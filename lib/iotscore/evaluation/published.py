"""Figures that others published, for comparison beside ours."""

from __future__ import annotations

from typing import Final

_HALF: Final = (
    *("accuracy", "precision_attack", "recall_attack", "f1_attack"),
    *("precision_benign", "recall_benign", "f1_benign"),
)
HALF_SAMPLE: Final = {
    "iforest": dict(zip(_HALF, (0.7307, 0.98, 0.72, 0.83, 0.20, 0.83, 0.33), strict=True)),
    "lstm": dict(zip(_HALF, (0.9931, 0.99, 1.00, 1.00, 1.00, 0.91, 0.95), strict=True)),
    "hybrid": dict(zip(_HALF, (0.9863, 0.99, 1.00, 0.99, 1.00, 0.83, 0.90), strict=True)),
}
"""Report of 13 September 2025, tables 3.1 and 3.3: a 50 % sample, 3,531,298 records."""

_FIFTEEN: Final = ("accuracy", "precision_attack", "recall_attack", "f1_attack", "roc_auc")
FIFTEEN_PERCENT_SAMPLE: Final = {
    "iforest": dict(zip(_FIFTEEN, (0.9566, 0.997, 0.955, 0.976, 0.9880), strict=True)),
    "lstm": dict(zip(_FIFTEEN, (0.9744, 0.984, 0.988, 0.986, 0.9911), strict=True)),
    "hybrid": dict(zip(_FIFTEEN, (0.9801, 0.991, 0.987, 0.989, 0.9948), strict=True)),
}
"""Report of 30 August 2025, table 4.1: a 15 % sample, 1,059,391 records."""

_REPORTS: Final = {0.5: HALF_SAMPLE, 0.15: FIFTEEN_PERCENT_SAMPLE}


def reported_figures(fraction: float) -> dict[str, dict[str, float]] | None:
    """Return the report on a sample of this fraction, by detector and metric; None if none is."""
    return _REPORTS.get(fraction)
