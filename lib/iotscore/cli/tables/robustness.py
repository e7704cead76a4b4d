"""The tables that the robustness protocols print: detection against an attacker's effort."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.cli.console import figures_table, open_wide_console
from iotscore.features import HYBRID
from iotscore.report.formatting import DATA
from iotscore.warehouse.figure_columns import POISONING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    Row = dict[str, Any]

_FIGURES: Final = {
    "roc_auc": "AUC",
    "tpr": "TPR",
    "worst_attack_file_tpr": "worst file's",
    "fpr": "FPR",
}
_EFFORTS: Final = {
    "slowdown": "{:g} times slower",
    "padded_share": "{:.0%} of the packets padded",
    "peers": "spread over {:g} connections",
    "combined": "{:g} times slower, padded, spread",
}


def print_robustness(rows: Sequence[Row]) -> None:
    """Print the curves at the largest budget, for all attacks together."""
    console = open_wide_console()
    budget = max(row["budget"] for row in rows)
    shown = [row for row in rows if row["budget"] == budget and row["scope"] == "all"]
    if rows[0]["protocol"] == POISONING:
        for attack in dict.fromkeys(row["attack"] for row in shown):
            console.print(_poisoning([row for row in shown if row["attack"] == attack]))
    else:
        console.print(_evasion(shown))
    console.print(
        "All rows, for each attack and budget, are in the table robustness_figures; what they "
        "mean: docs/evaluation.md.",
        style="dim",
        soft_wrap=True,
    )


def _poisoning(rows: Sequence[Row]) -> Table:
    first = rows[0]
    draws = max(row["draw"] for row in rows)
    title = (
        f"poisoning by {first['attack']}, budget {first['budget']:g}, mean of {draws} draws; "
        f"{DATA[first['data_kind']]}"
    )
    trims = list(dict.fromkeys(row["trim_share"] for row in rows))
    above = [f"trim {trim:g}" if trim else "no trim" for trim in trims]
    headings = [f"{trim}\n{figure}" for trim in above for figure in _FIGURES.values()]
    table = figures_table(title, ("planted", "detector", *headings), texts=("detector",))
    for place in dict.fromkeys((row["effort"], row["detector"]) for row in rows):
        cells = [f"{place[0]:.1%}", place[1]]
        for trim in trims:
            at = [
                row
                for row in rows
                if (row["effort"], row["detector"], row["trim_share"]) == (*place, trim)
            ]
            cells += [f"{np.mean([row[name] for row in at]):.4f}" for name in _FIGURES]
        table.add_row(*cells)
    return table


def _evasion(rows: Sequence[Row]) -> Table:
    first = rows[0]
    title = (
        f"evasion, budget {first['budget']:g}, trim {first['trim_share']:g}; "
        f"{DATA[first['data_kind']]}: every packet is simulated"
    )
    detectors = list(dict.fromkeys(row["detector"] for row in rows))
    headings = (
        *("the attack is", *(f"TPR\n{name}" for name in detectors)),
        *("worst\ncapture's", "FPR", "packets/s\nsent", "unnoticed"),
    )
    table = figures_table(title, headings, texts=("the attack is",))
    for knob, effort in dict.fromkeys((row["knob"], row["effort"]) for row in rows):
        at = {
            row["detector"]: row for row in rows if (row["knob"], row["effort"]) == (knob, effort)
        }
        fused = at[HYBRID]
        table.add_row(
            _EFFORTS[knob].format(effort),
            *(f"{at[name]['tpr']:.4f}" for name in detectors),
            f"{fused['worst_attack_file_tpr']:.3f}",
            f"{fused['fpr']:.4f}",
            f"{fused['packets_per_second']:,.2f}",
            f"{fused['unnoticed_per_second']:,.2f}",
        )
    return table
