"""The job ``explain``: why records are flagged, or Shapley values of the autoencoder's scores."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.cli.arguments import add_model, job_parser
from iotscore.cli.job import Job, run_job
from iotscore.cli.stages import explain_stage
from iotscore.explain.shap_stage import explain_by_shap
from iotscore.features import FEATURES

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray

_LOG = logging.getLogger(__name__)
_NAMED: Final = 3
"""Features that the closing line names."""


def main(argv: list[str]) -> int:
    """Explain and return the exit code."""
    parser = job_parser("explain", "Say why records are flagged.", reads_input=False)
    add_model(parser)
    parser.add_argument(
        "--shap",
        action="store_true",
        help="estimate Shapley values of the autoencoder's scores, within explain.shap.seconds",
    )
    return run_job("explain", parser.parse_args(argv), _explain)


def _explain(job: Job) -> None:
    if job.arguments.shap:
        shap_stage(job)
    else:
        explain_stage(job, job.arguments.model)


def shap_stage(job: Job) -> None:
    """Explain a sample of benign records and attacks; their values go to ``shap_values``."""
    with job.runs.stage("shap") as stage:
        options, splits = job.settings.explain.shap, job.settings.evaluate.splits
        context = job.context(job.arguments.model)
        result = explain_by_shap(context, options, splits, job.settings.seed)
        stage.report(result)
    cut = result.wanted - result.rows
    _LOG.info(
        "shap: %d benign records and %d attacks of model %s explained%s, strongest %s (%.1f s)",
        result.benign,
        result.attack,
        result.model_version,
        f", {cut} left out after explain.shap.seconds" if cut else "",
        ", ".join(_strongest(result.values.values)),
        stage.seconds,
    )


def _strongest(values: FloatArray) -> list[str]:
    """Return the features with the largest mean absolute value, the largest first."""
    order = np.argsort(-np.abs(values).mean(axis=0), kind="stable")
    return [FEATURES[place] for place in order[:_NAMED]]
