"""The content of a report, as plain records; the tables are read elsewhere."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotscore.features import HYBRID

if TYPE_CHECKING:
    from datetime import date, datetime

    import numpy as np
    import numpy.typing as npt

    from iotscore.report.drift import Drift
    from iotscore.report.metrics import Evaluation
    from iotscore.report.operations import Composition, Quality, StageRun


@dataclass(frozen=True)
class Day:
    """Records of an event day, and those that are flagged; None if the model has no threshold."""

    day: date
    records: int
    flagged: int | None


@dataclass(frozen=True)
class Device:
    """One device on the day, and before.

    Attributes
    ----------
    trend
        Flagged records on each of :attr:`Night.days`; None where the device sent nothing, or the
        model has no threshold.
    tpr, fpr
        Shares of its labelled attacks and benign records that are flagged; None without labels.
    """

    name: str
    records: int
    flagged: int | None
    trend: tuple[int | None, ...]
    incidents: int
    tpr: float | None = None
    fpr: float | None = None

    @property
    def share(self) -> float | None:
        """Flagged share of its records of the day."""
        return None if self.flagged is None or not self.records else self.flagged / self.records


@dataclass(frozen=True)
class Incident:
    """Consecutive records of a capture, most of which are flagged; columns as in ``incidents``."""

    device: str
    source_file: str
    first_row: int
    last_row: int
    records: int
    delay: int
    peak_score: float
    peak_severity: float | None
    kind: str
    sentence: str


@dataclass(frozen=True)
class FlaggedRecord:
    """The most anomalous of the explained records of a device with the same largest contribution.

    Attributes
    ----------
    alike
        How many explained records these are.
    top
        Features and what they contribute to the hybrid score, the largest first.
    """

    device: str
    source_file: str
    row_no: int
    score: float
    severity: float | None
    kind: str
    sentence: str
    top: tuple[tuple[str, float], ...]
    alike: int


@dataclass(frozen=True)
class DetectorCard:
    """A detector of the model, or the hybrid score.

    Attributes
    ----------
    weight
        Share in the hybrid score; 0: it is measured only; None for the hybrid score itself.
    threshold
        Records with a score above it are flagged; None if there is none.
    uses_labels
        Whether labels of attacks went into the threshold.
    """

    name: str
    weight: float | None
    threshold: float | None
    uses_labels: bool = False


@dataclass(frozen=True)
class ModelCard:
    """The model whose scores the report shows."""

    version: str
    created_at: datetime
    normalisation: str
    promised: float | None
    rows: tuple[tuple[str, int], ...]
    detectors: tuple[DetectorCard, ...]

    @property
    def hybrid(self) -> DetectorCard:
        """The hybrid score's card."""
        return next(one for one in self.detectors if one.name == HYBRID)


@dataclass(frozen=True)
class Shape:
    """Distribution of the scores of one detector.

    Attributes
    ----------
    edges
        Ends of the bins, ascending; float64 of shape (n_bins + 1,).
    counts
        Records per bin by kind (``benign``, ``attack``, ``unlabelled``); float64 of shape
        (n_bins,) each; kinds without records are left out.
    threshold
        See :class:`DetectorCard`.
    includes_training
        Whether benign training records are in it, because there are no others.
    """

    detector: str
    edges: npt.NDArray[np.float64]
    counts: dict[str, npt.NDArray[np.float64]]
    threshold: float | None
    includes_training: bool


@dataclass(frozen=True)
class Shapley:
    """Shapley values of sampled records.

    Attributes
    ----------
    values, shap_values
        Feature values and contributions; float64 of shape (n_records, n_features).
    base_values, scores, labels
        Per record; shape (n_records,).
    """

    detector: str
    features: tuple[str, ...]
    values: npt.NDArray[np.float64]
    shap_values: npt.NDArray[np.float64]
    base_values: npt.NDArray[np.float64]
    scores: npt.NDArray[np.float64]
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Night:
    """The content of a report.

    Attributes
    ----------
    days
        Event days, ascending; the report is about the last.
    seen
        Records of the day that trained or calibrated the model.
    uncounted
        Files of the day that are scored and not counted yet; their flagged records are missing.
    explained
        Explained records of the day; 0: none, or ``explain`` has not run.
    """

    made_at: datetime
    code_version: str
    warehouse: str
    data_kind: str
    model: ModelCard
    days: tuple[Day, ...]
    files: int
    labelled_files: int
    seen: int
    uncounted: int
    devices: tuple[Device, ...]
    incidents: tuple[Incident, ...]
    more_incidents: int
    flagged_records: tuple[FlaggedRecord, ...]
    explained: int
    evaluation: Evaluation | None
    shapes: tuple[Shape, ...]
    drift: Drift
    composition: Composition
    quality: Quality
    stages: tuple[StageRun, ...]
    shapley: Shapley | None

    @property
    def today(self) -> Day:
        """The day that the report is about."""
        return self.days[-1]

    @property
    def usual(self) -> Day | None:
        """The median of the earlier days, with the day of the newest; None on the first."""
        earlier = self.days[:-1]
        if not earlier:
            return None
        flagged = [one.flagged for one in earlier if one.flagged is not None]
        return Day(
            earlier[-1].day,
            round(statistics.median([one.records for one in earlier])),
            round(statistics.median(flagged)) if flagged else None,
        )
