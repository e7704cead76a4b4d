"""Bounds in annotations: what they allow, in a configuration and without one, and their words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from pydantic import TypeAdapter, ValidationError

from iotscore.bounds import Bounds, Check, Count, OpenShare, Some, check_bounds, in_words
from iotscore.errors import ConfigError


def _without_blanks(names: tuple[str, ...]) -> tuple[str, ...]:
    if any(" " in name for name in names):
        message = "a name has a blank"
        raise ConfigError(message)
    return names


@dataclass(frozen=True)
class Numbers:
    """Options as a detector has them."""

    count: Count
    share: OpenShare
    rows: Literal["auto"] | Annotated[int, Bounds(ge=2, le=5)]


@dataclass(frozen=True)
class Section:
    """A section of a configuration."""

    names: Annotated[Some[str], Check(_without_blanks)]
    numbers: Numbers | None


GOOD = Numbers(1, 0.5, "auto")


@pytest.mark.parametrize("good", [GOOD, Numbers(9, 1e-9, 2), Numbers(1, 0.5, 5)])
def test_what_is_within_is_allowed(good: Numbers) -> None:
    """Bounds hold at their very ends, and a number of a union beside its word."""
    check_bounds(good, Numbers)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (Numbers(0, 0.5, "auto"), "count is 0: needed is whole number, at least 1"),
        (Numbers(1, 0.0, "auto"), "share is 0.0: needed is number, above 0.0, below 1.0"),
        (Numbers(1, 1.0, "auto"), "share is 1.0"),
        (Numbers(1, float("nan"), "auto"), "share is nan"),
        (Numbers(1, 0.5, 6), "rows is 6: needed is `auto` or whole number, at least 2, at most 5"),
        (Numbers(1, 0.5, "none"), "rows is 'none'"),  # type: ignore[arg-type]
        (Numbers("1", 0.5, "auto"), "count is '1'"),  # type: ignore[arg-type]
    ],
)
def test_what_is_outside_is_refused(bad: Numbers, message: str) -> None:
    """The message has name, value and need."""
    with pytest.raises(ConfigError, match=message):
        check_bounds(bad, Numbers)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"names": [], "numbers": null}', ("names",)),
        ('{"names": ["a b"], "numbers": null}', ("names",)),
        (
            '{"names": ["a"], "numbers": {"count": 0, "share": 0.5, "rows": 2}}',
            ("numbers", "count"),
        ),
        (
            '{"names": ["a"], "numbers": {"count": 1, "share": 1.0, "rows": 2}}',
            ("numbers", "share"),
        ),
    ],
)
def test_a_configuration_keeps_the_same_bounds(text: str, place: tuple[str, ...]) -> None:
    """They are read from the annotations, and a fault names its place."""
    adapter = TypeAdapter(Section)
    good = '{"names": ["a"], "numbers": {"count": 1, "share": 0.5, "rows": "auto"}}'
    assert adapter.validate_json(good) == Section(("a",), GOOD)
    with pytest.raises(ValidationError) as caught:
        adapter.validate_json(text)
    assert [fault["loc"] for fault in caught.value.errors()] == [place]


def test_words() -> None:
    """Lists, unions and bounds, as the reference of the settings has them."""
    assert in_words(Some[OpenShare]) == "list of: number, above 0.0, below 1.0, at least 1 of them"
    assert in_words(Count | None) == "whole number, at least 1 or null"
