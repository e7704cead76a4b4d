"""How stored scores are measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from iotscore.bounds import Bounds, Count, Some


@dataclass(frozen=True)
class EvaluateOptions:
    """What is measured on labelled records; ``conf/base.yaml`` explains each value."""

    splits: Some[Literal["train", "calibration", "test"]]
    bins_per_e_fold: Count
    roc_points: Annotated[int, Bounds(ge=3)]
    file_weights: str | None
