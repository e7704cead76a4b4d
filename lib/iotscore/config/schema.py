"""The schema of the configuration. ``conf/base.yaml`` says what each key means."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from iotscore.labels import pattern_fault

Share = Annotated[float, Field(ge=0.0, le=1.0)]
Weight = Annotated[float, Field(ge=0.0, le=1e6)]
OpenShare = Annotated[float, Field(gt=0.0, lt=1.0)]
Count = Annotated[int, Field(ge=1)]


_SHORTEST_VACUUM = 24
"""Hours that every reader has, unless the configuration says outright that there is none."""


class _Section(BaseModel):
    """Unknown keys are faults, values are not coerced between types, nothing changes later."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class StorageSettings(_Section):
    """Who reads and writes the warehouse's files."""

    direct: Literal["auto", "never"]
    transport: Literal["arrow", "pandas"]


class IngestSettings(_Section):
    """How landing files become rows of ``traffic``."""

    patterns: list[str] = Field(min_length=1)
    chunk_megabytes: Annotated[float, Field(gt=0.0, le=1024.0)]
    quarantine_text_limit: Count
    most_file_bytes: Count
    follow_links: bool
    changed_files: Literal["refuse", "replace"]
    same_content: Literal["refuse", "accept"]

    @field_validator("patterns")
    @classmethod
    def _check_patterns(cls, patterns: list[str]) -> list[str]:
        for pattern in patterns:
            if fault := pattern_fault(pattern):
                message = f"{pattern!r} {fault}"
                raise ValueError(message)
        return patterns


class SampleSettings(_Section):
    """Which records of each file the profile works on at all."""

    fraction: Annotated[float, Field(gt=0.0, le=1.0)]


class TrainSettings(_Section):
    """Which benign records fit the model, and which calibrate it."""

    train_share: Annotated[float, Field(gt=0.0, le=1.0)]
    calibration_share: Annotated[float, Field(ge=0.0, lt=1.0)]
    gap_share: Annotated[float, Field(ge=0.0, le=0.2)]
    skip_rows: Annotated[int, Field(ge=0)]
    trim_share: Annotated[float, Field(ge=0.0, lt=1.0)]
    max_train_rows: Count
    max_calibration_rows: Count

    @model_validator(mode="after")
    def _check_shares(self) -> Self:
        total = self.train_share + self.calibration_share
        if total > 1.0:
            message = f"train_share + calibration_share is {total:g}; at most 1 is possible"
            raise ValueError(message)
        return self


class ScalingSettings(_Section):
    """How features are brought to a common range."""

    method: Literal["signed_log", "minmax"]
    clip: Annotated[float, Field(gt=0.0)]
    out_of_range: Literal["keep", "clip"]
    clip_margin: Annotated[float, Field(ge=0.0)]


class IsolationForestSettings(_Section):
    """The isolation forest."""

    weight: Weight
    n_estimators: Count
    max_samples: Literal["auto"] | Count


class LstmSettings(_Section):
    """The LSTM autoencoder."""

    weight: Weight
    units: Count
    epochs: Count
    min_updates: Annotated[int, Field(ge=0)]
    sequence: Literal["windows", "record"]
    patience: Annotated[int, Field(ge=0)]
    batch_size: Count
    learning_rate: Annotated[float, Field(gt=0.0)]


class NeighboursSettings(_Section):
    """The distance to a near benign record."""

    weight: Weight
    k: Count
    rows: Count
    least_rows: Count


class EnvelopeSettings(_Section):
    """The distance outside the benign range of each feature."""

    weight: Weight
    rows: Count
    softness: Annotated[float, Field(gt=0.0)]
    least_rows: Count


class DetectorSettings(_Section):
    """The detectors of the profile; a detector that is null is left out."""

    iforest: IsolationForestSettings | None
    lstm: LstmSettings | None
    neighbours: NeighboursSettings | None
    envelope: EnvelopeSettings | None

    @model_validator(mode="after")
    def _check_weights(self) -> Self:
        weights = self._given_weights()
        if not weights:
            message = "no detector is left; at least one is needed"
            raise ValueError(message)
        if not sum(weights.values()):
            message = f"the weights are {weights}; at least one must be above 0"
            raise ValueError(message)
        return self

    def _given_weights(self) -> dict[str, float]:
        chosen = {name: getattr(self, name) for name in type(self).model_fields}
        return {name: settings.weight for name, settings in chosen.items() if settings is not None}

    def weights(self) -> dict[str, float]:
        """Return each detector's share in the hybrid score, in order; they add up to 1."""
        weights = self._given_weights()
        total = sum(weights.values())
        return {name: weight / total for name, weight in weights.items()}


class NormalisationSettings(_Section):
    """How raw scores are brought to a common scale before they are fused."""

    mode: Literal["tail", "batch_minmax"]
    blocks: Annotated[int, Field(ge=2)]
    least_device_rows: Annotated[int, Field(ge=2)]


class ThresholdSettings(_Section):
    """Where a score becomes a flag, unless normalisation is batch_minmax."""

    false_positive_rate: OpenShare
    margin: Annotated[float, Field(gt=0.0, le=1.0)]


class IncidentSettings(_Section):
    """How many consecutive records vote on whether there is an incident."""

    false_per_day: Annotated[float, Field(gt=0.0)]
    records_per_day: Annotated[float, Field(gt=0.0)]
    least_window: Count
    most_window: Annotated[int, Field(ge=1, le=100_001)]
    window: Count

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if not self.least_window <= self.window <= self.most_window:
            message = (
                f"least_window is {self.least_window}, window {self.window}, most_window "
                f"{self.most_window}; they must not fall"
            )
            raise ValueError(message)
        return self


