"""What a model may learn from: benign rows without labels, and none that it is measured on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeAlias

import numpy as np

from iotscore.errors import TrainingError

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray, IntArray
    from iotscore.evaluation.protocols.rounds import Round
    from iotscore.evaluation.protocols.sample import Sample


@dataclass(frozen=True, eq=False)
class BenignPart:
    """Benign rows, those of a file in the order of capture.

    Attributes
    ----------
    features : float64 array of shape (n_rows, n_features)
    device_ids, file_index, row_no : int64 arrays of shape (n_rows,)
        Device, -1 where it is unknown; which file, and which line of it.
    """

    features: FloatArray
    device_ids: IntArray
    file_index: IntArray
    row_no: IntArray


@dataclass(frozen=True, eq=False)
class Benign:
    """All that a model is fitted on. It holds no label, and copies: no way back to the sample.

    Attributes
    ----------
    train, calibration
        Rows to fit the detectors on, and later rows of the same files, for thresholds.
    """

    feature_names: tuple[str, ...]
    train: BenignPart
    calibration: BenignPart


class Fitted(Protocol):
    """A fitted model."""

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return each detector's scores, float64 of shape (n_rows,), and those of ``hybrid``.

        They are finite, higher = more anomalous; a row's score depends on that row and its device
        alone.
        """
        ...

    def threshold(self, name: str, budget: float) -> float:
        """Return the score above which at most a share ``budget`` of benign rows is flagged."""
        ...


Fit: TypeAlias = Callable[[Benign], Fitted]
"""What fits a model."""


def benign_of(sample: Sample, tested: Round) -> Benign:
    """Return the rows that a round fits on, after proving that they give nothing away.

    Raises
    ------
    TrainingError
        If a row to fit or calibrate is an attack, of the device that is held out, in both parts,
        or is measured in the same round (unless the round says so: ``tests_on_training``); or if
        there is no row to fit or none to calibrate.
    """
    for name, rows in (("fit", tested.train), ("calibrate", tested.calibration)):
        if rows.size == 0:
            held = f" without {tested.held_out}" if tested.held_out else ""
            raise TrainingError(
                f"no benign row is left to {name} on{held}: give more benign rows, a larger share,"
                " or a smaller gap"
            )
    learned = np.concatenate([tested.train, tested.calibration])
    _refuse(sample, learned[sample.is_attack[learned]], "attacks")
    of_device = np.array([file.device == tested.held_out for file in sample.files])
    held_out = learned[of_device[sample.file_index[learned]]]
    _refuse(sample, held_out, f"of the held-out device {tested.held_out}")
    if not tested.tests_on_training:
        _refuse(sample, _shared(sample, tested.train, tested.calibration), "in both parts")
        measured = np.concatenate([tested.test_benign, tested.test_attack])
        _refuse(sample, _shared(sample, learned, measured), "measured as well")
    parts = (
        BenignPart(
            sample.features[rows],
            sample.device_ids[rows],
            sample.file_index[rows],
            sample.row_no[rows],
        )
        for rows in (tested.train, tested.calibration)
    )
    return Benign(sample.feature_names, *parts)


def _shared(sample: Sample, rows: IntArray, others: IntArray) -> IntArray:
    """Return the rows that are also among the others, by file and line."""
    lines = int(sample.row_no.max()) + 1
    keys, taken = (sample.file_index[some] * lines + sample.row_no[some] for some in (rows, others))
    return rows[np.isin(keys, taken)]


def _refuse(sample: Sample, leaks: IntArray, what: str) -> None:
    if leaks.size:
        first = int(leaks[0])
        file = sample.files[sample.file_index[first]].source_file
        raise TrainingError(
            f"{leaks.size} row(s) to learn from are {what}, the first is line"
            f" {sample.row_no[first]} of {file}: figures would be too good. Split again"
        )
