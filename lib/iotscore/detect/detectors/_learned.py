"""What every detector does with its learned state: demand it, check widths against it, store it."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

from iotscore.detect.detector import require_width
from iotscore.errors import ModelError

if TYPE_CHECKING:
    import numpy.typing as npt

    from iotscore.detect.detector import Float32Array


class State(Protocol):
    """Learned arrays that were checked when they were put together."""

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        ...

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the arrays by name."""
        ...


S = TypeVar("S", bound=State)


@dataclass(frozen=True)
class Learned(Generic[S]):
    """The part of a :class:`iotscore.detect.detector.Detector` that is the same in all of them.

    Attributes
    ----------
    state_
        What was learned; None until fitted. Public fields of a child that do not end in an
        underscore are its settings.
    """

    title: ClassVar[str]
    """What messages call the detector."""

    state_: S | None = field(default=None, repr=False, compare=False, kw_only=True)

    def _fitted(self) -> S:
        """Return the state of a fitted detector."""
        if self.state_ is None:
            message = f"{self.title} is not fitted: call fit first"
            raise ModelError(message)
        return self.state_

    def _fitted_for(self, X: Float32Array) -> S:
        """Return the state, if ``X`` has as many columns as the rows that were fitted."""
        state = self._fitted()
        require_width(X, state.n_features, self.title)
        return state

    @property
    def parameters(self) -> dict[str, Any]:
        """Settings as JSON-able values."""
        names = (entry.name for entry in fields(self) if not entry.name.endswith("_"))
        return {name: getattr(self, name) for name in names}

    @property
    def baseline(self) -> float:
        """The score of a row of which nothing is to be explained: 0 for distances and errors."""
        return 0.0

    @property
    def n_features(self) -> int:
        """Columns of the rows that were fitted."""
        return self._fitted().n_features

    def to_arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the learned state as numeric arrays."""
        return self._fitted().to_arrays()
