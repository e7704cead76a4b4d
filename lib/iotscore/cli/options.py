"""Checked settings to the plain values that each stage takes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from iotscore.config.fit import fit_settings
from iotscore.detect.model import BATCH_MINMAX
from iotscore.errors import ConfigError
from iotscore.evaluation.protocols.evaluate import REPORTS, ProtocolRun
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


def protocol_run(settings: Settings, name: str) -> ProtocolRun:
    """Return what an evaluation by a protocol works with.

    Raises
    ------
    ConfigError
        The file of weights cannot be read, or the profile does not fit the protocol.
    """
    if (settings.normalisation.mode == BATCH_MINMAX) != (name == REPORTS):
        message = (
            f"the protocol {name} does not measure models of normalisation.mode "
            f"{settings.normalisation.mode}: use --protocol {REPORTS} with --profile paper, and "
            "the other protocols with other profiles"
        )
        raise ConfigError(message)
    return ProtocolRun(
        name=name,
        options=settings.protocol,
        split=settings.train,
        seed=settings.seed,
        model=fit_settings(settings),
        file_weights=file_weights(settings),
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