class StreamSettings(_Section):
    """How the job stream looks for new files."""

    files_per_batch: Count
    seconds: Annotated[float, Field(gt=0.0)]


class EvaluateSettings(_Section):
    """What is measured on labelled records."""

    splits: list[Literal["train", "calibration", "test"]] = Field(min_length=1)
    bins_per_e_fold: Count
    roc_points: Annotated[int, Field(ge=3)]
    file_weights: str | None


class ShapSettings(_Section):
    """For which records Shapley values are estimated, and how."""

    benign: Count
    attack: Count
    background_clusters: Count
    samples: Annotated[int, Field(ge=256)]
    seconds: Annotated[float, Field(gt=0.0)]


class ExplainSettings(_Section):
    """How scores are explained beyond the contributions of every flagged record."""

    shap: ShapSettings


class PoisoningSettings(_Section):
    """What the protocol poisoning plants among benign records."""

    shares: list[Share] = Field(min_length=1)
    attacks: list[str] = Field(min_length=1)
    trim_share: OpenShare
    draws: Count


class EvasionSettings(_Section):
    """What the protocol evasion simulates."""

    attacks: list[str] = Field(min_length=1)
    slowdowns: list[Annotated[float, Field(ge=1.0, le=1e5)]] = Field(min_length=1)
    padded_shares: list[Share] = Field(min_length=1)
    peers: list[Count] = Field(min_length=1)
    benign_rows: Annotated[int, Field(ge=300)]
    records: Annotated[int, Field(ge=10)]
    seconds: Annotated[float, Field(gt=0.0, le=3600.0)]


class ProtocolSettings(_Section):
    """What the protocols of the job evaluate read and measure."""

    most_benign_rows: Count
    most_attack_rows: Count
    budgets: list[OpenShare] = Field(min_length=1)
    prevalences: list[OpenShare] = Field(min_length=1)
    feature_sets: list[Literal["all", "no_clock", "no_jitter"]] = Field(min_length=1)
    gap_rows: Annotated[int, Field(ge=0)]
    draws: Count
    poisoning: PoisoningSettings
    evasion: EvasionSettings


class MonitorSettings(_Section):
    """What is worth an alert, and who hears of it."""

    least_records: Annotated[int, Field(ge=50)]
    psi: Annotated[float, Field(gt=0.0)]
    feature_share: Annotated[float, Field(gt=0.0, le=1.0)]
    excess: Annotated[float, Field(gt=0.0)]
    nights: Count
    of_nights: Count
    warning_rate: Annotated[float, Field(ge=1.0)]
    critical_rate: Annotated[float, Field(ge=1.0)]
    volume_factor: Annotated[float, Field(gt=1.0)]
    quarantined_share: Share
    incident_severity: Literal["info", "warning", "critical"]
    no_delivery_days: Count | None
    cool_down_days: Annotated[int, Field(ge=0, le=365)]
    webhook_variable: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None
    attempts: Annotated[int, Field(ge=1, le=10)]
    mail_folder: str | None
    mail_from: str
    mail_to: list[str] = Field(min_length=1)

    @model_validator(mode="after")
    def _check_order(self) -> Self:
        if self.nights > self.of_nights or self.warning_rate > self.critical_rate:
            message = (
                f"nights is {self.nights} of {self.of_nights}, warning_rate "
                f"{self.warning_rate:g}, critical_rate {self.critical_rate:g}; nights must not "
                "be more than of_nights, nor the first rate more than the second"
            )
            raise ValueError(message)
        return self


class PromotionSettings(_Section):
    """What a challenger must keep to become the champion, and the records it is tried on."""

    nights: Count
    benign_rows: Count
    attack_rows: Count
    unlabelled_rows: Count
    fpr_tolerance: Annotated[float, Field(ge=0.0)]
    device_fpr: OpenShare
    tpr_margin: Share
    attack_tpr_margin: Share
    least_benign_rows: Count
    least_group_rows: Count


class MaintainSettings(_Section):
    """How the job maintain keeps tables small, and what it lets go."""

    file_megabytes: Annotated[float, Field(ge=1.0, le=1024.0)]
    small_files: Annotated[int, Field(ge=2)]
    vacuum_hours: Annotated[int, Field(ge=0)]
    allow_short_vacuum: bool
    keep_scores_days: Count | None
    keep_models: Count | None
    pause_days: Count

    @model_validator(mode="after")
    def _check_horizon(self) -> Self:
        if self.vacuum_hours < _SHORTEST_VACUUM and not self.allow_short_vacuum:
            message = (
                f"vacuum_hours is {self.vacuum_hours}; below {_SHORTEST_VACUUM} a reader may lose "
                "its files. If nobody reads, set maintain.allow_short_vacuum to true"
            )
            raise ValueError(message)
        return self


class Settings(_Section):
    """Everything a run can be told, checked."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    storage: StorageSettings
    ingest: IngestSettings
    sample: SampleSettings
    train: TrainSettings
    scaling: ScalingSettings
    detectors: DetectorSettings
    normalisation: NormalisationSettings
    threshold: ThresholdSettings
    incidents: IncidentSettings
    stream: StreamSettings
    evaluate: EvaluateSettings
    explain: ExplainSettings
    protocol: ProtocolSettings
    monitor: MonitorSettings
    promotion: PromotionSettings
    maintain: MaintainSettings

    @model_validator(mode="after")
    def _check_calibration(self) -> Self:
        mode = self.normalisation.mode
        if mode != "batch_minmax" and self.train.calibration_share == 0.0:
            message = (
                f"train.calibration_share is 0, but normalisation.mode {mode} needs calibration "
                "records; give them a share, or set batch_minmax"
            )
            raise ValueError(message)
        return self
