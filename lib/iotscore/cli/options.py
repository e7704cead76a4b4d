"""Checked settings to the plain values that each stage takes."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.detect.autoencoder import LstmAutoencoder
from iotscore.detect.envelope import Envelope
from iotscore.detect.fit import FitSettings
from iotscore.detect.forest import IsolationForestDetector
from iotscore.detect.mahalanobis import Mahalanobis
from iotscore.detect.model import BATCH_MINMAX
from iotscore.detect.neighbours import Neighbours
from iotscore.detect.scaling import MinMaxScaler
from iotscore.detect.signed_log import SignedLogScaler
from iotscore.detect.votes import VoteSettings
from iotscore.errors import ConfigError
from iotscore.evaluation.protocol_stage import ProtocolOptions
from iotscore.evaluation.protocols import FEATURE_SETS, REPORTS, Options, Plan
from iotscore.evaluation.stage import EvaluateOptions
from iotscore.ingest.plan import Policy
from iotscore.ingest.stage import IngestOptions
from iotscore.landing.event_days import EVERY_DAY, Days
from iotscore.landing.metadata import parse_summary
from iotscore.maintenance.retention import Retention
from iotscore.models.train import TrainOptions
from iotscore.promotion.gates import Limits
from iotscore.promotion.unseen_records import ChallengeOptions
from iotscore.scoring.stage import ScoreOptions
from iotscore.warehouse.compaction import CompactionOptions

if TYPE_CHECKING:
    from iotscore.config import Settings
    from iotscore.detect.model import Scaler
    from iotscore.detect.protocol import Detector

_MEGABYTE = 1_000_000


def config_checksum(settings: Settings) -> str:
    """Return the SHA-256 of the settings, hexadecimal."""
    return hashlib.sha256(settings.model_dump_json().encode()).hexdigest()


def ingest_options(
    settings: Settings, days: Days = EVERY_DAY, only: frozenset[str] | None = None
) -> IngestOptions:
    """Return what the stage ingest is told."""
    return IngestOptions(
        patterns=tuple(settings.ingest.patterns),
        chunk_bytes=int(settings.ingest.chunk_megabytes * _MEGABYTE),
        quarantine_text_limit=settings.ingest.quarantine_text_limit,
        most_file_bytes=settings.ingest.most_file_bytes,
        follow_links=settings.ingest.follow_links,
        policy=Policy(
            replaces_changed=settings.ingest.changed_files == "replace",
            accepts_same=settings.ingest.same_content == "accept",
        ),
        days=days,
        only=only,
    )


def train_options(settings: Settings) -> TrainOptions:
    """Return what the stage train is told."""
    chosen = settings.train
    return TrainOptions(
        seed=settings.seed,
        fraction=settings.sample.fraction,
        train_share=chosen.train_share,
        calibration_share=chosen.calibration_share,
        gap_share=chosen.gap_share,
        skip_rows=chosen.skip_rows,
        max_train_rows=chosen.max_train_rows,
        max_calibration_rows=chosen.max_calibration_rows,
        model=fit_settings(settings),
        parameters=settings.model_dump(mode="json"),
    )


def fit_settings(settings: Settings) -> FitSettings:
    """Return what is fitted, and how it is calibrated."""
    return FitSettings(
        detectors=_detectors(settings),
        weights=settings.detectors.weights(),
        scaler=_scaler(settings),
        lower_quantile=settings.normalisation.lower_quantile,
        upper_quantile=settings.normalisation.upper_quantile,
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
    if distance := chosen.mahalanobis:
        detectors.append(Mahalanobis(least_rows=distance.least_rows))
    if near := chosen.neighbours:
        detectors.append(Neighbours(k=near.k, rows=near.rows, least_rows=near.least_rows))
    if box := chosen.envelope:
        detectors.append(Envelope(rows=box.rows, softness=box.softness, least_rows=box.least_rows))
    return tuple(detectors)


def score_options(settings: Settings, days: Days = EVERY_DAY) -> ScoreOptions:
    """Return what the stage score is told."""
    return ScoreOptions(
        splits=tuple(settings.evaluate.splits),
        bins_per_e_fold=settings.evaluate.bins_per_e_fold,
        days=days,
    )


def evaluate_options(settings: Settings) -> EvaluateOptions:
    """Return what the stage evaluate is told.

    Raises
    ------
    ConfigError
        The file of weights cannot be read.
    """
    chosen = settings.evaluate
    return EvaluateOptions(
        splits=tuple(chosen.splits),
        bins_per_e_fold=chosen.bins_per_e_fold,
        roc_points=chosen.roc_points,
        file_weights=_file_weights(settings),
    )


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
        file_weights=_file_weights(settings),
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


def _file_weights(settings: Settings) -> dict[str, int] | None:
    path = settings.evaluate.file_weights
    if path is None:
        return None
    try:
        return parse_summary(Path(path).read_bytes())
    except OSError as error:
        message = f"evaluate.file_weights: cannot read {path}: {error.strerror}"
        raise ConfigError(message) from error


def challenge_options(settings: Settings) -> ChallengeOptions:
    """Return how a challenger is tried."""
    chosen = settings.promotion
    return ChallengeOptions(
        nights=chosen.nights,
        benign_rows=chosen.benign_rows,
        attack_rows=chosen.attack_rows,
        unlabelled_rows=chosen.unlabelled_rows,
        limits=Limits(
            fpr_tolerance=chosen.fpr_tolerance,
            device_fpr=chosen.device_fpr,
            tpr_margin=chosen.tpr_margin,
            attack_tpr_margin=chosen.attack_tpr_margin,
            least_benign_rows=chosen.least_benign_rows,
            least_group_rows=chosen.least_group_rows,
        ),
    )


def maintain_options(settings: Settings) -> CompactionOptions:
    """Return what the stage maintain is told."""
    return CompactionOptions(
        file_bytes=int(settings.maintain.file_megabytes * _MEGABYTE),
        small_files=settings.maintain.small_files,
        vacuum_hours=settings.maintain.vacuum_hours,
    )


def retention_policy(settings: Settings) -> Retention:
    """Return what the stage maintain lets go."""
    return Retention(settings.maintain.keep_scores_days, settings.maintain.keep_models)
