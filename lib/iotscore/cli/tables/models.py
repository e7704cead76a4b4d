"""What the job ``models`` prints: the registry, one model, a challenge."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from iotscore.cli.console import figures_table, open_console, share
from iotscore.evaluation.protocols.policies import BENIGN_QUANTILE
from iotscore.features import HYBRID
from iotscore.models.registry import promotions
from iotscore.promotion.trial import changes
from iotscore.runs.order import in_order

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.models.stored import StoredModel
    from iotscore.promotion.challenge import Challenge, Group, Leading
    from iotscore.promotion.trial import Change
    from iotscore.warehouse.warehouse import Warehouse

_OUTCOMES: Final = {
    True: Text("passed", style="green"),
    False: Text("failed", style="bold red"),
    None: Text("nothing to compare", style="dim"),
}
_MEASURED: Final = {"roc_auc": "AUC", "recall_attack": "TPR", "fpr": "FPR"}


def print_models(warehouse: Warehouse) -> None:
    """Print a row per model, the newest first."""
    columns = ["model_version", "manifest", "created_at", "expired_at", "sequence"]
    rows = warehouse.rows("models", columns)
    history = [row["model_version"] for row in promotions(warehouse)]
    measured = _measured(warehouse)
    table = Table(title="Models", title_justify="left")
    for heading in ("version", "state", "created (UTC)"):
        table.add_column(heading, no_wrap=True)
    table.add_column("detectors")
    for heading in ("fitted on", "target FPR", *_MEASURED.values()):
        table.add_column(heading, justify="right")
    for row in reversed(in_order(rows, "created_at")):
        version, manifest = row["model_version"], json.loads(row["manifest"])
        figures = measured.get(version, {})
        table.add_row(
            version,
            _state(version, history) if row["expired_at"] is None else "expired",
            f"{row['created_at']:%Y-%m-%d %H:%M}",
            _weights(manifest["weights"]),
            f"{manifest['rows']['train']:,}",
            f"{manifest['false_positive_rate']:.1%}",
            *(share(figures.get(name)) for name in _MEASURED),
        )
    if measured:
        table.caption = "AUC, TPR, FPR: of the newest evaluation, hybrid score, on labelled records"
        table.caption_justify = "left"
    open_console().print(table)


def print_model(warehouse: Warehouse, stored: StoredModel) -> None:
    """Print what a model was made of, and its promotions."""
    manifest, model = stored.manifest, stored.model
    history = promotions(warehouse)
    state = _state(stored.version, [row["model_version"] for row in history])
    figures = _measured(warehouse).get(stored.version, {})
    facts = {
        "state": state,
        "data": "synthetic" if manifest["is_synthetic"] else "captured",
        "fitted on": f"{manifest['rows']['train']:,} benign records",
        "calibrated on": f"{manifest['rows']['calibration']:,} benign records",
        "detectors": _weights(model.weights),
        "normalisation": model.normalisation,
        "target FPR": f"{manifest['false_positive_rate']:.1%}",
        "hybrid threshold": str(model.thresholds.get(HYBRID, "from labels")),
        "bundle": f"{len(stored.bundle):,} bytes",
        "made with": ", ".join(f"{name} {one}" for name, one in manifest["versions"].items()),
        **{f"measured {word}": share(figures.get(name)) for name, word in _MEASURED.items()},
    }
    table = Table(title=f"Model {stored.version}", title_justify="left", show_header=False)
    for name, fact in facts.items():
        table.add_row(name, fact)
    console = open_console()
    console.print(table)
    files = Table("file", "records", "SHA-256", title="Training files", title_justify="left")
    for file in manifest["training_files"]:
        files.add_row(file["source_file"], f"{file['rows_read']:,}", file["sha256"][:16])
    console.print(files)
    promoted = [row for row in history if row["model_version"] == stored.version]
    if promoted:
        rows = Table("champion since (UTC)", "why", title="Promotions", title_justify="left")
        for row in promoted:
            rows.add_row(f"{row['promoted_at']:%Y-%m-%d %H:%M:%S}", row["reason"])
        console.print(rows)


def print_challenge(result: Challenge) -> None:
    """Print the checks, and what changes for each device and why."""
    console = open_console()
    against = "no champion" if result.champion is None else f"the champion {result.champion}"
    title = f"{result.challenger} against {against}, {result.trial.file_index.size:,} records"
    table = Table("check", "", "values", title=title, title_justify="left")
    for gate in result.gates:
        table.add_row(gate.name, _OUTCOMES[gate.holds], gate.told)
    console.print(table)
    if result.trial.champion is not None:
        changed = [one for one in changes(result.trial) if one.newly or one.no_longer]
        console.print(_changes_table(changed) if changed else "no flag changes")
    if result.reasons:
        console.print(_reasons_table(result.reasons))


def _changes_table(changed: list[Change]) -> Table:
    counted = ("tried", "champion", "challenger", "newly flagged", "no longer")
    texts = ("device", "records")
    table = figures_table("Flags that change", (*texts, *counted), texts)
    for one in changed:
        counts = (one.rows, one.champion, one.challenger, one.newly, one.no_longer)
        table.add_row(one.device, one.kind, *(f"{count:,}" for count in counts))
    return table


def _reasons_table(reasons: Mapping[Group, list[Leading]]) -> Table:
    headings = ("device", "records", "change", "what leads the explanations")
    table = Table(*headings, title="Why they change", title_justify="left")
    for (device, kind, is_new), leading in reasons.items():
        change = "newly flagged" if is_new else "no longer"
        table.add_row(device, kind, change, "\n".join(map(str, leading)))
    return table


def _measured(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """Return the newest figures of each model's hybrid score over all labelled records."""
    chosen = {"scope": "all", "detector": HYBRID, "threshold_policy": BENIGN_QUANTILE}
    rows = warehouse.rows("metrics", **chosen)
    return {row["model_version"]: row for row in in_order(rows, "evaluated_at")}


def _state(version: str, history: list[str]) -> str:
    if history and history[-1] == version:
        return "champion"
    return "was champion" if version in history else "candidate"


def _weights(weights: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {weight:.2g}" for name, weight in weights.items() if weight)
