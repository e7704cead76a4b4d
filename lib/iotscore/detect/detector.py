"""The contract of a detector: fit on benign rows, score any rows, travel as plain arrays.

Scores have one direction everywhere: higher means more anomalous.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from iotscore.errors import ModelError, TrainingError

if TYPE_CHECKING:
    from typing import Self

FloatArray: TypeAlias = npt.NDArray[np.float64]
Float32Array: TypeAlias = npt.NDArray[np.float32]
IntArray: TypeAlias = npt.NDArray[np.int64]
BoolArray: TypeAlias = npt.NDArray[np.bool_]

Arrays: TypeAlias = Mapping[str, npt.NDArray[Any]]
"""The learned state of a detector: numeric arrays by name."""

INT32_1D: Final[Mapping[str, Any]] = {"dtype": "int32", "ndim": 1}
INT64_1D: Final[Mapping[str, Any]] = {"dtype": "int64", "ndim": 1}
INT64_2D: Final[Mapping[str, Any]] = {"dtype": "int64", "ndim": 2}
FLOAT32_1D: Final[Mapping[str, Any]] = {"dtype": "float32", "ndim": 1}
FLOAT32_2D: Final[Mapping[str, Any]] = {"dtype": "float32", "ndim": 2}
FLOAT64_1D: Final[Mapping[str, Any]] = {"dtype": "float64", "ndim": 1}
FLOAT64_2D: Final[Mapping[str, Any]] = {"dtype": "float64", "ndim": 2}

Progress: TypeAlias = Callable[[int, float], None]
"""What a long fit calls after each epoch: the epoch, counted from 1, and its mean loss."""


class Detector(Protocol):
    """Give every row a number that grows with how unlike the fitted rows it is.

    A detector is a frozen dataclass. Its public fields are settings; learned state ends in an
    underscore. ``fit`` returns a fitted copy and leaves the detector itself untouched, so one
    unfitted detector may be fitted again and again.

    Every implementation must pass ``tests/contract/test_detectors.py``.
    """

    name: ClassVar[str]
    """Prefix of the detector's columns, such as ``"iforest"``."""

    is_quick: ClassVar[bool]
    """Whether it fits in a moment, so that calibration may fit it several times."""

    def fit(
        self, X: Float32Array, devices: IntArray | None = None, progress: Progress | None = None
    ) -> Self:
        """Return a copy that has learned from benign, scaled rows.

        Parameters
        ----------
        X : float32 array of shape (n_rows, n_features)
            Finite, scaled rows, those of a device in the order of time. Not modified.
        devices : int64 array of shape (n_rows,) or None
            Number of the device that each row is of, 0 or more; -1, and None for all: unknown.
        progress : callable or None
            Called after each epoch by detectors that have epochs.

        Raises
        ------
        TrainingError
            If there are too few rows, or nothing can be learned from them.
        """
        ...

    def score(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return float64 scores of shape (n_rows,), higher = more anomalous.

        A row's score depends on that row and its device alone: neither on the other rows of the
        call, nor on their number or order. Detectors that know no devices ignore them.

        Raises
        ------
        ModelError
            If the detector is not fitted, or ``X`` has another number of columns.
        """
        ...

    def contributions(self, X: Float32Array, devices: IntArray | None = None) -> FloatArray:
        """Return what each feature contributes to a row's distance from the :attr:`baseline`.

        Returns
        -------
        float64 array of shape (n_rows, n_features)
            A row's sum rises strictly with its score and is 0 at the baseline. Where scores are
            distances or errors, the sum is the score.

        Raises
        ------
        ModelError
            As for :meth:`score`.
        """
        ...

    @property
    def baseline(self) -> float:
        """The score of a row of which nothing is to be explained."""
        ...

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the learned state as numeric arrays."""
        ...

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any]) -> Self:
        """Rebuild a fitted detector from its arrays and :attr:`parameters`."""
        ...

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings as JSON-able values; with the arrays, enough to rebuild the detector."""
        ...

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        ...


@dataclass(frozen=True, eq=False)
class ArrayState:
    """A learned state made of arrays: a base of frozen dataclasses.

    The metadata of a field that is stored are its dtype and number of axes, such as
    :data:`FLOAT64_2D`.
    """

    title: ClassVar[str]
    """What messages call it, such as ``"stored envelope"``."""

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        if fault := self._fault():
            message = f"the {self.title} is damaged ({fault}): train again"
            raise ModelError(message)

    def _fault(self) -> str | None:
        """Return in words why the arrays do not belong together, None if they do."""
        raise NotImplementedError

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the stored fields by name."""
        return {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.metadata}

    @classmethod
    def from_arrays(cls, arrays: Arrays, parameters: Mapping[str, Any] | None = None) -> Self:
        """Rebuild and check the state, with the values of fields that are no arrays.

        Raises
        ------
        ModelError
            If an array is missing, of another type, or does not belong to the others.
        """
        stored = [entry for entry in fields(cls) if entry.metadata]
        found = {one.name: require_array(arrays, one.name, **one.metadata) for one in stored}
        return cls(**found, **(parameters or {}))


def require_width(X: npt.NDArray[Any], n_features: int, reader: str) -> None:
    """Raise :class:`ModelError` unless ``X`` is a table of ``n_features`` columns."""
    if X.ndim != 2 or X.shape[1] != n_features:  # noqa: PLR2004 a table has two axes
        given = f"{X.shape[1]} columns" if X.ndim == 2 else f"an array of shape {X.shape}"  # noqa: PLR2004
        message = (
            f"{reader} got {given} and needs {n_features} columns: pass the features that the"
            " model was fitted on, in the same order"
        )
        raise ModelError(message)


def require_rows(X: npt.NDArray[Any], least: int, reader: str) -> None:
    """Raise :class:`TrainingError` unless ``X`` is a table of at least ``least`` rows."""
    if X.ndim != 2 or X.shape[0] < least:  # noqa: PLR2004 a table has two axes
        message = (
            f"{reader} got rows of shape {X.shape} and needs at least {least}:"
            " train on more benign traffic"
        )
        raise TrainingError(message)


def require_array(arrays: Arrays, name: str, dtype: str, ndim: int) -> npt.NDArray[Any]:
    """Return a stored array after checking that it is there with the right type and axes.

    Raises
    ------
    ModelError
        If the array is missing, or of another dtype or number of axes.
    """
    if name not in arrays:
        message = f"the stored model has no array {name!r} (found {sorted(arrays)}): train again"
        raise ModelError(message)
    array = arrays[name]
    if array.dtype != np.dtype(dtype) or array.ndim != ndim:
        message = (
            f"the stored array {name!r} is {array.dtype} with {array.ndim} axes and should be"
            f" {dtype} with {ndim}: train again"
        )
        raise ModelError(message)
    return np.ascontiguousarray(array)
