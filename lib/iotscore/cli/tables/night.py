"""The tables that a job prints at its end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.table import Table

from iotscore.cli.console import figures_table, open_console, share
from iotscore.evaluation.protocols.policies import BENIGN_QUANTILE
from iotscore.evaluation.published import reported_figures
from iotscore.features import HYBRID
from iotscore.redaction import masked
from iotscore.report.formatting import DATA
from iotscore.warehouse.file_status import INGESTED

if TYPE_CHECKING:
    from iotscore.cli.job import Job

PAPER = "paper"
"""The profile whose figures are put beside the published ones."""
_REPORT_COLUMNS = {
    "accuracy": "accuracy",
    "precision_attack": "attack P",
    "recall_attack": "attack R",
    "f1_attack": "attack F1",
    "precision_benign": "benign P",
    "recall_benign": "benign R",
    "f1_benign": "benign F1",
    "roc_auc": "AUC",
}


def print_nightly(job: Job, model_version: str, evaluation_id: str | None) -> None:
    """Print rows, figures, seconds per stage, where the tables are and a query to try."""
    console = open_console()
    console.print(_rows_table(job, model_version))
    if evaluation_id is not None:
        print_evaluation(job, evaluation_id)
    console.print(_stages_table(job))
    warehouse = masked(job.warehouse.root)
    console.print(f"tables: {warehouse}", soft_wrap=True)
    console.print(
        f"try:    ./spark-submit.sh sql --warehouse {warehouse} --query worst_devices",
        soft_wrap=True,
    )


def print_evaluation(job: Job, evaluation_id: str) -> None:
    """Print the figures over all measured records, and a report's beside them where one fits."""
    rows = job.warehouse.rows("metrics", evaluation_id=evaluation_id, scope="all")
    if not rows:
        return
    console = open_console()
    console.print(_figures_table(rows))
    if line := _fpr_line(rows):
        console.print(line)
    if any(row["uses_labels"] for row in rows):
        console.print("* threshold chosen with labels: an upper bound", style="dim")
    reported = reported_figures(job.settings.sample.fraction)
    if job.arguments.profile == PAPER and reported is not None:
        console.print(_report_table(rows, reported))


def _fpr_line(rows: list[dict[str, Any]]) -> str | None:
    """Return the target and the observed false positive rate of the hybrid score."""
    for row in rows:
        target, observed = row.get("fpr_promised"), row["fpr"]
        if row["detector"] == HYBRID and None not in (target, observed, row["fpr_low"]):
            bounds = f"{row['fpr_low']:.1%} to {row['fpr_high']:.1%}"
            return f"false positive rate: target {target:.1%}, observed {observed:.1%} ({bounds})"
    return None


def _rows_table(job: Job, model_version: str) -> Table:
    files = job.warehouse.rows("ingest_files", status=INGESTED)
    read, quarantined = (
        sum(row[name] for row in files) for name in ("rows_read", "rows_quarantined")
    )
    reconciled = sum(row["rows_expected"] is not None for row in files)
    scored_files = job.warehouse.rows("scored_files", model_version=model_version)
    scored = sum(row["rows_scored"] for row in scored_files)
    tonight = {stage.name: stage.rows for stage in job.runs.stages}
    table = Table("", "this run", "in the warehouse", title="Rows", title_justify="left")
    for name, now, total in (
        ("in", tonight.get("ingest", 0), read),
        ("scored", tonight.get("score", 0), scored),
        ("quarantined", job.details("ingest").get("rows_quarantined", 0), quarantined),
    ):
        table.add_row(name, f"{now:,}", f"{total:,}")
    table.caption = (
        f"{len(files)} files, {reconciled} reconciled with data_summary.csv; model {model_version}"
    )
    table.caption_justify = "left"
    return table


def _figures_table(rows: list[dict[str, Any]]) -> Table:
    first = rows[0]
    kind = DATA[first["data_kind"]]
    weighting = "" if first["weighting"] == "none" else ", weighted to full file counts"
    title = f"Detection on {first['rows']:,} labelled rows{weighting}: {kind}"
    headings = ("detector", "AUC", "threshold by", "TPR", "FPR", "accuracy", "bal. accuracy")
    table = figures_table(title, headings, texts=("detector", "threshold by"))
    for row in rows:
        policy = row["threshold_policy"] + ("*" if row["uses_labels"] else "")
        figures = ("recall_attack", "fpr", "accuracy", "balanced_accuracy")
        shares = [share(row[name]) for name in figures]
        table.add_row(row["detector"], share(row["roc_auc"]), policy, *shares)
    return table


def _report_table(rows: list[dict[str, Any]], reported: dict[str, dict[str, float]]) -> Table:
    headings = ("detector", "", *_REPORT_COLUMNS.values())
    table = figures_table("Ours beside the published report's", headings, texts=("detector",))
    for row in rows:
        if row["threshold_policy"] == BENIGN_QUANTILE:
            continue
        published = reported.get(row["detector"], {})
        table.add_row(row["detector"], "ours", *(share(row[name]) for name in _REPORT_COLUMNS))
        table.add_row("", "report", *(share(published.get(name)) for name in _REPORT_COLUMNS))
    return table


def _stages_table(job: Job) -> Table:
    headings = ("stage", "rows", "seconds", "rows/s", "peak memory")
    table = figures_table("Stages", headings, texts=("stage",))
    for stage in job.runs.stages:
        rate = f"{stage.rows / stage.seconds:,.0f}" if stage.rows else ""
        table.add_row(
            stage.name, f"{stage.rows:,}", f"{stage.seconds:.1f}", rate, _size(stage.memory.job)
        )
    return table


def _size(size: int | None) -> str:
    return "" if size is None else f"{size / 2**30:.2f} GiB"
