"""What an attacker gains by effort, measured, to the table ``robustness_figures``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iotscore.evaluation.protocol_stage import ProtocolResult, read_sample, store_figures
from iotscore.evaluation.stage import data_kind
from iotscore.research.evasion.curve import measure_evasion
from iotscore.research.poisoning import measure_poisoned
from iotscore.warehouse.figure_columns import EVASION

if TYPE_CHECKING:
    from iotscore.evaluation.protocols.evaluate import ProtocolRun
    from iotscore.models.context import Context

_TABLE: Final = "robustness_figures"


def evaluate_robustness(context: Context, run: ProtocolRun) -> ProtocolResult:
    """Measure what attackers gain, by poisoning or by evasion, and store the figures.

    Detectors that take long to fit and have no weight are left out. Evasive attacks are simulated,
    and so are the benign rows beside them.

    Raises
    ------
    InputError
        There are no benign rows, or too few of the attacks that poison.
    """
    if run.name == EVASION:
        rows = store_figures(context, _TABLE, measure_evasion(run), "synthetic")
        return ProtocolResult(run.name, rows)
    sample = read_sample(context, run)
    figures = measure_poisoned(sample, run)
    rows = store_figures(context, _TABLE, figures, data_kind(context.ingested.values()))
    return ProtocolResult(run.name, rows, sample.row_no.size, len(sample.files))
