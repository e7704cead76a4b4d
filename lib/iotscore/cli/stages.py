"""One function per stage: record it in ``runs``, call the library, log its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from iotscore.cli.options import (
    file_weights,
    protocol_options,
    score_options,
    train_options,
)
from iotscore.errors import RefusalError
from iotscore.evaluation.protocol_stage import evaluate_protocol
from iotscore.evaluation.stage import evaluate
from iotscore.explain.stage import explain
from iotscore.ingest.stage import ingest
from iotscore.models.train import train
from iotscore.scoring.stage import score

if TYPE_CHECKING:
    from iotscore.cli.job import Job
    from iotscore.runs.run_log import Stage

_LOG = logging.getLogger(__name__)


def ingest_stage(job: Job, only: frozenset[str] | None = None) -> None:
    """Ingest what is new in the landing folder, or among some files of it.

    Raises
    ------
    RefusalError
        Files were refused; the others are ingested.
    """
    refusal = None
    try:
        with job.runs.stage("ingest") as stage:
            ingest(
                *(job.warehouse, job.input, job.settings.ingest, job.runs.run_id, stage),
                days=job.days,
                only=only,
            )
    except RefusalError as error:
        refusal = error
    found = stage.details
    _tell(
        job,
        stage,
        f"{found['files_ingested']} new files of {found['files_found']}, "
        f"{found['files_refused']} refused, {found['files_still_refused']} still refused, "
        f"{found['rows_accepted']} rows accepted, {found['rows_quarantined']} quarantined",
    )
    if refusal is not None:
        raise refusal


def train_stage(job: Job, *, is_candidate: bool = False, is_anew: bool = False) -> str:
    """Train a champion, or a model that is not promoted yet; return its version."""
    with job.runs.stage("train") as stage:
        options, run_id = train_options(job.settings), job.runs.run_id
        version = train(
            job.warehouse, options, run_id, stage, is_candidate=is_candidate, is_anew=is_anew
        )
    rows = stage.details["rows"]
    place = "a candidate" if is_candidate else "the champion now"
    _tell(
        job,
        stage,
        f"model {version} fitted on {rows['train']} benign rows, "
        f"calibrated on {rows['calibration']}; it is {place}",
    )
    return version


def score_stage(job: Job, model_version: str | None) -> str:
    """Score new records; return the version of the model that scored."""
    with job.runs.stage("score") as stage:
        options = score_options(job.settings, job.days)
        version = score(job.warehouse, model_version, options, job.runs.run_id, stage)
    _tell(job, stage, f"{stage.rows} rows of {stage.details['files']} files by model {version}")
    return version


def evaluate_stage(job: Job, model_version: str | None) -> str | None:
    """Measure a model; return the evaluation's id, None without labels."""
    with job.runs.stage("evaluate") as stage:
        options, weights = job.settings.evaluate, file_weights(job.settings)
        evaluation_id = evaluate(
            job.warehouse, model_version, options, weights, job.runs.run_id, stage
        )
    found = "no labelled rows to measure on" if evaluation_id is None else evaluation_id
    _tell(job, stage, f"{stage.rows} new rows counted, evaluation {found}")
    return evaluation_id


def explain_stage(job: Job, model_version: str | None) -> str:
    """Explain what is flagged; return the version of the model that flagged."""
    with job.runs.stage("explain") as stage:
        window = job.settings.incidents.window
        version = explain(job.warehouse, model_version, window, job.runs.run_id, stage)
    found = stage.details
    _tell(
        job,
        stage,
        f"{stage.rows} flagged records of {found['files']} files by model {version}, "
        f"{found['incidents']} incidents",
    )
    return version


def report_stage(job: Job, out: str, model_version: str) -> None:
    """Write the night's report and print where it is."""
    # Drawing libraries take a second to import.
    from iotscore.cli.commands.report import report
    from iotscore.report.output_folder import prepare_folder

    print(f"report: {report(job.warehouse, prepare_folder(out), model_version)}")


def protocol_stage(job: Job, name: str) -> list[dict[str, Any]]:
    """Measure by a protocol; return the figures."""
    options = protocol_options(job.settings, name)
    with job.runs.stage("evaluate") as stage:
        figures = evaluate_protocol(job.warehouse, options, job.runs.run_id, stage)
    _tell(job, stage, f"{name} on {stage.rows} rows of {stage.details['files']} files")
    return figures


def _tell(job: Job, stage: Stage, outcome: str) -> None:
    rate = f", {stage.rows / stage.seconds:,.0f} rows/s" if stage.rows else ""
    _LOG.info("%s: %s (%.1f s%s)", stage.name, outcome, stage.seconds, rate)
    if warning := job.runs.slow_warning(stage):
        _LOG.warning("%s", warning)
