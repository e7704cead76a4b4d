"""Names and numbers as people read them."""

from __future__ import annotations

import re
from typing import Final

from markupsafe import Markup, escape

from iotscore.errors import one_line
from iotscore.features import HYBRID

NAMES: Final = {
    HYBRID: "hybrid score",
    "iforest": "isolation forest",
    "lstm": "LSTM autoencoder",
}
SCORECARD: Final = {
    "recall_attack": "attacks detected (recall)",
    "precision_attack": "attack precision",
    "f1_attack": "attack F1",
    "recall_benign": "benign not flagged (recall)",
    "precision_benign": "benign precision",
    "f1_benign": "benign F1",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "roc_auc": "area under the ROC curve",
}
"""Columns of ``metrics`` on the scorecard, and what they are called there."""

POLICIES: Final = {
    "benign_quantile": "set without labels, for a target false positive rate",
    "roc_youden": "chosen with labels: the ROC curve's best point, an upper bound",
}
DATA: Final = {
    "synthetic": "synthetic demo data, not N-BaIoT",
    "partial": "a part of N-BaIoT, or other data",
    "full": "all of N-BaIoT",
}
"""What a ``data_kind`` is called, here and on the terminal."""

NOTHING: Final = "—"
"""What stands where there is no figure."""

_LEAST: Final = 0.0001
_FINE: Final = 0.1
_UNITS: Final = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def named(detector: str) -> str:
    """Return what a detector is called in a sentence."""
    return NAMES.get(detector, detector)


def count(value: float | None) -> str:
    """Return a number of records with its thousands apart; a weighted one is rounded."""
    return NOTHING if value is None else f"{value:,.0f}"


def compact(value: float) -> str:
    """Return a number in three digits: 950, 12.3k, 7.06M."""
    for unit, letter in _UNITS:
        if abs(value) >= unit:
            return f"{value / unit:.3g}{letter}"
    return f"{value:.3g}"


def share(value: float | None) -> str:
    """Return a share in per cent; what is not all is never shown as 100 %, nor a few as none."""
    if value is None:
        return NOTHING
    if 0 < value < _LEAST:
        return f"< {_LEAST:.2%}".replace("%", " %")
    if 1 - _LEAST < value < 1:
        return f"> {1 - _LEAST:.2%}".replace("%", " %")
    if value in (0, 1):
        return f"{100 * value:.0f} %"
    digits = 1 if _FINE < value < 1 - _FINE else 2
    return f"{100 * value:.{digits}f} %"


def score(value: float | None) -> str:
    """Return a score in four digits."""
    return NOTHING if value is None else f"{value:.4g}"


def breakable(name: str) -> Markup:
    """Return somebody else's name, escaped, with places at which a line may end."""
    parts = (escape(part) for part in re.split(r"(?<=[_./-])", one_line(name)))
    return Markup("<wbr>").join(parts)


def size(value: float | None) -> str:
    """Return bytes in GiB."""
    return NOTHING if value is None else f"{value / 2**30:.2f} GiB"


def kind_of(family: str | None, attack: str | None) -> str:
    """Return what the labels say of a record: ``benign``, ``mirai.scan``, or ``unlabelled``."""
    if family is None:
        return "unlabelled"
    return family if attack is None else f"{family}.{attack}"
