"""All settings of a run, checked. ``conf/base.yaml`` says what each key means."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, fields
from typing import Annotated, Any, ClassVar, Literal

from iotscore.alerts.limits import Limits
from iotscore.bounds import Bounds, Count, CountOrZero, OpenShare, Positive, Some
from iotscore.detect.detectors.envelope import EnvelopeOptions
from iotscore.detect.detectors.isolation_forest import IsolationForestOptions
from iotscore.detect.detectors.lstm_options import LstmOptions
from iotscore.detect.detectors.neighbours import NeighboursOptions
from iotscore.detect.vote_windows import VoteSettings
from iotscore.errors import ConfigError
from iotscore.evaluation.options import EvaluateOptions, ProtocolOptions
from iotscore.explain.kernel_shap import ShapOptions
from iotscore.ingest.plan import IngestOptions
from iotscore.maintenance.retention import Retention
from iotscore.promotion.gates import PromotionOptions
from iotscore.sampling.splits import SplitOptions
from iotscore.warehouse.compaction import CompactionOptions

_SHORTEST_VACUUM = 24
"""Hours that every reader has, unless the configuration says outright that there is none."""


@dataclass(frozen=True, kw_only=True)
class StorageSettings:
    """Who reads and writes the warehouse's files."""

    direct: Literal["auto", "never"]
    transport: Literal["arrow", "pandas"]


@dataclass(frozen=True, kw_only=True)
class SampleSettings:
    """Which records of each file the profile works on at all."""

    fraction: Annotated[float, Bounds(gt=0.0, le=1.0)]


@dataclass(frozen=True, kw_only=True)
class ScalingSettings:
    """How features are brought to a common range."""

    method: Literal["signed_log", "minmax"]
    clip: Positive
    out_of_range: Literal["keep", "clip"]
    clip_margin: Annotated[float, Bounds(ge=0.0)]


@dataclass(frozen=True, kw_only=True)
class Weighted:
    """What every detector has."""

    weight: Annotated[float, Bounds(ge=0.0, le=1e6)]


@dataclass(frozen=True, kw_only=True)
class IsolationForestSettings(IsolationForestOptions, Weighted):
    """The isolation forest."""


@dataclass(frozen=True, kw_only=True)
class LstmSettings(LstmOptions, Weighted):
    """The LSTM autoencoder."""

    min_updates: CountOrZero


@dataclass(frozen=True, kw_only=True)
class NeighboursSettings(NeighboursOptions, Weighted):
    """The distance to a near benign record."""


@dataclass(frozen=True, kw_only=True)
class EnvelopeSettings(EnvelopeOptions, Weighted):
    """The distance outside the benign range of each feature."""


@dataclass(frozen=True, kw_only=True)
class DetectorSettings:
    """The detectors of the profile; a detector that is null is left out."""

    iforest: IsolationForestSettings | None
    lstm: LstmSettings | None
    neighbours: NeighboursSettings | None
    envelope: EnvelopeSettings | None

    def __post_init__(self) -> None:
        """Refuse to score by nothing."""
        weights = {name: section.weight for name, section in self.chosen().items()}
        if not weights:
            message = "no detector is left; at least one is needed"
            raise ConfigError(message)
        if not sum(weights.values()):
            message = f"the weights are {weights}; at least one must be above 0"
            raise ConfigError(message)

    def chosen(self) -> dict[str, Weighted]:
        """Return the detectors that are not left out, in order."""
        sections = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: section for name, section in sections.items() if section is not None}

    def weights(self) -> dict[str, float]:
        """Return each detector's share in the hybrid score, in order; they add up to 1."""
        weights = {name: section.weight for name, section in self.chosen().items()}
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()}


@dataclass(frozen=True, kw_only=True)
class NormalisationSettings:
    """How raw scores are brought to a common scale before they are fused."""

    mode: Literal["tail", "batch_minmax"]
    blocks: Annotated[int, Bounds(ge=2)]
    least_device_rows: Annotated[int, Bounds(ge=2)]


@dataclass(frozen=True, kw_only=True)
class ThresholdSettings:
    """Where a score becomes a flag, unless normalisation is batch_minmax."""

    false_positive_rate: OpenShare
    margin: Annotated[float, Bounds(gt=0.0, le=1.0)]


@dataclass(frozen=True, kw_only=True)
class StreamSettings:
    """How the job stream looks for new files."""

    files_per_batch: Count
    seconds: Positive


@dataclass(frozen=True, kw_only=True)
class ExplainSettings:
    """How scores are explained beyond the contributions of every flagged record."""

    shap: ShapOptions


@dataclass(frozen=True, kw_only=True)
class MonitorSettings(Limits):
    """What is worth an alert, and who hears of it."""

    webhook_variable: Annotated[str, Bounds(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None
    attempts: Annotated[int, Bounds(ge=1, le=10)]
    mail_folder: str | None
    mail_from: str
    mail_to: Some[str]


@dataclass(frozen=True, kw_only=True)
class MaintainSettings(Retention, CompactionOptions):
    """How the job maintain keeps tables small, and what it deletes."""

    allow_short_vacuum: bool
    pause_days: Count

    def __post_init__(self) -> None:
        """Refuse to delete what readers need."""
        if self.vacuum_hours < _SHORTEST_VACUUM and not self.allow_short_vacuum:
            message = (
                f"vacuum_hours is {self.vacuum_hours}; below {_SHORTEST_VACUUM} a reader may lose "
                "its files. If nobody reads, set maintain.allow_short_vacuum to true"
            )
            raise ConfigError(message)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All settings of a run; every section and value is given, none has a default.

    Unknown keys are faults, and no value is converted to another type.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid", "strict": True, "allow_inf_nan": False}
    """Holds for the sections as well: pydantic hands it on to plain dataclasses."""

    seed: Annotated[int, Bounds(ge=0, lt=2**32)]
    storage: StorageSettings
    ingest: IngestOptions
    sample: SampleSettings
    train: SplitOptions
    scaling: ScalingSettings
    detectors: DetectorSettings
    normalisation: NormalisationSettings
    threshold: ThresholdSettings
    incidents: VoteSettings
    stream: StreamSettings
    evaluate: EvaluateOptions
    explain: ExplainSettings
    protocol: ProtocolOptions
    monitor: MonitorSettings
    promotion: PromotionOptions
    maintain: MaintainSettings

    def __post_init__(self) -> None:
        """Refuse to calibrate on nothing."""
        mode = self.normalisation.mode
        if mode != "batch_minmax" and self.train.calibration_share == 0.0:
            message = (
                f"train.calibration_share is 0, but normalisation.mode {mode} needs calibration "
                "records; give them a share, or set batch_minmax"
            )
            raise ConfigError(message)

    @property
    def checksum(self) -> str:
        """SHA-256 of all values, hexadecimal."""
        return hashlib.sha256(json.dumps(self.to_dict()).encode()).hexdigest()

    def to_dict(self) -> dict[str, Any]:
        """Return all values by section and key."""
        return asdict(self)
