"""One function per stage: record it in ``runs``, call the library, log its end."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from iotscore.cli.options import file_weights, protocol_run, train_options
from iotscore.errors import RefusalError
from iotscore.evaluation.protocol_stage import evaluate_protocol
from iotscore.evaluation.stage import evaluate
from iotscore.explain.stage import explain
from iotscore.ingest.stage import ingest
from iotscore.models.train import train
from iotscore.scoring.stage import score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.cli.job import Job
    from iotscore.runs.run_log import Stage
    from iotscore.scoring.stage import Companion

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
            options = job.settings.ingest
            done = ingest(job.context(), job.input, options, days=job.days, only=only)
            stage.report(done)
            if done.refusal is not None:
                raise RefusalError(done.refusal)  # noqa: TRY301 - the run log keeps it
    except RefusalError as error:
        refusal = error
    log_end(
        job,
        stage,
        f"{done.files_ingested} new files of {done.files_found}, "
        f"{done.files_refused} refused, {done.files_still_refused} still refused, "
        f"{done.rows_accepted} rows accepted, {done.rows_quarantined} quarantined",
    )
    if refusal is not None:
        raise refusal


def train_stage(job: Job, *, is_candidate: bool = False, is_anew: bool = False) -> str:
    """Train a champion, or a model that is not promoted yet; return its version."""
    options = train_options(job.settings)
    with job.runs.stage("train") as stage:
        done = train(job.context(), options, is_candidate=is_candidate, is_anew=is_anew)
        stage.report(done)
    place = "a candidate" if is_candidate else "the champion now"
    rows = done.rows_of_part
    log_end(
        job,
        stage,
        f"model {done.model_version} fitted on {rows['train']} benign rows, "
        f"calibrated on {rows['calibration']}; it is {place}",
    )
    return done.model_version


def score_stage(job: Job, model_version: str | None, ahead: Sequence[Companion] = ()) -> str:
    """Score new records, prepare what later stages need; return the version of the model."""
    with job.runs.stage("score") as stage:
        done = score(job.context(model_version), job.settings.evaluate, job.days, ahead)
        stage.report(done)
    log_end(job, stage, f"{done.rows} rows of {done.files} files by model {done.model_version}")
    return done.model_version


def evaluate_stage(job: Job, model_version: str | None) -> str | None:
    """Measure a model; return the evaluation's id, None without labels."""
    with job.runs.stage("evaluate") as stage:
        options, weights = job.settings.evaluate, file_weights(job.settings)
        done = evaluate(job.context(model_version), options, weights)
        stage.report(done)
    measured = done.evaluation_id or "no labelled rows to measure on"
    log_end(job, stage, f"{done.rows} new rows counted, evaluation {measured}")
    return done.evaluation_id


def explain_stage(job: Job, model_version: str | None) -> str:
    """Explain what is flagged; return the version of the model that flagged."""
    with job.runs.stage("explain") as stage:
        done = explain(job.context(model_version), job.settings.incidents.window)
        stage.report(done)
    log_end(
        job,
        stage,
        f"{done.rows} flagged records of {done.files} files by model {done.model_version}, "
        f"{done.incidents} incidents",
    )
    return done.model_version


def report_stage(job: Job, out: str, model_version: str) -> None:
    """Write the night's report and print where it is."""
    # Drawing libraries take a second to import.
    from iotscore.cli.commands.report import report
    from iotscore.report.output_folder import prepare_folder

    print(f"report: {report(job.warehouse, prepare_folder(out), model_version)}")


def protocol_stage(job: Job, name: str) -> list[dict[str, Any]]:
    """Measure by a protocol; return the figures."""
    run = protocol_run(job.settings, name)
    with job.runs.stage("evaluate") as stage:
        done = evaluate_protocol(job.context(), run)
        stage.report(done)
    log_end(job, stage, f"{name} on {done.rows} rows of {done.files} files")
    return done.figures


def log_end(job: Job, stage: Stage, outcome: str) -> None:
    """Log what a stage did and how fast, with a warning if that was slower than usual."""
    rate = f", {stage.rows / stage.seconds:,.0f} rows/s" if stage.rows else ""
    _LOG.info("%s: %s (%.1f s%s)", stage.name, outcome, stage.seconds, rate)
    if warning := job.runs.slow_warning(stage):
        _LOG.warning("%s", warning)
