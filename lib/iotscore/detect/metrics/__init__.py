"""Figures about flags and scores: the public names, in one place."""

from iotscore.detect.metrics.confusion import Confusion, wilson_interval
from iotscore.detect.metrics.roc import (
    Estimate,
    RocPoints,
    average_precision,
    confusion_at,
    fpr_at_tpr,
    roc_auc,
    roc_points,
    youden_threshold,
)
from iotscore.detect.metrics.score_counts import ScoreCounts

__all__ = [
    "Confusion",
    "Estimate",
    "RocPoints",
    "ScoreCounts",
    "average_precision",
    "confusion_at",
    "fpr_at_tpr",
    "roc_auc",
    "roc_points",
    "wilson_interval",
    "youden_threshold",
]
