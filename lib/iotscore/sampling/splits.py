"""Split records into training, calibration and test parts."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Self

import numpy as np

from iotscore.bounds import Bounds, Count, CountOrZero
from iotscore.errors import ConfigError
from iotscore.sampling.record_hash import record_hashes
from iotscore.warehouse.records import by_file

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

TRAIN: Final = "train"
CALIBRATION: Final = "calibration"
TEST: Final = "test"
NONE: Final = "none"
"""Used for nothing: unlabelled; benign records that a cap left out, in a gap, or at the start."""

SPLITS: Final = (TRAIN, CALIBRATION, TEST, NONE)


@dataclass(frozen=True)
class SplitOptions:
    """Which benign records fit a model, and which calibrate it.

    Attributes
    ----------
    train_share, calibration_share
        Of each benign file, in capture order.
    gap_share
        Of each benign file, after either part, that is used for nothing.
    skip_rows
        First rows of each benign file that are used for nothing.
    trim_share
        Of each device's records, fitted without; see :mod:`iotscore.detect.trim`.
    """

    train_share: Annotated[float, Bounds(gt=0.0, le=1.0)]
    calibration_share: Annotated[float, Bounds(ge=0.0, lt=1.0)]
    gap_share: Annotated[float, Bounds(ge=0.0, le=0.2)]
    skip_rows: CountOrZero
    trim_share: Annotated[float, Bounds(ge=0.0, lt=1.0)]
    max_train_rows: Count
    max_calibration_rows: Count

    def __post_init__(self) -> None:
        """Refuse shares of more than the whole."""
        total = self.train_share + self.calibration_share
        if total > 1.0:
            message = f"train_share + calibration_share is {total:g}; at most 1 is possible"
            raise ConfigError(message)


@dataclass(frozen=True)
class FilePart:
    """Where the parts of a benign file end, by row number; the rest of the file is for testing.

    Attributes
    ----------
    train_end, calibration_end
        Last rows of the training and the calibration part.
    gap
        Rows after either end that are used for nothing: their statistics are damped sums that
        still hold packets of the part before.
    """

    train_end: int
    calibration_end: int
    gap: int = 0


@dataclass(frozen=True)
class SplitPlan:
    """The split of the benign files that a model was trained from; part of its manifest.

    Attributes
    ----------
    seed
        Seed of the record hash.
    fraction
        Share of each file that the model's profile works on.
    train_cutoff, calibration_cutoff
        Largest record hash that was taken from the part; None if all of it was.
    skip_rows
        First rows of each benign file that are used for nothing: a capture starts cold.
    """

    seed: int
    fraction: float
    parts: dict[str, FilePart]
    train_cutoff: int | None = None
    calibration_cutoff: int | None = None
    skip_rows: int = 0

    def to_json(self) -> dict[str, Any]:
        """Return the plan as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, plan: dict[str, Any]) -> Self:
        """Rebuild a plan from :meth:`to_json`."""
        parts = {file_id: FilePart(**part) for file_id, part in plan["parts"].items()}
        return cls(**{**plan, "parts": parts})


def cut_file(
    rows: int, train_share: float, calibration_share: float, gap_share: float = 0.0
) -> FilePart:
    """Cut a benign file of ``rows`` lines in capture order.

    A third of 400 lines is 133: shares are rounded down, and what is left over is for testing,
    unless the shares add up to all of the file. Gaps are rounded up.
    """
    train_end = int(rows * train_share + 1e-9)
    total = train_share + calibration_share
    calibration_end = max(int(rows * total + 1e-9), train_end)
    return FilePart(train_end, calibration_end, math.ceil(rows * gap_share - 1e-9))


def split_codes(
    plan: SplitPlan, file_id: str, row_no: npt.NDArray[np.int64], *, is_labelled: bool
) -> npt.NDArray[np.int8]:
    """Return the part of each record of a file, for the model that was trained by ``plan``.

    Benign records of the training files are train, calibration or test by their place in the
    file; a record of those parts that a cap left out is none, as is one in a gap. Every other
    labelled record is test, an unlabelled one is none.

    Returns
    -------
    int8 array of shape (n_rows,)
        Positions in :data:`SPLITS`.
    """
    code = {name: np.int8(position) for position, name in enumerate(SPLITS)}
    part = plan.parts.get(file_id)
    if not is_labelled or part is None:
        return np.full(row_no.shape, code[TEST if is_labelled else NONE])
    found = np.full(row_no.shape, code[NONE])
    in_train = (row_no > plan.skip_rows) & (row_no <= part.train_end)
    in_calibration = (row_no > part.train_end + part.gap) & (row_no <= part.calibration_end)
    in_calibration &= row_no > plan.skip_rows
    found[in_train], found[in_calibration] = code[TRAIN], code[CALIBRATION]
    found[row_no > max(part.calibration_end + part.gap, plan.skip_rows)] = code[TEST]
    capped = ((in_train, plan.train_cutoff), (in_calibration, plan.calibration_cutoff))
    if any(cutoff is not None and where.any() for where, cutoff in capped):
        hashes = record_hashes(plan.seed, file_id, row_no)
        for where, cutoff in capped:
            if cutoff is not None:
                found[where & (hashes > cutoff)] = code[NONE]
    return found


def record_splits(plan: SplitPlan, rows: pa.Table) -> npt.NDArray[np.int8]:
    """Return what each record was to a model: its position in :data:`SPLITS`.

    Records have ``file_id``, ``row_no`` and ``label``.
    """
    row_no = rows.column("row_no").to_numpy()
    is_labelled = rows.column("label").is_valid().to_numpy()
    codes = np.empty(rows.num_rows, dtype=np.int8)
    for file_id, is_its in by_file(rows):
        first = bool(is_labelled[is_its][0])
        codes[is_its] = split_codes(plan, file_id, row_no[is_its], is_labelled=first)
    return codes


def record_hashes_of(seed: int, rows: pa.Table) -> npt.NDArray[np.int64]:
    """Return the hash of each record's key, see :mod:`iotscore.sampling.record_hash`."""
    row_no = rows.column("row_no").to_numpy()
    hashes = np.empty(rows.num_rows, dtype=np.int64)
    for file_id, is_its in by_file(rows):
        hashes[is_its] = record_hashes(seed, file_id, row_no[is_its])
    return hashes
