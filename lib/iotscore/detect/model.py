"""A fitted model: scaler, detectors, how their scores are fused, and where the flags start."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from iotscore.columns import FEATURES, HYBRID, flag_column, norm_column, score_column
from iotscore.detect.calibration import ScoreCalibration, fit_calibration
from iotscore.detect.fusion import check_weights, fuse
from iotscore.detect.protocol import require_width
from iotscore.detect.scaling import MinMaxScaler
from iotscore.detect.threshold import benign_quantile, flag
from iotscore.errors import ConfigError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy.typing as npt

    from iotscore.detect.protocol import Detector, FloatArray

    FitProgress: TypeAlias = Callable[[str, int, float], None]
    """Called after each epoch of a fit: detector, epoch counted from 1, mean loss."""


@dataclass(frozen=True)
class TrainSettings:
    """Everything that :func:`fit_model` needs besides rows.

    Parameters
    ----------
    detectors : tuple of Detector
        Unfitted detectors, in the order of their columns.
    weights : mapping of str to float
        Fusion weight of each detector, 0 or more, sum 1.
    scaler : MinMaxScaler
        Unfitted scaler with its out-of-range policy.
    lower_quantile, upper_quantile : float
        Quantiles of the benign calibration scores that map to 0 and 1.
    threshold_quantile : float
        Quantile of the benign calibration scores above which a record is flagged.
    normalisation : {"frozen", "batch_minmax"}
        ``"frozen"``: calibrations and thresholds are fixed at training. ``"batch_minmax"``: they
        are left out, and :meth:`Model.finish` gets them once everything has been scored.
    features : tuple of str
        Names of the columns of the rows, in order.
    """

    detectors: tuple[Detector, ...]
    weights: Mapping[str, float]
    scaler: MinMaxScaler = field(default_factory=MinMaxScaler)
    lower_quantile: float = 0.5
    upper_quantile: float = 0.99
    threshold_quantile: float = 0.99
    normalisation: Literal["frozen", "batch_minmax"] = "frozen"
    features: tuple[str, ...] = FEATURES

    def __post_init__(self) -> None:
        """Refuse detectors and weights that do not belong together."""
        names = [detector.name for detector in self.detectors]
        if not names or len(set(names)) != len(names) or HYBRID in names:
            message = f"the detectors are {names}: name at least one, each once, none {HYBRID!r}"
            raise ConfigError(message)
        check_weights(self.weights, names)
        if self.normalisation not in ("frozen", "batch_minmax"):
            message = f"normalisation is {self.normalisation!r}: use 'frozen' or 'batch_minmax'"
            raise ConfigError(message)


@dataclass(frozen=True, eq=False)
class Model:
    """Score rows of unscaled features.

    Attributes
    ----------
    scaler : MinMaxScaler
        Fitted.
    detectors : dict of str to Detector
        Fitted, in the order of their columns.
    weights : dict of str to float
        Fusion weight of each detector.
    calibrations : dict of str to ScoreCalibration
        Normalisation of each detector's score; empty under ``batch_minmax``.
    thresholds : dict of str to float
        Thresholds of raw scores by detector, and of the fused score under ``"hybrid"``; empty
        under ``batch_minmax``.
    features : tuple of str
        Names of the columns of the rows, in order.
    """

    scaler: MinMaxScaler
    detectors: dict[str, Detector]
    weights: dict[str, float]
    calibrations: dict[str, ScoreCalibration]
    thresholds: dict[str, float]
    features: tuple[str, ...] = FEATURES

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        try:
            check_weights(self.weights, self.detectors)
        except ConfigError as error:
            raise ModelError(str(error)) from error
        if self.calibrations and set(self.calibrations) != set(self.detectors):
            message = (
                f"the model calibrates {sorted(self.calibrations)} and has the detectors"
                f" {sorted(self.detectors)}: train again"
            )
            raise ModelError(message)
        unknown = set(self.thresholds) - {*self.detectors, HYBRID}
        if unknown:
            message = f"the model has thresholds for unknown scores {sorted(unknown)}: train again"
            raise ModelError(message)
        if self.scaler.scale_.size != len(self.features):
            message = (
                f"the model's scaler has {self.scaler.scale_.size} columns and the model"
                f" {len(self.features)} features: train again"
            )
            raise ModelError(message)

    def raw_scores(self, X: FloatArray) -> dict[str, FloatArray]:
        """Return each detector's raw scores by name, float64 of shape (n_rows,).

        Parameters
        ----------
        X : float64 array of shape (n_rows, n_features)
            Finite, unscaled features in the order of :attr:`features`; 0 rows are fine.

        Raises
        ------
        ModelError
            If ``X`` has another number of columns.
        """
        require_width(X, len(self.features), "the model")
        scaled = self.scaler.transform(X)
        return {name: detector.score(scaled) for name, detector in self.detectors.items()}

    def finish(
        self,
        raw: Mapping[str, FloatArray],
        calibrations: Mapping[str, ScoreCalibration],
        thresholds: Mapping[str, float],
    ) -> dict[str, npt.NDArray[Any]]:
        """Return score columns by name: raw, normalised, fused and flags.

        Without calibrations there are no normalised scores and no fused one; a flag column
        appears for each threshold. A detector's flag compares its raw score, ``is_anomaly`` the
        fused score.

        Parameters
        ----------
        raw : mapping of str to float64 array of shape (n_rows,)
            What :meth:`raw_scores` returned.
        calibrations : mapping of str to ScoreCalibration
            One per detector, or none at all.
        thresholds : mapping of str to float
            By detector, or ``"hybrid"``; those that are not named give no flag column.
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
            fused = fuse(norms, self.weights)
            columns[score_column(HYBRID)] = fused
            if HYBRID in thresholds:
                columns[flag_column(HYBRID)] = flag(fused, thresholds[HYBRID])
        return columns

    def score(self, X: FloatArray) -> dict[str, npt.NDArray[Any]]:
        """Return the columns of :meth:`finish` with the model's own calibration."""
        return self.finish(self.raw_scores(X), self.calibrations, self.thresholds)


