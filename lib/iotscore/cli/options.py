"""Checked settings to the plain values that each stage takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.detect.detectors.autoencoder import LstmAutoencoder
from iotscore.detect.detectors.envelope import Envelope
from iotscore.detect.detectors.isolation_forest import IsolationForestDetector
from iotscore.detect.detectors.neighbours import Neighbours
from iotscore.detect.fit import FitSettings
from iotscore.detect.model import BATCH_MINMAX
from iotscore.detect.scaling.minmax import MinMaxScaler
from iotscore.detect.scaling.signed_log import SignedLogScaler
from iotscore.detect.vote_windows import VoteSettings
from iotscore.errors import ConfigError
from iotscore.evaluation.protocol_stage import ProtocolOptions
from iotscore.evaluation.protocols import FEATURE_SETS, REPORTS, Options, Plan
from iotscore.landing.metadata import parse_summary
from iotscore.models.train import TrainOptions

if TYPE_CHECKING:
    from iotscore.config import Settings
    from iotscore.detect.detector import Detector
    from iotscore.detect.scaling import Scaler


def train_options(settings: Settings) -> TrainOptions:
    """Return what the stage train is told."""
    return TrainOptions(
        seed=settings.seed,
        fraction=settings.sample.fraction,
        split=settings.train,
        model=fit_settings(settings),
        parameters=settings.to_dict(),
    )


def fit_settings(settings: Settings) -> FitSettings:
    """Return what is fitted, and how it is calibrated."""
    return FitSettings(
        detectors=_detectors(settings),
        weights=settings.detectors.weights(),
        scaler=_scaler(settings),
        false_positive_rate=settings.threshold.false_positive_rate,
        margin=settings.threshold.margin,
        n_blocks=settings.normalisation.blocks,
        least_device_rows=settings.normalisation.least_device_rows,
        trim_share=settings.train.trim_share,
        normalisation=settings.normalisation.mode,
        votes=_votes(settings),
        min_updates=settings.detectors.lstm.min_updates if settings.detectors.lstm else 0,
    )


def _votes(settings: Settings) -> VoteSettings:
    chosen = settings.incidents
    return VoteSettings(
        false_per_day=chosen.false_per_day,
        records_per_day=chosen.records_per_day,
        least_window=chosen.least_window,
        most_window=chosen.most_window,
        window=chosen.window,
        least_rows=settings.normalisation.least_device_rows,
    )


def _scaler(settings: Settings) -> Scaler:
    chosen = settings.scaling
    if chosen.method == "signed_log":
        return SignedLogScaler(chosen.clip)
    return MinMaxScaler(chosen.out_of_range, chosen.clip_margin)


def _detectors(settings: Settings) -> tuple[Detector, ...]:
    detectors: list[Detector] = []
    chosen, seed = settings.detectors, settings.seed
    if forest := chosen.iforest:
        detectors.append(
            IsolationForestDetector(forest.n_estimators, forest.max_samples, random_state=seed)
        )
    if lstm := chosen.lstm:
        detectors.append(
            LstmAutoencoder(
                sequence=lstm.sequence,
                units=lstm.units,
                epochs=lstm.epochs,
                patience=lstm.patience,
                batch_size=lstm.batch_size,
                learning_rate=lstm.learning_rate,
                random_state=seed,
            )
        )
    if near := chosen.neighbours:
        detectors.append(Neighbours(k=near.k, rows=near.rows, least_rows=near.least_rows))
    if box := chosen.envelope:
        detectors.append(Envelope(rows=box.rows, softness=box.softness, least_rows=box.least_rows))
    return tuple(detectors)


def protocol_options(settings: Settings, name: str) -> ProtocolOptions:
    """Return what an evaluation protocol is told.

    Raises
    ------
    ConfigError
        The file of weights cannot be read, or the profile does not fit the protocol.
    """
    is_reports = settings.normalisation.mode == BATCH_MINMAX
    if is_reports != (name == REPORTS):
        message = (
            f"the protocol {name} does not measure models of normalisation.mode "
            f"{settings.normalisation.mode}: use --protocol {REPORTS} with --profile paper, and "
            "the other protocols with other profiles"
        )
        raise ConfigError(message)
    chosen, train = settings.protocol, settings.train
    # The reports cut nothing: all benign rows fit and are measured.
    cut = () if is_reports else (train.train_share, train.calibration_share, chosen.gap_rows)
    return ProtocolOptions(
        name=name,
        most_benign_rows=chosen.most_benign_rows,
        most_attack_rows=chosen.most_attack_rows,
        file_weights=file_weights(settings),
        measured=Options(
            plan=Plan(*cut),
            budgets=tuple(chosen.budgets),
            prevalences=tuple(chosen.prevalences),
            feature_sets=tuple(one for one in FEATURE_SETS if one.name in chosen.feature_sets),
            draws=chosen.draws,
            seed=settings.seed,
        ),
        model=fit_settings(settings),
    )


def file_weights(settings: Settings) -> dict[str, int] | None:
    """Return the records that the file ``evaluate.file_weights`` gives each file; None without.

    Raises
    ------
    ConfigError
        The file cannot be read.
    """
    path = settings.evaluate.file_weights
    if path is None:
        return None
    try:
        return parse_summary(Path(path).read_bytes())
    except OSError as error:
        message = f"evaluate.file_weights: cannot read {path}: {error.strerror}"
        raise ConfigError(message) from error
