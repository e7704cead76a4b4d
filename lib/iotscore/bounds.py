"""Bounds of a setting, declared once: in the annotation of the field that holds it.

Loading the configuration enforces them, and the reference of the settings repeats them in words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    Schema = dict[str, Any]
    Handler = Callable[[object], Schema]

T = TypeVar("T")


@dataclass(frozen=True)
class Bounds:
    """What a value must keep, for use in :data:`typing.Annotated`.

    pydantic reads it, and the code that declares settings need not import pydantic.

    Attributes
    ----------
    ge, gt, le, lt
        Limits of a number: at least, above, at most, below.
    min_length
        Fewest values of a list.
    pattern
        Regular expression that a text must match.
    """

    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    min_length: int | None = None
    pattern: str | None = None

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> Schema:
        """Return pydantic's schema of the annotated type, with the bounds that are given."""
        given = {name: bound for name, bound in vars(self).items() if bound is not None}
        return {**handler(source), **given}


@dataclass(frozen=True)
class Check:
    """A condition that no bound can express, for use in :data:`typing.Annotated`.

    Attributes
    ----------
    function
        Returns the value that it gets, or raises ValueError.
    """

    function: Callable[[Any], Any]

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> Schema:
        """Return pydantic's schema of the annotated type, followed by the condition."""
        function = {"type": "no-info", "function": self.function}
        return {"type": "function-after", "function": function, "schema": handler(source)}


Share = Annotated[float, Bounds(ge=0.0, le=1.0)]
OpenShare = Annotated[float, Bounds(gt=0.0, lt=1.0)]
Positive = Annotated[float, Bounds(gt=0.0)]
Count = Annotated[int, Bounds(ge=1)]
CountOrZero = Annotated[int, Bounds(ge=0)]
Some = Annotated[tuple[T, ...], Bounds(min_length=1)]
"""At least one."""
