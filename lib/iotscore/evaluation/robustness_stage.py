"""What an attacker gains by effort, measured, to the table ``robustness_figures``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iotscore.evaluation.protocol_stage import read_sample
from iotscore.evaluation.protocols import Poison, measure_poisoned
from iotscore.evaluation.stage import data_kind
from iotscore.evaluation.trained import fit_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.evaluation.protocol_stage import ProtocolOptions
    from iotscore.runs.run_log import Stage
    from iotscore.warehouse.tables import Warehouse

    Row = dict[str, Any]


def evaluate_poisoning(
    warehouse: Warehouse,
    options: ProtocolOptions,
    poison: Poison,
    run_id: str,
    stage: Stage,
) -> list[Row]:
    """Fit with attacks among the labelled benign rows, measure, and store the figures.

    Detectors that take long to fit and have no weight are left out.

    Returns
    -------
    list of dict
        The rows that were added to ``robustness_figures``.

    Raises
    ------
    InputError
        There are no benign rows, or too few of the attacks to plant.
    """
    sample = read_sample(warehouse, options)
    model = options.model.without_idle()
    fits = {share: fit_of(replace(model, trim_share=share)) for share in (0.0, poison.trim_share)}
    measured = options.measured
    rows = measure_poisoned(sample, fits, measured.plan, measured.budgets, poison, measured.seed)
    stage.rows = sample.row_no.size
    stage.details = {"protocol": options.name, "files": len(sample.files)}
    return store_robustness(warehouse, rows, run_id, data_kind(warehouse))


def store_robustness(
    warehouse: Warehouse, figures: Sequence[Row], run_id: str, kind: str
) -> list[Row]:
    """Add figures to ``robustness_figures``; return the rows that were added.

    Parameters
    ----------
    warehouse
        Where.
    figures
        Rows with the keys of :data:`iotscore.evaluation.figure_columns.ROBUSTNESS_COLUMNS`.
    run_id
        The run that measured.
    kind
        ``synthetic``, ``full`` or ``partial``: what was measured on.
    """
    stamp = {"run_id": run_id, "data_kind": kind, "evaluated_at": datetime.now(UTC)}
    rows = [{**figure, **stamp} for figure in figures]
    warehouse.append_rows("robustness_figures", rows)
    return rows
