"""Settings of several sections to what :func:`iotscore.detect.fit.fit_model` fits."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from iotscore.detect.bundle import DETECTORS
from iotscore.detect.fit import FitSettings
from iotscore.detect.scaling import MinMaxScaler, SignedLogScaler

if TYPE_CHECKING:
    from iotscore.config.settings import Settings, Weighted
    from iotscore.detect.detector import Detector
    from iotscore.detect.scaling import Scaler


def fit_settings(settings: Settings) -> FitSettings:
    """Return what is fitted, and how it is calibrated."""
    return FitSettings(
        detectors=tuple(
            _detector(name, section, settings.seed)
            for name, section in settings.detectors.chosen().items()
        ),
        weights=settings.detectors.weights(),
        scaler=_scaler(settings),
        false_positive_rate=settings.threshold.false_positive_rate,
        margin=settings.threshold.margin,
        n_blocks=settings.normalisation.blocks,
        least_device_rows=settings.normalisation.least_device_rows,
        trim_share=settings.train.trim_share,
        normalisation=settings.normalisation.mode,
        votes=settings.incidents,
        min_updates=settings.detectors.lstm.min_updates if settings.detectors.lstm else 0,
    )


def _scaler(settings: Settings) -> Scaler:
    chosen = settings.scaling
    if chosen.method == "signed_log":
        return SignedLogScaler(chosen.clip)
    return MinMaxScaler(chosen.out_of_range, chosen.clip_margin)


def _detector(name: str, section: Weighted, seed: int) -> Detector:
    """Return a detector that is not fitted yet."""
    kind: type[Any] = DETECTORS[name]
    values = {**asdict(section), "random_state": seed}
    own = {field.name for field in fields(kind)}
    detector: Detector = kind(**{key: value for key, value in values.items() if key in own})
    return detector
