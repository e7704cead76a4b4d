"""A fitted model: scaler, detectors, how their scores are fused, and where the flags start."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from iotscore.detect.calibration.fusion import check_weights, fuse
from iotscore.detect.calibration.tail import severity
from iotscore.detect.calibration.threshold import flag
from iotscore.detect.detector import require_width
from iotscore.errors import ConfigError, ModelError
from iotscore.features import FEATURES, HYBRID, SEVERITY, flag_column, norm_column, score_column

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from iotscore.detect.calibration import Calibration
    from iotscore.detect.calibration.hybrid_tail import HybridTail
    from iotscore.detect.detector import Detector, FloatArray, IntArray
    from iotscore.detect.reference_quantiles import BenignReference
    from iotscore.detect.scaling import Scaler
    from iotscore.detect.vote_windows import VoteWindows

TAIL: Final = "tail"
FROZEN: Final = "frozen"
"""Of stored models of earlier versions: by a linear map that was fixed at training."""
BATCH_MINMAX: Final = "batch_minmax"
Normalisation: TypeAlias = Literal["tail", "batch_minmax"]
"""How raw scores are brought to a common scale: by benign tail probability, or by the extremes of
everything that has been scored."""


@dataclass(frozen=True, eq=False)
class Model:
    """Score rows of unscaled features.

    Attributes
    ----------
    scaler : MinMaxScaler or SignedLogScaler
        Fitted on the training rows.
    detectors : dict of str to Detector
        Fitted detectors by name, in the order of their columns.
    weights : dict of str to float
        Fusion weight of each detector.
    calibrations : dict of str to ScoreCalibration or TailCalibration
        Normalisation of each detector's score; empty under ``batch_minmax``.
    thresholds : dict of str to float
        Thresholds of raw scores by detector, and of the hybrid score under ``"hybrid"``; empty
        under ``batch_minmax``.
    features : tuple of str
        Names of the columns of the rows, in order.
    hybrid_tail : HybridTail or None
        Maps the weighted sum of normalised scores to the hybrid score; without it they
        are the same.
    reference : BenignReference or None
        How benign features are distributed, for people and for what watches over drift.
    votes : VoteWindows or None
        How many consecutive records vote on an incident.
    """

    scaler: Scaler
    detectors: dict[str, Detector]
    weights: dict[str, float]
    calibrations: Mapping[str, Calibration]
    thresholds: dict[str, float]
    features: tuple[str, ...] = FEATURES
    hybrid_tail: HybridTail | None = None
    reference: BenignReference | None = None
    votes: VoteWindows | None = None

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        try:
            check_weights(self.weights, self.detectors)
        except ConfigError as error:
            raise ModelError(str(error)) from error
        if fault := self._fault():
            message = f"the model {fault}: train again"
            raise ModelError(message)

    def _fault(self) -> str | None:
        detectors, n_columns = sorted(self.detectors), self.scaler.n_features
        if self.calibrations and sorted(self.calibrations) != detectors:
            return f"calibrates {sorted(self.calibrations)} and has the detectors {detectors}"
        if unknown := set(self.thresholds) - {*detectors, HYBRID}:
            return f"has thresholds for unknown scores {sorted(unknown)}"
        if n_columns != len(self.features):
            return f"has a scaler of {n_columns} columns and {len(self.features)} features"
        return None

    @property
    def normalisation(self) -> Normalisation | Literal["frozen"]:
        """How the raw scores are normalised."""
        if not self.calibrations:
            return BATCH_MINMAX
        return FROZEN if self.hybrid_tail is None else TAIL

    def raw_scores(self, X: FloatArray, devices: IntArray | None = None) -> dict[str, FloatArray]:
        """Return each detector's raw scores by name, float64 of shape (n_rows,).

        Parameters
        ----------
        X : float64 array of shape (n_rows, n_features)
            Finite, unscaled features in the order of :attr:`features`; 0 rows are fine. Another
            number of columns is a :class:`ModelError`.
        devices : int64 array of shape (n_rows,) or None
            Device number of each row; -1, and None for all: unknown.
        """
        require_width(X, len(self.features), "the model")
        scaled = self.scaler.transform(X)
        return {name: one.score(scaled, devices) for name, one in self.detectors.items()}

    def normalise(
        self, raw: Mapping[str, FloatArray], devices: IntArray | None = None
    ) -> dict[str, FloatArray]:
        """Return normalised scores by detector, and the hybrid score under ``"hybrid"``."""
        norms = {name: self.calibrations[name].normalise(raw[name]) for name in self.detectors}
        return {**norms, HYBRID: self.hybrid_scores(fuse(norms, self.weights), devices)}

    def hybrid_scores(self, summed: FloatArray, devices: IntArray | None = None) -> FloatArray:
        """Return the hybrid scores of weighted sums of normalised scores, of the same shape."""
        return summed if self.hybrid_tail is None else self.hybrid_tail.normalise(summed, devices)

    def finish(
        self,
        raw: Mapping[str, FloatArray],
        calibrations: Mapping[str, Calibration],
        thresholds: Mapping[str, float],
        devices: IntArray | None = None,
    ) -> dict[str, npt.NDArray[Any]]:
        """Return score columns by name: raw, normalised and hybrid, flags, severity.

        Without calibrations there are no normalised scores and no hybrid one; a flag column
        appears for each threshold. A detector's flag compares its raw score, ``is_anomaly`` the
        hybrid score. Only a model whose hybrid score is a tail level has a severity.

        ``raw`` is what :meth:`raw_scores` returned, for rows of the same ``devices``; thresholds
        are by detector, or ``"hybrid"``.
        """
        columns: dict[str, npt.NDArray[Any]] = {}
        norms: dict[str, FloatArray] = {}
        for name in self.detectors:
            columns[score_column(name)] = raw[name]
            if calibrations:
                norms[name] = calibrations[name].normalise(raw[name])
                columns[norm_column(name)] = norms[name]
            if name in thresholds:
                columns[flag_column(name)] = flag(raw[name], thresholds[name])
        if norms:
            hybrid = self.hybrid_scores(fuse(norms, self.weights), devices)
            columns[score_column(HYBRID)] = hybrid
            if HYBRID in thresholds:
                columns[flag_column(HYBRID)] = flag(hybrid, thresholds[HYBRID])
            if self.hybrid_tail is not None:
                columns[SEVERITY] = severity(hybrid)
        return columns

    def score(self, X: FloatArray, devices: IntArray | None = None) -> dict[str, npt.NDArray[Any]]:
        """Return the columns of :meth:`finish` with the model's own calibration."""
        raw = self.raw_scores(X, devices)
        return self.finish(raw, self.calibrations, self.thresholds, devices)
