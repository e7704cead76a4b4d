"""Bounds of a setting, declared once: in the annotation of the field that holds it.

Loading the configuration enforces them, :func:`check_bounds` does where there is none, and the
reference of the settings repeats them in words.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    Final,
    Literal,
    TypeVar,
    get_args,
    get_origin,
    get_type_hints,
)

from iotscore.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    Schema = dict[str, Any]
    Handler = Callable[[object], Schema]

T = TypeVar("T")
_TYPES: Final = {
    bool: "true or false",
    float: "number",
    int: "whole number",
    str: "text",
    type(None): "null",
}


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

    def __str__(self) -> str:
        """Return the bounds in words."""
        limits = {
            "at least {:,}": self.ge,
            "above {:,}": self.gt,
            "at most {:,}": self.le,
            "below {:,}": self.lt,
            "at least {} of them": self.min_length,
        }
        return ", ".join(
            words.format(bound) for words, bound in limits.items() if bound is not None
        )

    def hold(self, value: float) -> bool:
        """Say whether a number keeps the limits."""
        return (
            (self.ge is None or value >= self.ge)
            and (self.gt is None or value > self.gt)
            and (self.le is None or value <= self.le)
            and (self.lt is None or value < self.lt)
        )

    def __get_pydantic_core_schema__(self, source: object, handler: Handler) -> Schema:
        """Return pydantic's schema of the annotated type, with the bounds that are given."""
        given = {name: bound for name, bound in vars(self).items() if bound is not None}
        return {**handler(source), **given}


@dataclass(frozen=True)
class Check:
    """A condition that no bound can express, for use in :data:`typing.Annotated`.

    The function returns the value that it gets, or raises ValueError.
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


def in_words(annotation: Any) -> str:  # noqa: ANN401 - any annotation
    """Return what a setting may be: ``number, above 0.0, at most 1.0``."""
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return ", ".join([in_words(parts[0]), *filter(None, map(str, _bounds_of(annotation)))])
    if origin is Literal:
        return ", ".join(f"`{value}`" for value in parts)
    if origin is tuple:
        return f"list of: {in_words(parts[0])}"
    return " or ".join(map(in_words, parts)) if parts else _TYPES[annotation]


def check_bounds(options: object, kind: type) -> None:
    """Check numbers and words that came from elsewhere than a configuration.

    The annotations are those of ``kind``, a class of the options or one that it derives from.

    Raises
    ------
    ConfigError
        One of them is not what its annotation allows.
    """
    for name, annotation in _annotations(kind).items():
        value = getattr(options, name)
        if not _is_allowed(value, annotation):
            message = f"{name} is {value!r}: needed is {in_words(annotation)}"
            raise ConfigError(message)


@cache
def _annotations(kind: type) -> dict[str, Any]:
    return get_type_hints(kind, include_extras=True)


def _bounds_of(annotation: Any) -> list[Bounds]:  # noqa: ANN401 - any annotation
    return [one for one in annotation.__metadata__ if isinstance(one, Bounds)]


def _is_allowed(value: Any, annotation: Any) -> bool:  # noqa: ANN401 - of any field
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        is_kept = _is_allowed(value, parts[0])
        return is_kept and all(bounds.hold(value) for bounds in _bounds_of(annotation))
    if origin is Literal:
        return value in parts
    if parts:
        return any(_is_allowed(value, part) for part in parts)
    if annotation is float:
        return isinstance(value, int | float) and math.isfinite(value)
    return isinstance(value, annotation)
