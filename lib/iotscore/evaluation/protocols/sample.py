"""Labelled rows in memory: what a protocol cuts, and what it may leave out of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from itertools import compress
from typing import TYPE_CHECKING, Final

import numpy as np

from iotscore.errors import InputError
from iotscore.landing.filenames import BENIGN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.detect.detector import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class SampleFile:
    """A labelled capture.

    Attributes
    ----------
    source_file
        Its path, unique in a sample.
    device_id
        -1 where it is unknown.
    family, attack
        "benign" and None, or a botnet family such as "gafgyt" and an attack of it.
    rows
        Lines of the file in all, sampled or not; 0 or more.
    weight
        How many records of the full data a sampled row stands for.

    Raises
    ------
    InputError
        If the weight is not above 0.
    """

    source_file: str
    device_id: int
    device: str
    family: str
    attack: str | None
    rows: int
    weight: float

    def __post_init__(self) -> None:
        """Refuse a weight of 0, as evaluate.file_weights may give it."""
        if not self.weight > 0.0:
            message = f"a row of {self.source_file} stands for {self.weight} records: give it more"
            raise InputError(message)

    @property
    def is_attack(self) -> bool:
        """Whether its rows are attacks."""
        return self.family != BENIGN


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of labelled captures.

    Attributes
    ----------
    features : float64 array of shape (n_rows, n_features)
        Finite values.
    file_index : int64 array of shape (n_rows,)
        Position in ``files`` of the file that each row is from.
    row_no : int64 array of shape (n_rows,)
        The row's line in its file, from 1; ascends within each file, which is the order of capture.

    Raises
    ------
    InputError
        If one device has two names, or one name two numbers.
    """

    features: FloatArray
    feature_names: tuple[str, ...]
    file_index: IntArray
    row_no: IntArray
    files: tuple[SampleFile, ...]

    def __post_init__(self) -> None:
        """Refuse a device that cannot be held out."""
        known = {(file.device_id, file.device) for file in self.files if file.device_id >= 0}
        for place, what in ((0, "number"), (1, "name")):
            seen: dict[int | str, tuple[int, str]] = {}
            for pair in sorted(known):
                other = seen.setdefault(pair[place], pair)
                if other != pair:
                    raise InputError(
                        f"devices {other} and {pair} share a {what}: to hold out a device, each"
                        " needs one number and one name; correct the file patterns or"
                        " device_info.csv"
                    )

    @property
    def is_attack(self) -> BoolArray:
        """Whether each row is an attack, shape (n_rows,)."""
        of_file = np.array([file.is_attack for file in self.files], dtype=np.bool_)
        return of_file[self.file_index]

    @property
    def device_ids(self) -> IntArray:
        """Number of the device that each row is of, -1 where it is unknown; shape (n_rows,)."""
        of_file = np.array([file.device_id for file in self.files], dtype=np.int64)
        return of_file[self.file_index]

    @property
    def weighting(self) -> str:
        """``none`` if all rows stand for as many records, else ``file_weights``."""
        return "none" if len({file.weight for file in self.files}) <= 1 else "file_weights"


FEATURE_SETS: Final = {"all": (), "no_clock": ("HH_jit_*_mean",), "no_jitter": ("HH_jit_*",)}
"""Shell patterns of the columns that each set leaves out.

The five of ``no_clock`` hold the Unix time of the capture wherever a channel is new; of the 15 gaps
between packets the variance gives the clock away too.
"""


def without(sample: Sample, dropped: Sequence[str]) -> Sample:
    """Return the same sample without the columns whose names match any of some patterns.

    Raises
    ------
    ValueError
        If a pattern matches no column: the figures would be those of the columns it meant to
        leave out.
    """
    names = sample.feature_names
    for pattern in dropped:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise ValueError(f"no column of the sample matches {pattern}: nothing was left out")
    if not dropped:
        return sample
    is_kept = [not any(fnmatchcase(name, pattern) for pattern in dropped) for name in names]
    kept = tuple(compress(names, is_kept))
    return replace(sample, features=sample.features[:, is_kept], feature_names=kept)
