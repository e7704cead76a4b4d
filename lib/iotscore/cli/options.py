"""Checked settings to the plain values that each stage takes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.detect.autoencoder import LstmAutoencoder
from iotscore.detect.forest import IsolationForestDetector
from iotscore.detect.model import TrainSettings
from iotscore.detect.scaling import MinMaxScaler
from iotscore.errors import ConfigError
from iotscore.landing.metadata import parse_summary
from iotscore.spark.evaluate import EvaluateOptions
from iotscore.spark.ingest import IngestOptions
from iotscore.spark.ingest_plan import Policy
from iotscore.spark.scorer import ScoreOptions
from iotscore.spark.train import TrainOptions
from iotscore.storage.upkeep import UpkeepOptions

if TYPE_CHECKING:
    from iotscore.config import Settings
    from iotscore.detect.protocol import Detector

_MEGABYTE = 1_000_000


def config_checksum(settings: Settings) -> str:
    """Return the SHA-256 of the settings, hexadecimal."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()


def ingest_options(settings: Settings) -> IngestOptions:
    """Return what the stage ingest is told."""
    return IngestOptions(
        patterns=tuple(settings.ingest.patterns),
        chunk_bytes=int(settings.ingest.chunk_megabytes * _MEGABYTE),
        quarantine_text_limit=settings.ingest.quarantine_text_limit,
        policy=Policy(
            replaces_changed=settings.ingest.changed_files == "replace",
            accepts_same=settings.ingest.same_content == "accept",
        ),
    )


def train_options(settings: Settings) -> TrainOptions:
    """Return what the stage train is told."""
    chosen = settings.train
    return TrainOptions(
        seed=settings.seed,
        fraction=settings.sample.fraction,
        train_share=chosen.train_share,
        calibration_share=chosen.calibration_share,
        max_train_rows=chosen.max_train_rows,
        max_calibration_rows=chosen.max_calibration_rows,
        min_updates=settings.detectors.lstm.min_updates if settings.detectors.lstm else 0,
        model=TrainSettings(
            detectors=_detectors(settings),
            weights=settings.detectors.weights(),
            scaler=MinMaxScaler(settings.scaling.out_of_range, settings.scaling.clip_margin),
            lower_quantile=settings.normalisation.lower_quantile,
            upper_quantile=settings.normalisation.upper_quantile,
            threshold_quantile=settings.threshold.quantile,
            normalisation=settings.normalisation.mode,
        ),
        parameters=settings.model_dump(mode="json"),
    )


def _detectors(settings: Settings) -> tuple[Detector, ...]:
    detectors: list[Detector] = []
    if forest := settings.detectors.iforest:
        detectors.append(
            IsolationForestDetector(
                n_estimators=forest.n_estimators,
                max_samples=forest.max_samples,
                random_state=settings.seed,
            )
        )
    if lstm := settings.detectors.lstm:
        detectors.append(
            LstmAutoencoder(
                units=lstm.units,
                epochs=lstm.epochs,
                batch_size=lstm.batch_size,
                learning_rate=lstm.learning_rate,
                random_state=settings.seed,
            )
        )
    return tuple(detectors)


def score_options(settings: Settings) -> ScoreOptions:
    """Return what the stage score is told."""
    return ScoreOptions(
        transport=settings.storage.transport,
        splits=tuple(settings.evaluate.splits),
        bins_per_e_fold=settings.evaluate.bins_per_e_fold,
    )


def evaluate_options(settings: Settings) -> EvaluateOptions:
    """Return what the stage evaluate is told.

    Raises
    ------
    ConfigError
        The file of weights cannot be read.
    """
    chosen = settings.evaluate
    weights = None
    if chosen.file_weights is not None:
        try:
            weights = parse_summary(Path(chosen.file_weights).read_bytes())
        except OSError as error:
            message = f"evaluate.file_weights: cannot read {chosen.file_weights}: {error.strerror}"
            raise ConfigError(message) from error
    return EvaluateOptions(
        splits=tuple(chosen.splits),
        bins_per_e_fold=chosen.bins_per_e_fold,
        roc_points=chosen.roc_points,
        file_weights=weights,
    )


def maintain_options(settings: Settings) -> UpkeepOptions:
    """Return what the stage maintain is told."""
    return UpkeepOptions(
        file_bytes=int(settings.maintain.file_megabytes * _MEGABYTE),
        small_files=settings.maintain.small_files,
        vacuum_hours=settings.maintain.vacuum_hours,
    )