def fit_model(
    train: FloatArray,
    calibration: FloatArray,
    settings: TrainSettings,
    progress: FitProgress | None = None,
) -> Model:
    """Fit scaler and detectors on some benign rows, calibrate them on others.

    Parameters
    ----------
    train, calibration : float64 array of shape (n_rows, n_features)
        Benign rows, finite and unscaled; no row in both. Neither is modified.
    settings : TrainSettings
        What to fit.
    progress : callable or None
        Called after each epoch with detector, epoch (from 1) and mean loss.

    Raises
    ------
    TrainingError
        If there are too few rows, or a fit fails.
    """
    require_width(train, len(settings.features), "training")
    require_width(calibration, len(settings.features), "calibration")
    scaler = settings.scaler.fit(train)
    scaled = scaler.transform(train)
    detectors: dict[str, Detector] = {}
    for detector in settings.detectors:
        detectors[detector.name] = detector.fit(scaled, _named(progress, detector.name))
    raw_only = Model(scaler, detectors, dict(settings.weights), {}, {}, settings.features)
    if settings.normalisation == "batch_minmax":
        return raw_only
    return _calibrated(raw_only, raw_only.raw_scores(calibration), settings)


def _named(progress: FitProgress | None, name: str) -> Callable[[int, float], None] | None:
    if progress is None:
        return None
    return lambda epoch, loss: progress(name, epoch, loss)


def _calibrated(model: Model, raw: Mapping[str, FloatArray], settings: TrainSettings) -> Model:
    calibrations = {
        name: fit_calibration(scores, settings.lower_quantile, settings.upper_quantile)
        for name, scores in raw.items()
    }
    norms = {name: calibrations[name].normalise(scores) for name, scores in raw.items()}
    judged = {**raw, HYBRID: fuse(norms, model.weights)}
    thresholds = {
        name: benign_quantile(scores, settings.threshold_quantile)
        for name, scores in judged.items()
    }
    return Model(
        model.scaler, model.detectors, model.weights, calibrations, thresholds, model.features
    )
