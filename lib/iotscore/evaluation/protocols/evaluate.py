"""A protocol from rows to figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from iotscore.errors import ConfigError
from iotscore.evaluation.protocols.baseline import FLAG_EVERYTHING
from iotscore.evaluation.protocols.cross_validate import cross_validate, fuse_as_reported
from iotscore.evaluation.protocols.figures import Measured, figure_rows
from iotscore.evaluation.protocols.intervals import FileDraws
from iotscore.evaluation.protocols.policies import of_other_families, policies_of
from iotscore.evaluation.protocols.rounds import (
    Plan,
    chronological,
    leave_one_device_out,
    reports,
)
from iotscore.evaluation.protocols.sample import FEATURE_SETS, FeatureSet, Sample, without
from iotscore.landing.filenames import BENIGN
from iotscore.warehouse.figure_columns import PROTOCOL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iotscore.evaluation.protocols.benign import Fit
    from iotscore.evaluation.protocols.cross_validate import HeldOutScores
    from iotscore.evaluation.protocols.rounds import Round

    Row = dict[str, Any]

CHRONOLOGICAL: Final = "chronological"
LEAVE_ONE_DEVICE_OUT: Final = "leave_one_device_out"
LEAVE_ONE_FAMILY_OUT: Final = "leave_one_family_out"
PREVALENCE: Final = "prevalence"
REPORTS: Final = "reports"
PROTOCOLS: Final = (
    CHRONOLOGICAL,
    LEAVE_ONE_DEVICE_OUT,
    LEAVE_ONE_FAMILY_OUT,
    PREVALENCE,
    REPORTS,
)
"""Names of the protocols; ``docs/evaluation.md`` says what each answers."""

_PREVALENCE_SCOPES: Final = frozenset({"all", "family", "device"})
_AS_MEASURED: Final[tuple[float | None, ...]] = (None,)


def _reported_weights() -> dict[str, float]:
    return {"lstm": 0.6, "iforest": 0.4}


@dataclass(frozen=True)
class Options:
    """How to evaluate.

    Attributes
    ----------
    plan
        How benign files are cut.
    budgets
        Shares of benign rows that may be flagged, above 0 and below 1.
    prevalences
        Base rates of attacks that ``prevalence`` asks about, above 0 and below 1.
    feature_sets
        The whole protocol runs once with each.
    report_weights
        Weights of the reports' hybrid, by detector.
    draws
        How often files are drawn for the intervals over files, at least 1.
    seed
        Of these draws.

    Raises
    ------
    ConfigError
        If a share is out of bounds, or there is no draw.
    """

    plan: Plan = field(default_factory=Plan)
    budgets: tuple[float, ...] = (0.01, 0.05)
    prevalences: tuple[float, ...] = (1e-3, 1e-4)
    feature_sets: tuple[FeatureSet, ...] = FEATURE_SETS
    report_weights: Mapping[str, float] = field(default_factory=_reported_weights)
    draws: int = 1000
    seed: int = 42

    def __post_init__(self) -> None:
        """Refuse what would give no figure."""
        shares = (*self.budgets, *self.prevalences)
        if not all(0.0 < share < 1.0 for share in shares) or self.draws < 1:
            raise ConfigError(
                f"budgets {self.budgets}, base rates {self.prevalences} and {self.draws} draws:"
                " needed are shares above 0 and below 1, and at least one draw"
            )


def evaluate(sample: Sample, fit: Fit, protocol: str, options: Options | None = None) -> list[Row]:
    """Measure what fits by one protocol.

    Parameters
    ----------
    sample
        Labelled rows.
    fit
        What is measured; called once per round and feature set, with benign rows alone.
    protocol
        One of :data:`PROTOCOLS`.
    options
        None for the defaults.

    Returns
    -------
    list of dict
        Flat rows with the keys of :data:`iotscore.warehouse.figure_columns.PROTOCOL_COLUMNS`.

    Raises
    ------
    ConfigError
        If there is no such protocol.
    TrainingError
        If a round has no rows to learn from, or they give away what is measured.
    ModelError
        If scores or thresholds are not what a fitted model promises.
    """
    if protocol not in PROTOCOLS:
        raise ConfigError(f"there is no protocol {protocol}: choose one of {', '.join(PROTOCOLS)}")
    options = options or Options()
    draws = FileDraws.of_files(sample.files, options.draws, options.seed)
    figures: list[Row] = []
    for feature_set in options.feature_sets:
        seen = without(sample, feature_set.dropped)
        rounds = _rounds(seen, protocol, options.plan)
        held_out = cross_validate(seen, rounds, fit, () if protocol == REPORTS else options.budgets)
        if protocol == REPORTS:
            held_out = fuse_as_reported(held_out, options.report_weights)
        common = {
            "protocol": protocol,
            "feature_set": feature_set.name,
            "n_features": len(seen.feature_names),
            "weighting": seen.weighting,
            "tested_on_training": any(one.tests_on_training for one in rounds),
        }
        for name in held_out.scores:
            rows = _rows_of(seen, held_out, name, draws, protocol, options)
            for row in rows:
                named = {**common, "detector": name, **row}
                figures.append({column: named[column] for column in PROTOCOL_COLUMNS})
    return figures


def _rounds(sample: Sample, protocol: str, plan: Plan) -> list[Round]:
    if protocol == REPORTS:
        return reports(sample)
    if protocol == LEAVE_ONE_DEVICE_OUT:
        return leave_one_device_out(sample, plan)
    return chronological(sample, plan)


def _rows_of(
    sample: Sample,
    held_out: HeldOutScores,
    detector: str,
    draws: FileDraws,
    protocol: str,
    options: Options,
) -> Iterator[Row]:
    """Yield the figures of one detector by one protocol."""
    measured = Measured(sample, held_out.rows, draws)
    scores = held_out.scores[detector]
    policies = policies_of(sample, held_out, detector, options.budgets)
    scopes = measured.scopes()
    if protocol == PREVALENCE:
        scopes = [scope for scope in scopes if scope.name in _PREVALENCE_SCOPES]
    if protocol == LEAVE_ONE_FAMILY_OUT:
        scopes = [scope for scope in scopes if scope.name == "family" and scope.value != BENIGN]
    base_rates = options.prevalences if protocol == PREVALENCE else _AS_MEASURED
    yield from figure_rows(measured, scores, policies, scopes, base_rates)
    if protocol == LEAVE_ONE_FAMILY_OUT and detector != FLAG_EVERYTHING:
        for family, policy, kept in of_other_families(sample, held_out, detector, options.plan):
            part = Measured(sample, held_out.rows[kept], draws)
            of_family = [scope for scope in scopes if scope.value == family]
            yield from figure_rows(part, scores[kept], [policy], of_family, _AS_MEASURED)
