"""What an attacker gains by effort, measured, to the table ``robustness_figures``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iotscore.evaluation.protocol_stage import read_sample
from iotscore.evaluation.stage import data_kind
from iotscore.evaluation.trained import fit_of
from iotscore.research.poisoning import measure_poisoned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.evaluation.attack_options import Poison
    from iotscore.evaluation.protocol_stage import ProtocolOptions
    from iotscore.models.context import Context

    Row = dict[str, Any]


@dataclass(frozen=True)
class RobustnessResult:
    """What a protocol of attackers' effort measured.

    Attributes
    ----------
    protocol
        Its name.
    figures
        The rows that were added to ``robustness_figures``.
    rows, files
        Records and files of the warehouse that it was measured on.
    """

    protocol: str
    figures: list[Row]
    rows: int = 0
    files: int | None = None

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        if self.files is None:
            return {"protocol": self.protocol, "figures": len(self.figures)}
        return {"protocol": self.protocol, "files": self.files}


def evaluate_poisoning(
    context: Context, options: ProtocolOptions, poison: Poison
) -> RobustnessResult:
    """Fit with attacks among the labelled benign rows, measure, and store the figures.

    Detectors that take long to fit and have no weight are left out.

    Raises
    ------
    InputError
        There are no benign rows, or too few of the attacks.
    """
    sample = read_sample(context, options)
    model = options.model.without_idle()
    fits = {share: fit_of(replace(model, trim_share=share)) for share in (0.0, poison.trim_share)}
    measured = options.measured
    rows = measure_poisoned(sample, fits, measured.plan, measured.budgets, poison, measured.seed)
    figures = store_robustness(context, rows, data_kind(context.ingested.values()))
    return RobustnessResult(options.name, figures, sample.row_no.size, len(sample.files))


def store_robustness(context: Context, figures: Sequence[Row], kind: str) -> list[Row]:
    """Add figures to ``robustness_figures``; return the rows that were added.

    Parameters
    ----------
    context
        Where, and the run that measured.
    figures
        Rows with the keys of :data:`iotscore.evaluation.protocols.ROBUSTNESS_COLUMNS`.
    kind
        ``synthetic``, ``full`` or ``partial``: the data that were measured on.
    """
    stamp = {"run_id": context.run_id, "data_kind": kind, "evaluated_at": datetime.now(UTC)}
    rows = [{**figure, **stamp} for figure in figures]
    context.warehouse.append("robustness_figures", rows)
    return rows
