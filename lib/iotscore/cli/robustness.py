"""The protocols that measure attackers' effort: from settings to stored figures."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from iotscore.cli.options import fit_settings, protocol_options
from iotscore.evaluation.protocols import POISONING
from iotscore.evaluation.trained import fit_of
from iotscore.evasion import EVASION, measure_evasion
from iotscore.spark.robustness import evaluate_poisoning, store_robustness

if TYPE_CHECKING:
    from iotscore.cli.job import Job

    Row = dict[str, Any]

ROBUSTNESS: Final = (POISONING, EVASION)
"""Names of the protocols; ``docs/evaluation.md`` says what each answers."""
_LOG = logging.getLogger(__name__)


def robustness_stage(job: Job, name: str) -> list[Row]:
    """Measure by a protocol, poisoning or evasion; return the figures."""
    options = protocol_options(job.settings, name)
    with job.runs.stage("evaluate") as stage:
        if name == POISONING:
            figures = evaluate_poisoning(
                job.warehouse,
                options,
                job.settings.protocol.poisoning,
                job.runs.run_id,
                stage,
            )
        else:
            model = fit_settings(job.settings).without_idle()
            rows = measure_evasion(
                fit_of(model),
                model.trim_share,
                options.measured.plan,
                options.measured.budgets,
                job.settings.protocol.evasion,
                job.settings.seed,
            )
            stage.details = {"protocol": name, "figures": len(rows)}
            figures = store_robustness(job.warehouse, rows, job.runs.run_id, "synthetic")
    _LOG.info("evaluate: %s, %d figures (%.1f s)", name, len(figures), stage.seconds)
    return figures
