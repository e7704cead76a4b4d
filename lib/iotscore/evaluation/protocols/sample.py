"""Labelled rows in memory: what a protocol cuts, and what it may leave out of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
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
        Number of the device, -1 where it is unknown.
    device
        Name of the device.
    family, attack
        "benign" and None, or a botnet family such as "gafgyt" and an attack of it.
    is_attack
        Whether its rows are attacks.
    rows
        Lines of the file in all, sampled or not; 0 or more.
    weight
        How many records of the full data a sampled row stands for; above 0.

    Raises
    ------
    ValueError
        If family and ``is_attack`` disagree, or a number is out of range.
    """

    source_file: str
    device_id: int
    device: str
    family: str
    attack: str | None
    is_attack: bool
    rows: int
    weight: float

    def __post_init__(self) -> None:
        """Refuse a file that contradicts itself."""
        if self.is_attack == (self.family == BENIGN):
            raise ValueError(
                f"{self.source_file} is of family {self.family} and is_attack is"
                f" {self.is_attack}: a file is an attack unless its family is {BENIGN}"
            )
        if not (self.device_id >= -1 and self.rows >= 0 and 0.0 < self.weight < np.inf):
            raise ValueError(
                f"{self.source_file} has device {self.device_id}, {self.rows} rows and weight"
                f" {self.weight}: needed are -1 or more, 0 or more, and a finite number above 0"
            )


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows of labelled captures.

    Attributes
    ----------
    features : float64 array of shape (n_rows, n_features)
        Finite values.
    feature_names
        Name of each column.
    file_index : int64 array of shape (n_rows,)
        Position in ``files`` of the file that each row is from.
    row_no : int64 array of shape (n_rows,)
        The row's line in its file, from 1; ascends within each file, which is the order of capture.
    files
        The captures.

    Raises
    ------
    ValueError
        If shapes disagree, a value is not finite, a row is named twice or out of order, or lies
        beyond its file.
    InputError
        If one device has two names, or one name two numbers.
    """

    features: FloatArray
    feature_names: tuple[str, ...]
    file_index: IntArray
    row_no: IntArray
    files: tuple[SampleFile, ...]

    def __post_init__(self) -> None:
        """Bring the arrays to their types and check them."""
        object.__setattr__(self, "features", np.asarray(self.features, dtype=np.float64))
        for name in ("file_index", "row_no"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), dtype=np.int64))
        if fault := self._fault_of_shape() or self._fault_of_rows():
            raise ValueError(f"the sample: {fault}")
        _require_one_name(self.files)

    def _fault_of_shape(self) -> str | None:
        rows, columns = self.row_no.size, len(self.feature_names)
        if self.features.shape != (rows, columns) or self.file_index.shape != (rows,):
            return (
                f"{self.features.shape} features, {self.file_index.shape} files and"
                f" {self.row_no.shape} lines do not fit {columns} names"
            )
        if len(set(self.feature_names)) != columns:
            return "a feature is named twice"
        if len({file.source_file for file in self.files}) != len(self.files):
            return "a file is named twice"
        return None

    def _fault_of_rows(self) -> str | None:
        if not np.isfinite(self.features).all():
            return "every feature must be finite"
        if self.row_no.size == 0:
            return None
        if not 0 <= self.file_index.min() <= self.file_index.max() < len(self.files):
            return f"file_index must lie within the {len(self.files)} files"
        lines = np.array([file.rows for file in self.files])
        if self.row_no.min() < 1 or (self.row_no > lines[self.file_index]).any():
            return "row_no must lie between 1 and the lines of the file"
        order = np.argsort(self.file_index, kind="stable")
        files, row_no = self.file_index[order], self.row_no[order]
        if ((files[1:] == files[:-1]) & (row_no[1:] <= row_no[:-1])).any():
            return "row_no must ascend within each file"
        return None

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
        leave out. Or if no column is left.
    """
    for pattern in dropped:
        if not any(fnmatchcase(name, pattern) for name in sample.feature_names):
            raise ValueError(f"no column of the sample matches {pattern}: nothing was left out")
    kept = [
        place
        for place, name in enumerate(sample.feature_names)
        if not any(fnmatchcase(name, pattern) for pattern in dropped)
    ]
    if not kept:
        raise ValueError(f"{list(dropped)} match every column of the sample: none is left")
    if len(kept) == len(sample.feature_names):
        return sample
    names = tuple(sample.feature_names[place] for place in kept)
    return replace(sample, features=sample.features[:, kept], feature_names=names)


def _require_one_name(files: Sequence[SampleFile]) -> None:
    known = {(file.device_id, file.device) for file in files if file.device_id >= 0}
    for place, what in ((0, "number"), (1, "name")):
        seen: dict[int | str, tuple[int, str]] = {}
        for pair in sorted(known):
            other = seen.setdefault(pair[place], pair)
            if other != pair:
                raise InputError(
                    f"devices {other} and {pair} share a {what}: to hold out a device, each needs"
                    " one number and one name; correct the file patterns or device_info.csv"
                )
