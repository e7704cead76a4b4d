"""A protocol from rows to figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

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
from iotscore.evaluation.protocols.sample import FEATURE_SETS, without
from iotscore.landing.filenames import BENIGN
from iotscore.warehouse.figure_columns import PROTOCOL_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from iotscore.detect.fit import FitSettings
    from iotscore.evaluation.options import ProtocolOptions
    from iotscore.evaluation.protocols.benign import Fit
    from iotscore.evaluation.protocols.cross_validate import HeldOutScores
    from iotscore.evaluation.protocols.rounds import Round
    from iotscore.evaluation.protocols.sample import Sample
    from iotscore.sampling.splits import SplitOptions

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


@dataclass(frozen=True)
class ProtocolRun:
    """What an evaluation by a protocol works with.

    Attributes
    ----------
    name
        One of :data:`PROTOCOLS`, or a protocol of :mod:`iotscore.research`.
    model
        What is fitted; under ``reports`` its weights are those of the hybrid.
    file_weights
        Records by file name that each file's rows stand for; None: the rows that it has.
    """

    name: str
    options: ProtocolOptions
    split: SplitOptions
    seed: int
    model: FitSettings
    file_weights: Mapping[str, int] | None = None

    @property
    def plan(self) -> Plan:
        """How benign files are cut."""
        split = self.split
        return Plan(split.train_share, split.calibration_share, self.options.gap_rows)


def evaluate(sample: Sample, fit: Fit, run: ProtocolRun) -> list[Row]:
    """Measure what fits by one protocol: once per round and feature set, on benign rows alone.

    Returns
    -------
    list of dict
        Flat rows with the keys of :data:`iotscore.warehouse.figure_columns.PROTOCOL_COLUMNS`.

    Raises
    ------
    TrainingError
        If a round has no rows to learn from, or they give away what is measured.
    ModelError
        If scores or thresholds are not what a fitted model promises.
    """
    is_reports = run.name == REPORTS
    draws = FileDraws.of_files(sample.files, run.options.draws, run.seed)
    figures: list[Row] = []
    chosen = [name for name in FEATURE_SETS if name in run.options.feature_sets]
    for feature_set in chosen:
        seen = without(sample, FEATURE_SETS[feature_set])
        rounds = _rounds(seen, run)
        held_out = cross_validate(seen, rounds, fit, () if is_reports else run.options.budgets)
        if is_reports:
            held_out = fuse_as_reported(held_out, run.model.weights)
        common = {
            "protocol": run.name,
            "feature_set": feature_set,
            "n_features": len(seen.feature_names),
            "weighting": seen.weighting,
            "tested_on_training": any(one.tests_on_training for one in rounds),
        }
        for name in held_out.scores:
            for row in _rows_of(seen, held_out, name, draws, run):
                named = {**common, "detector": name, **row}
                figures.append({column: named[column] for column in PROTOCOL_COLUMNS})
    return figures


def _rounds(sample: Sample, run: ProtocolRun) -> list[Round]:
    if run.name == REPORTS:
        return reports(sample)
    if run.name == LEAVE_ONE_DEVICE_OUT:
        return leave_one_device_out(sample, run.plan)
    return chronological(sample, run.plan)


def _rows_of(
    sample: Sample, held_out: HeldOutScores, detector: str, draws: FileDraws, run: ProtocolRun
) -> Iterator[Row]:
    """Yield the figures of one detector by one protocol."""
    measured = Measured(sample, held_out.rows, draws)
    scores = held_out.scores[detector]
    policies = policies_of(sample, held_out, detector, run.options.budgets)
    scopes = measured.scopes()
    if run.name == PREVALENCE:
        scopes = [scope for scope in scopes if scope.name in _PREVALENCE_SCOPES]
    if run.name == LEAVE_ONE_FAMILY_OUT:
        scopes = [scope for scope in scopes if scope.name == "family" and scope.value != BENIGN]
    base_rates = run.options.prevalences if run.name == PREVALENCE else _AS_MEASURED
    yield from figure_rows(measured, scores, policies, scopes, base_rates)
    if run.name == LEAVE_ONE_FAMILY_OUT and detector != FLAG_EVERYTHING:
        for family, policy, kept in of_other_families(sample, held_out, detector, run.plan):
            part = Measured(sample, held_out.rows[kept], draws)
            of_family = [scope for scope in scopes if scope.value == family]
            yield from figure_rows(part, scores[kept], [policy], of_family, _AS_MEASURED)
