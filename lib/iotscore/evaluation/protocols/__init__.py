"""Evaluation that cannot fool us: what fits sees no label, and figures say what they rest on."""

from iotscore.evaluation.protocols.benign import Benign, BenignPart, Fit, Fitted
from iotscore.evaluation.protocols.evaluate import (
    PREVALENCE,
    PROTOCOLS,
    REPORTS,
    Options,
    evaluate,
)
from iotscore.evaluation.protocols.rounds import Plan
from iotscore.evaluation.protocols.sample import (
    FEATURE_SETS,
    FeatureSet,
    Sample,
    SampleFile,
    without,
)

__all__ = [
    "FEATURE_SETS",
    "PREVALENCE",
    "PROTOCOLS",
    "REPORTS",
    "Benign",
    "BenignPart",
    "FeatureSet",
    "Fit",
    "Fitted",
    "Options",
    "Plan",
    "Sample",
    "SampleFile",
    "evaluate",
    "without",
]
