"""Checked settings to the plain values that each stage takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.config.fit import fit_settings
from iotscore.detect.model import BATCH_MINMAX
from iotscore.errors import ConfigError
from iotscore.evaluation.protocol_stage import ProtocolOptions
from iotscore.evaluation.protocols import FEATURE_SETS, REPORTS, Options, Plan
from iotscore.landing.metadata import parse_summary
from iotscore.models.train import TrainOptions

if TYPE_CHECKING:
    from iotscore.config import Settings


def train_options(settings: Settings) -> TrainOptions:
    """Return the options of the stage train."""
    return TrainOptions(
        seed=settings.seed,
        fraction=settings.sample.fraction,
        split=settings.train,
        model=fit_settings(settings),
        parameters=settings.to_dict(),
    )


def protocol_options(settings: Settings, name: str) -> ProtocolOptions:
    """Return the options of an evaluation protocol.

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
