"""What TPR and FPR mean at a base rate of attacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from iotscore.evaluation.protocols.intervals import Interval

RATES: Final = (
    "accuracy",
    "balanced_accuracy",
    "precision_attack",
    "f1_attack",
    "precision_benign",
    "f1_benign",
    "false_alarms_per_true_alarm",
)


def rates_at(prevalence: float, tpr: float | None, fpr: float | None) -> dict[str, float | None]:
    """Return :data:`RATES` where a share of the records are attacks.

    With base rate p, of all records ``p TPR`` are flagged attacks and ``(1 - p) FPR`` false
    alarms; every other figure follows from these. A ratio whose denominator is 0 is None, and so
    is every figure if a class, and with it its rate, is absent. All shares are 0 to 1.
    """
    if tpr is None or fpr is None:
        return dict.fromkeys(RATES)
    hits, missed = prevalence * tpr, prevalence * (1.0 - tpr)
    alarms, quiet = (1.0 - prevalence) * fpr, (1.0 - prevalence) * (1.0 - fpr)
    return {
        "accuracy": hits + quiet,
        "balanced_accuracy": (tpr + 1.0 - fpr) / 2,
        "precision_attack": _ratio(hits, hits + alarms),
        "f1_attack": _ratio(2 * hits, 2 * hits + missed + alarms),
        "precision_benign": _ratio(quiet, quiet + missed),
        "f1_benign": _ratio(2 * quiet, 2 * quiet + missed + alarms),
        "false_alarms_per_true_alarm": _ratio(alarms, hits),
    }


def precision_bounds(prevalence: float, tpr: Interval, fpr: Interval) -> dict[str, float | None]:
    """Return the precision at the worst, and at the best, ends of the intervals of both rates.

    Both rates at 95 % confidence bound the precision at 90 % or more (Bonferroni).
    """
    low, high = rates_at(prevalence, tpr.low, fpr.high), rates_at(prevalence, tpr.high, fpr.low)
    name = "precision_attack"
    return {f"{name}_low": low[name], f"{name}_high": high[name]}


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
