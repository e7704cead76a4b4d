"""The tables that an evaluation protocol prints: every detector beside what anybody could do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from iotscore.cli.console import figures_table, open_wide_console, share
from iotscore.evaluation.protocols.evaluate import PREVALENCE
from iotscore.report.formatting import DATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    Row = dict[str, Any]

_HEADINGS: Final = (
    *("detector", "threshold", "AUC", "FPR at\nTPR 99.9 %", "TPR", "FPR"),
    *("worst\nfile's TPR", "worst\ndevice's FPR"),
)
_SETS: Final = {
    "all": "all features",
    "no_clock": "without the clock (the five HH_jit_*_mean)",
    "no_jitter": "without all HH_jit_*",
}


def print_protocol(rows: Sequence[Row]) -> None:
    """Print a table for each feature set and base rate, and one of devices."""
    console = open_wide_console()
    overall = [row for row in rows if row["scope"] == "all"] or [
        row for row in rows if row["scope"] == "family"
    ]
    places = dict.fromkeys((row["feature_set"], row["prevalence"]) for row in overall)
    for feature_set, prevalence in places:
        place = (feature_set, prevalence)
        chosen = [row for row in overall if (row["feature_set"], row["prevalence"]) == place]
        console.print(_figures(chosen))
    if any(row["uses_labels"] for row in rows):
        console.print("* threshold chosen with labels: what hindsight would reach", style="dim")
    console.print(
        "in brackets: 95 % intervals; files in the same capture and overlapping windows make "
        "them too narrow (docs/evaluation.md). All rows, per device, attack and file, are in the "
        "table protocol_figures.",
        style="dim",
        soft_wrap=True,
    )


def _figures(rows: Sequence[Row]) -> Table:
    first = rows[0]
    weighted = "" if first["weighting"] == "none" else ", weighted to the files' full counts"
    is_weighed = first["protocol"] == PREVALENCE
    rate = f", at 1 attack in {1 / first['prevalence']:,.0f} records" if is_weighed else ""
    title = (
        f"{first['protocol']}, {_SETS[first['feature_set']]}{rate}: {first['n_benign']:,} benign "
        f"and {first['n_attack']:,} attack rows{weighted}; {DATA[first['data_kind']]}"
    )
    headings = (*_HEADINGS, *(("precision", "false per\ntrue alarm") if is_weighed else ()))
    table = figures_table(title, headings, texts=("detector", "threshold"))
    for row in rows:
        cells = [
            _name(row),
            _policy(row),
            share(row["roc_auc"]),
            share(row["fpr_at_tpr_999"]),
        ]
        cells += [_bounded(row, "tpr"), _bounded(row, "fpr")]
        cells += [share(row["worst_attack_file_tpr"]), share(row["worst_device_fpr"])]
        if is_weighed:
            cells += [
                share(row["precision_attack"]),
                _ratio(row["false_alarms_per_true_alarm"]),
            ]
        table.add_row(*cells)
    return table


def _name(row: Row) -> str:
    part = "" if row["scope"] == "all" else f" ({row['scope_value']})"
    return f"{row['detector']}{part}"


def _policy(row: Row) -> str:
    if row["budget"] is not None:
        return f"FPR {row['budget']:g}"
    return f"{row['threshold_policy']}{'*' if row['uses_labels'] else ''}"


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:,.1f}"


def _bounded(row: Row, name: str) -> str:
    low, high = row[f"{name}_low"], row[f"{name}_high"]
    if row[name] is None:
        return ""
    return f"{row[name]:.4f}" + ("" if low is None else f" ({low:.3f}-{high:.3f})")
