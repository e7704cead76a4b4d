"""The protocols that measure attackers' effort: from settings to stored figures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from iotscore.cli.options import fit_settings, protocol_options
from iotscore.evaluation.protocols import POISONING, Poison
from iotscore.evaluation.robustness_stage import (
    RobustnessResult,
    evaluate_poisoning,
    store_robustness,
)
from iotscore.evaluation.trained import fit_of
from iotscore.evasion import EVASION, Evasion, measure_evasion

if TYPE_CHECKING:
    from iotscore.cli.job import Job
    from iotscore.config import Settings

    Row = dict[str, Any]

ROBUSTNESS: Final = (POISONING, EVASION)
"""Names of the protocols; ``docs/evaluation.md`` says what each answers."""
_LOG = logging.getLogger(__name__)


def robustness_stage(job: Job, name: str) -> list[Row]:
    """Measure by a protocol, poisoning or evasion; return the figures."""
    options = protocol_options(job.settings, name)
    with job.runs.stage("evaluate") as stage:
        if name == POISONING:
            trim_share = job.settings.protocol.poisoning.trim_share
            result = evaluate_poisoning(job.context(), options, _poison(job.settings), trim_share)
        else:
            model = fit_settings(job.settings).without_idle()
            rows = measure_evasion(
                fit_of(model),
                model.trim_share,
                options.measured.plan,
                options.measured.budgets,
                _evasion(job.settings),
            )
            figures = store_robustness(job.context(), rows, "synthetic")
            result = RobustnessResult(name, figures)
        stage.report(result)
    _LOG.info("evaluate: %s, %d figures (%.1f s)", name, len(result.figures), stage.seconds)
    return result.figures


def _poison(settings: Settings) -> Poison:
    chosen = settings.protocol.poisoning
    return Poison(
        shares=tuple(chosen.shares),
        attacks=tuple(chosen.attacks),
        draws=chosen.draws,
        seed=settings.seed,
    )


def _evasion(settings: Settings) -> Evasion:
    chosen = settings.protocol.evasion
    return Evasion(
        attacks=tuple(chosen.attacks),
        slowdowns=tuple(chosen.slowdowns),
        padded=tuple(chosen.padded_shares),
        peers=tuple(chosen.peers),
        benign_rows=chosen.benign_rows,
        records=chosen.records,
        seconds=chosen.seconds,
        seed=settings.seed,
    )
