"""Benign rows to a model: fit the detectors, calibrate them on rows they did not see."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias, get_args

import numpy as np

from iotscore.detect.calibration.cross_fit import held_out_scores
from iotscore.detect.calibration.fusion import check_weights, fuse
from iotscore.detect.calibration.hybrid_tail import fit_hybrid_tail
from iotscore.detect.calibration.tail import fit_tail
from iotscore.detect.calibration.threshold import flag
from iotscore.detect.calibration.trim import kept_rows, trimmed_blocks
from iotscore.detect.detector import require_width
from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.model import TAIL, Model, Normalisation
from iotscore.detect.reference_quantiles import fit_reference
from iotscore.detect.vote_windows import VoteSettings, fit_vote_windows
from iotscore.errors import ConfigError
from iotscore.features import FEATURES, HYBRID, UNKNOWN_DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iotscore.detect.detector import Detector, FloatArray, IntArray
    from iotscore.detect.scaling import Scaler

    FitProgress: TypeAlias = Callable[[str, int, float], None]
    """Called after each epoch of a fit: detector, epoch counted from 1, mean loss."""


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """Everything that :func:`fit_model` needs besides rows.

    Parameters
    ----------
    detectors : tuple of Detector
        Unfitted detectors, in the order of their columns.
    weights : mapping of str to float
        Fusion weight of each detector, 0 or more, sum 1.
    scaler : MinMaxScaler or SignedLogScaler
        Unfitted.
    false_positive_rate : float
        Share of benign records that may be flagged, above 0 and below 1.
    margin : float
        ``"tail"``: flags start at the level of ``margin * false_positive_rate``, because benign
        traffic goes on changing after the last calibration row; above 0, at most 1.
    n_blocks : int
        ``"tail"``: blocks of time that quick detectors are fitted without in turn, 2 or more.
    trim_share : float
        ``"tail"``: share of each device's rows that is fitted without, see
        :mod:`iotscore.detect.calibration.trim`; 0 or more, below 1. All rows calibrate.
    normalisation : {"tail", "batch_minmax"}
        ``"tail"``: scores become levels of benign tail probability, fused and calibrated again.
        ``"batch_minmax"``: calibrations and thresholds are left out, and :meth:`Model.finish` gets
        them once everything has been scored.
    least_device_rows : int
        ``"tail"``: so many calibrating rows give a device a tail of its own for the hybrid score.
    votes : VoteSettings
        ``"tail"``: how rare false incidents shall be.
    min_updates : int
        Least gradient updates of the autoencoder: epochs are added for few training rows.
    features : tuple of str
        Names of the columns of the rows, in order.
    """

    detectors: tuple[Detector, ...]
    weights: Mapping[str, float]
    scaler: Scaler
    false_positive_rate: float
    margin: float
    n_blocks: int
    trim_share: float
    normalisation: Normalisation
    least_device_rows: int
    votes: VoteSettings
    min_updates: int
    features: tuple[str, ...] = FEATURES

    def __post_init__(self) -> None:
        """Refuse detectors and weights that do not belong together, and what is out of bounds."""
        names = [detector.name for detector in self.detectors]
        if fault := self._fault(names):
            raise ConfigError(fault)
        check_weights(self.weights, names)

    def _fault(self, names: list[str]) -> str | None:
        rate, margin, share = self.false_positive_rate, self.margin, self.trim_share
        if not names or len(set(names)) != len(names) or HYBRID in names:
            return f"the detectors are {names}: name at least one, each once, none {HYBRID!r}"
        if self.normalisation not in get_args(Normalisation):
            return f"normalisation is {self.normalisation!r}: use {get_args(Normalisation)}"
        if not (0.0 < rate < 1.0 and 0.0 < margin <= 1.0):
            needed = "needed are a rate between 0 and 1, and a margin above 0 and at most 1"
            return f"false_positive_rate is {rate} and margin {margin}: {needed}"
        if not 0.0 <= share < 1.0 or (share and self.normalisation != TAIL):
            needed = f"needed is 0 or more and below 1, and 0 without {TAIL}"
            return f"trim_share is {share} with normalisation {self.normalisation}: {needed}"
        return None

    def without_idle(self) -> FitSettings:
        """Return the same without detectors that take long to fit and count nothing."""
        counted = tuple(one for one in self.detectors if one.is_quick or self.weights[one.name])
        weights = {one.name: self.weights[one.name] for one in counted}
        return replace(self, detectors=counted, weights=weights)


def fit_model(
    train: FloatArray,
    calibration: FloatArray,
    settings: FitSettings,
    progress: FitProgress | None = None,
    devices: tuple[IntArray, IntArray] | None = None,
) -> Model:
    """Fit scaler and detectors on benign rows, and calibrate them.

    Under ``"tail"`` quick detectors are fitted on both parts and calibrated by
    :mod:`iotscore.detect.calibration.cross_fit`; slow ones are fitted on the first part and
    calibrated on the second. Under ``"batch_minmax"`` all are fitted on the first part, and nothing
    is calibrated.

    Parameters
    ----------
    train, calibration : float64 array of shape (n_rows, n_features)
        Benign rows, finite and unscaled, those of a device in the order of time; no row in both.
        Neither is modified.
    settings : FitSettings
        Detectors, scaler, and how scores are calibrated.
    progress : callable or None
        Called after each epoch with detector, epoch (from 1) and mean loss.
    devices : tuple of int64 arrays or None
        Device numbers of the rows of both parts; None: unknown.

    Raises
    ------
    TrainingError
        If there are too few rows, or a fit fails.
    """
    require_width(train, len(settings.features), "training")
    require_width(calibration, len(settings.features), "calibration")
    if devices is None:
        devices = (np.full(len(train), UNKNOWN_DEVICE), np.full(len(calibration), UNKNOWN_DEVICE))
    settings = replace(
        settings,
        detectors=tuple(_prepared(one, train.shape[0], settings) for one in settings.detectors),
    )
    if settings.normalisation == TAIL:
        return _fit_tails(train, calibration, settings, progress, devices)
    scaler = settings.scaler.fit(train)
    scaled = scaler.transform(train)
    detectors: dict[str, Detector] = {}
    for one in settings.detectors:
        report = partial(progress, one.name) if progress else None
        detectors[one.name] = one.fit(scaled, devices[0], report)
    return Model(
        scaler,
        detectors,
        dict(settings.weights),
        calibrations={},
        thresholds={},
        features=settings.features,
        reference=fit_reference(np.concatenate([train, calibration]), np.concatenate(devices)),
    )


def _prepared(detector: Detector, rows: int, settings: FitSettings) -> Detector:
    """Tell the autoencoder what the columns are, and add epochs where rows are few."""
    if not (isinstance(detector, LstmAutoencoder) and rows):
        return detector
    steps = -(-rows // detector.batch_size)
    epochs = max(detector.epochs, -(-settings.min_updates // steps))
    return replace(detector, epochs=epochs, features=settings.features)


def _fit_tails(
    train: FloatArray,
    calibration: FloatArray,
    settings: FitSettings,
    progress: FitProgress | None,
    devices: tuple[IntArray, IntArray],
) -> Model:
    rows, of_rows = np.concatenate([train, calibration]), np.concatenate(devices)
    start, n_blocks, share = train.shape[0], settings.n_blocks, settings.trim_share
    kept = kept_rows(settings.scaler, rows, of_rows, n_blocks, share)
    scaler = settings.scaler.fit(rows[kept])
    scaled = scaler.transform(rows)
    parts = list(trimmed_blocks(settings.scaler, rows, of_rows, n_blocks, share))
    detectors: dict[str, Detector] = {}
    held_out: dict[str, FloatArray] = {}
    for one in settings.detectors:
        report = partial(progress, one.name) if progress else None
        if one.is_quick:
            held_out[one.name] = held_out_scores(one, settings.scaler, rows, of_rows, parts)
            detectors[one.name] = one.fit(scaled[kept], of_rows[kept], report)
        else:
            first = np.flatnonzero(kept[:start])
            fitted = one.fit(scaled[first], of_rows[first], report)
            scores = fitted.score(scaled[start:], of_rows[start:])
            held_out[one.name] = np.concatenate([np.full(start, np.nan), scores])
            detectors[one.name] = fitted
    calibrations = {name: fit_tail(scores[~np.isnan(scores)]) for name, scores in held_out.items()}
    weights = dict(settings.weights)
    norms = {name: calibrations[name].normalise(scores) for name, scores in held_out.items()}
    # A detector that does not count in the hybrid score must not take its calibration rows away.
    used = {name: weight for name, weight in weights.items() if weight > 0.0}
    summed = fuse({name: norms[name] for name in used}, used)
    is_known = ~np.isnan(summed)
    level = -math.log(settings.margin * settings.false_positive_rate)
    thresholds = {name: calibrations[name].score_at(level) for name in detectors}
    known, of_known = summed[is_known], of_rows[is_known]
    tail = fit_hybrid_tail(known, of_known, settings.least_device_rows)
    flags = flag(tail.normalise(known, of_known), level)
    return Model(
        scaler,
        detectors,
        weights,
        calibrations,
        {**thresholds, HYBRID: level},
        settings.features,
        tail,
        reference=fit_reference(rows[kept], of_rows[kept]),
        votes=fit_vote_windows(flags, of_known, settings.votes, settings.least_device_rows),
    )
