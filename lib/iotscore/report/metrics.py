"""The evaluation of a model on labelled records, as plain records."""

from __future__ import annotations

from dataclasses import dataclass

from iotscore.features import HYBRID


@dataclass(frozen=True)
class Figures:
    """A detector's figures at one threshold; columns as in ``metrics``."""

    detector: str
    scope_value: str | None
    threshold_policy: str
    uses_labels: bool
    threshold: float
    tp: float
    fp: float
    tn: float
    fn: float
    accuracy: float | None
    balanced_accuracy: float | None
    precision_attack: float | None
    recall_attack: float | None
    f1_attack: float | None
    precision_benign: float | None
    recall_benign: float | None
    f1_benign: float | None
    fpr: float | None
    fpr_low: float | None
    fpr_high: float | None
    fpr_promised: float | None
    roc_auc: float | None

    @property
    def has_both(self) -> bool:
        """Whether there are attacks and benign records to tell apart."""
        return self.tp + self.fn > 0 and self.fp + self.tn > 0

    def precision_at(self, prevalence: float) -> float | None:
        """Return the attacks among the alerts if attacks were this share of all records.

        Bayes' rule with the two rates as measured: ``p TPR / (p TPR + (1 - p) FPR)``.
        """
        if self.recall_attack is None or self.fpr is None:
            return None
        true, false = prevalence * self.recall_attack, (1.0 - prevalence) * self.fpr
        return true / (true + false) if true + false else None


@dataclass(frozen=True)
class Curve:
    """A detector's ROC curve, from (0, 0) to (1, 1)."""

    detector: str
    fpr: tuple[float, ...]
    tpr: tuple[float, ...]


@dataclass(frozen=True)
class HeatMap:
    """Flagged share of each attack's records, a row per device; None: it has no such records."""

    attacks: tuple[str, ...]
    cells: tuple[tuple[str, tuple[float | None, ...]], ...]


@dataclass(frozen=True)
class Evaluation:
    """The evaluation of the model: over all measured records, by device, by attack.

    Attributes
    ----------
    files, rows
        Labelled files and records that were measured, each record counted once.
    weighting
        ``none``, or ``file_weights``: each file's records stand for its full count.
    data_kind
        What was in the warehouse when it was measured.
    night_labelled
        Whether the report's own night is among them.
    """

    evaluation_id: str
    data_kind: str
    weighting: str
    files: int
    rows: int
    night_labelled: bool
    figures: tuple[Figures, ...]
    devices: tuple[Figures, ...]
    curves: tuple[Curve, ...]
    heat: HeatMap

    @property
    def headline(self) -> Figures | None:
        """The hybrid score's figures at the threshold that is in use, if it was measured."""
        return next((one for one in self.at_use if one.detector == HYBRID), None)

    @property
    def at_use(self) -> tuple[Figures, ...]:
        """Each detector's figures at the threshold set without labels, else with them."""
        first: dict[str, Figures] = {}
        for one in sorted(self.figures, key=lambda one: one.uses_labels):
            first.setdefault(one.detector, one)
        return tuple(first[name] for name in dict.fromkeys(one.detector for one in self.figures))
