"""Figures that others published, for comparison beside ours."""

from __future__ import annotations

from typing import Final

HALF_SAMPLE: Final[dict[str, dict[str, float]]] = {
    "iforest": {
        "accuracy": 0.7307,
        "precision_attack": 0.98,
        "recall_attack": 0.72,
        "f1_attack": 0.83,
        "precision_benign": 0.20,
        "recall_benign": 0.83,
        "f1_benign": 0.33,
    },
    "lstm": {
        "accuracy": 0.9931,
        "precision_attack": 0.99,
        "recall_attack": 1.00,
        "f1_attack": 1.00,
        "precision_benign": 1.00,
        "recall_benign": 0.91,
        "f1_benign": 0.95,
    },
    "hybrid": {
        "accuracy": 0.9863,
        "precision_attack": 0.99,
        "recall_attack": 1.00,
        "f1_attack": 0.99,
        "precision_benign": 1.00,
        "recall_benign": 0.83,
        "f1_benign": 0.90,
    },
}
"""Report of 13 September 2025, tables 3.1 and 3.3: a 50 % sample, 3,531,298 records."""

FIFTEEN_PERCENT_SAMPLE: Final[dict[str, dict[str, float]]] = {
    "iforest": {
        "accuracy": 0.9566,
        "precision_attack": 0.997,
        "recall_attack": 0.955,
        "f1_attack": 0.976,
        "roc_auc": 0.9880,
    },
    "lstm": {
        "accuracy": 0.9744,
        "precision_attack": 0.984,
        "recall_attack": 0.988,
        "f1_attack": 0.986,
        "roc_auc": 0.9911,
    },
    "hybrid": {
        "accuracy": 0.9801,
        "precision_attack": 0.991,
        "recall_attack": 0.987,
        "f1_attack": 0.989,
        "roc_auc": 0.9948,
    },
}
"""Report of 30 August 2025, table 4.1: a 15 % sample, 1,059,391 records."""

_REPORTS: Final = {0.5: HALF_SAMPLE, 0.15: FIFTEEN_PERCENT_SAMPLE}


def reported_figures(fraction: float) -> dict[str, dict[str, float]] | None:
    """Return the report on a sample of this fraction, by detector and metric; None if none is."""
    return _REPORTS.get(fraction)
