"""What the autoencoder's scores are made of: from settings to a stored sample and one line."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.explain.kernel_shap import KernelOptions
from iotscore.explain.shap_stage import ShapOptions, explain_by_shap
from iotscore.features import FEATURES

if TYPE_CHECKING:
    from iotscore.cli.job import Job
    from iotscore.config import Settings
    from iotscore.detect.protocol import FloatArray

_LOG = logging.getLogger(__name__)
_NAMED: Final = 3
"""Features that the closing line names."""


def shap_stage(job: Job) -> None:
    """Explain a sample of benign records and attacks; their values go to ``shap_values``."""
    with job.runs.stage("shap") as stage:
        found = explain_by_shap(job.context(job.arguments.model), shap_options(job.settings))
        stage.report(found)
    cut = found.wanted - found.rows
    _LOG.info(
        "shap: %d benign records and %d attacks of model %s explained%s, strongest %s (%.1f s)",
        found.benign,
        found.attack,
        found.model_version,
        f", {cut} left out after explain.shap.seconds" if cut else "",
        ", ".join(_strongest(found.values.values)),
        stage.seconds,
    )


def shap_options(settings: Settings) -> ShapOptions:
    """Return what the stage shap is told."""
    chosen = settings.explain.shap
    return ShapOptions(
        benign=chosen.benign,
        attack=chosen.attack,
        splits=tuple(settings.evaluate.splits),
        kernel=KernelOptions(
            clusters=chosen.background_clusters,
            samples=chosen.samples,
            seconds=chosen.seconds,
            seed=settings.seed,
        ),
    )


def _strongest(values: FloatArray) -> list[str]:
    """Return the features with the largest mean absolute value, the largest first."""
    order = np.argsort(-np.abs(values).mean(axis=0), kind="stable")
    return [FEATURES[place] for place in order[:_NAMED]]
