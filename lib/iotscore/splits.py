"""Which records fit a model, which calibrate it, and which are left to measure it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Self

TRAIN: Final = "train"
CALIBRATION: Final = "calibration"
TEST: Final = "test"
NONE: Final = "none"
"""Used for nothing: unlabelled, or benign records of a fitting part that a cap left out."""


@dataclass(frozen=True)
class FilePart:
    """Where the parts of a benign file end, by row number; the rest of the file is for testing."""

    train_end: int
    calibration_end: int


@dataclass(frozen=True)
class SplitPlan:
    """The split of the benign files that a model was trained from; part of its manifest.

    Attributes
    ----------
    seed
        Seed of the record hash.
    fraction
        Share of each file that the model's profile works on.
    parts
        By file id.
    train_cutoff, calibration_cutoff
        Largest record hash that was taken from the part; None if all of it was.
    """

    seed: int
    fraction: float
    parts: dict[str, FilePart]
    train_cutoff: int | None = None
    calibration_cutoff: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plan: dict[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_json`."""
        parts = {file_id: FilePart(**part) for file_id, part in plan["parts"].items()}
        return cls(**{**plan, "parts": parts})


def cut_file(rows: int, train_share: float, calibration_share: float) -> FilePart:
    """Cut a benign file of ``rows`` lines in capture order.

    A third of 400 lines is 133: shares are rounded down, and what is left over is for testing,
    unless the shares add up to all of the file.
    """
    train_end = int(rows * train_share + 1e-9)
    total = train_share + calibration_share
    calibration_end = max(int(rows * total + 1e-9), train_end)
    return FilePart(train_end, calibration_end)
