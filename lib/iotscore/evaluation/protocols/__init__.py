"""Evaluation that cannot fool us: what fits sees no label, and figures say what they rest on."""

from iotscore.evaluation.protocols.benign import Benign, BenignPart, Fit, Fitted
from iotscore.evaluation.protocols.evaluate import (
    PREVALENCE,
    PROTOCOLS,
    REPORTS,
    Options,
    evaluate,
)
from iotscore.evaluation.protocols.poisoning import MIX, POISONING, Poison, measure_poisoned
from iotscore.evaluation.protocols.results import side_by_side
from iotscore.evaluation.protocols.rounds import Plan
from iotscore.evaluation.protocols.sample import (
    FEATURE_SETS,
    FeatureSet,
    Sample,
    SampleFile,
    without,
)
from iotscore.warehouse.figure_columns import (
    COLUMNS,
    KEY,
    ROBUSTNESS_COLUMNS,
    ROBUSTNESS_KEY,
)

__all__ = [
    "COLUMNS",
    "FEATURE_SETS",
    "KEY",
    "MIX",
    "POISONING",
    "PREVALENCE",
    "PROTOCOLS",
    "REPORTS",
    "ROBUSTNESS_COLUMNS",
    "ROBUSTNESS_KEY",
    "Benign",
    "BenignPart",
    "FeatureSet",
    "Fit",
    "Fitted",
    "Options",
    "Plan",
    "Poison",
    "Sample",
    "SampleFile",
    "evaluate",
    "measure_poisoned",
    "side_by_side",
    "without",
]
