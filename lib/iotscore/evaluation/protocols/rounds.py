"""Protocols as cuts: which rows fit, which calibrate, and which are measured.

Captures have no clock, and neighbouring rows are damped windows of the same packets. So benign
files are cut by line, in the order of capture, with a gap between the parts. No attack ever fits.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.errors import ConfigError
from iotscore.sampling.splits import cut_file

if TYPE_CHECKING:
    from iotscore.detect.detector import BoolArray, IntArray
    from iotscore.evaluation.protocols.sample import Sample

    _Parts = tuple[BoolArray, BoolArray, BoolArray, BoolArray]

_COLD_START: Final = 1
"""The first line of a file: every window is empty, and every statistic that of one packet."""


@dataclass(frozen=True)
class Plan:
    """How benign files are cut.

    Attributes
    ----------
    train_share, calibration_share
        Shares of a file's lines, from its start; the rest is measured.
    gap
        Lines left out at the start of the calibration part and of the test part.
    """

    train_share: float
    calibration_share: float
    gap: int


@dataclass(frozen=True, eq=False)
class Round:
    """One fit and what it is measured on; rows are positions in the sample, ascending.

    Attributes
    ----------
    train, calibration, test_benign, test_attack : int64 arrays
    held_out
        Name of the device of which nothing fits and whose number the model is not told, or None.
    tests_on_training
        Whether the benign rows that are measured are those that were fitted.
    """

    train: IntArray
    calibration: IntArray
    test_benign: IntArray
    test_attack: IntArray
    held_out: str | None = None
    tests_on_training: bool = False


def chronological(sample: Sample, plan: Plan) -> list[Round]:
    """Return one round: the earliest part of each benign file fits, the last is measured."""
    return [_round(_parts(sample, plan))]


def leave_one_device_out(sample: Sample, plan: Plan) -> list[Round]:
    """Return one round per device: the chronological parts of all others fit, its own is measured.

    A device of which no row would be measured has no round.
    """
    train, calibration, test_benign, test_attack = _parts(sample, plan)
    names = np.array([file.device for file in sample.files])
    rounds = []
    for device in np.unique(names):
        is_held_out = (names == device)[sample.file_index]
        if ((test_benign | test_attack) & is_held_out).any():
            learned = (train & ~is_held_out, calibration & ~is_held_out)
            tested = (test_benign & is_held_out, test_attack & is_held_out)
            rounds.append(_round((*learned, *tested), str(device)))
    return rounds


def reports(sample: Sample) -> list[Round]:
    """Return one round as the published reports have it: all benign rows fit and are measured."""
    benign, attacks = np.flatnonzero(~sample.is_attack), np.flatnonzero(sample.is_attack)
    return [Round(benign, benign, benign, attacks, tests_on_training=True)]


def halves(sample: Sample, plan: Plan) -> tuple[BoolArray, BoolArray]:
    """Cut the test part of each benign file in two, in the order of capture, with the gap between.

    Returns which rows are in the earlier and in the later half, bool of shape (n_rows,).
    """
    test_benign = _parts(sample, plan)[2]
    _, start, lines = _cuts(sample, plan)
    middle = (start + (lines - start) // 2)[sample.file_index]
    early = test_benign & (sample.row_no <= middle)
    return early, test_benign & (sample.row_no > middle + plan.gap)


def _round(parts: _Parts, held_out: str | None = None) -> Round:
    train, calibration, test_benign, test_attack = map(np.flatnonzero, parts)
    return Round(train, calibration, test_benign, test_attack, held_out)


def _parts(sample: Sample, plan: Plan) -> _Parts:
    """Return which rows are in each part of the chronological round."""
    if plan.train_share + plan.calibration_share >= 1:
        raise ConfigError(
            f"train.train_share {plan.train_share} and train.calibration_share"
            f" {plan.calibration_share} leave no benign row to measure: set a sum below 1"
        )
    train_end, start_of_test, _ = (ends[sample.file_index] for ends in _cuts(sample, plan))
    calibration_end = start_of_test - plan.gap
    usable = ~sample.is_attack & (sample.row_no > _COLD_START)
    calibrates = (sample.row_no > train_end + plan.gap) & (sample.row_no <= calibration_end)
    return (
        usable & (sample.row_no <= train_end),
        usable & calibrates,
        usable & (sample.row_no > start_of_test),
        sample.is_attack,
    )


def _cuts(sample: Sample, plan: Plan) -> tuple[IntArray, IntArray, IntArray]:
    """Return per file: the last line to train, the last before the test part, and of the file."""
    cuts = [cut_file(file.rows, plan.train_share, plan.calibration_share) for file in sample.files]
    train_end = np.array([cut.train_end for cut in cuts], dtype=np.int64)
    calibration_end = np.array([cut.calibration_end for cut in cuts], dtype=np.int64)
    lines = np.array([file.rows for file in sample.files], dtype=np.int64)
    return train_end, calibration_end + plan.gap, lines
