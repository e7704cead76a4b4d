"""The errors that a user can mend."""

from __future__ import annotations

import inspect

import pytest

from iotscore import errors

CHILDREN = [
    error
    for _, error in inspect.getmembers(errors, inspect.isclass)
    if issubclass(error, Exception) and error is not errors.IotscoreError
]


@pytest.mark.parametrize("error", CHILDREN)
def test_every_error_is_caught_as_one(error: type[Exception]) -> None:
    """A job catches one class and prints the message as it is; each child says what it is for."""
    with pytest.raises(errors.IotscoreError, match=r"^what, found, needed$"):
        raise error("what, found, needed")
    assert error.__doc__


@pytest.mark.parametrize("error", [errors.ConfigError, errors.ModelError, errors.QueryError])
def test_bad_values_are_value_errors(error: type[Exception]) -> None:
    """A caller that knows only Python's errors can catch a bad value too."""
    assert issubclass(error, ValueError)


def test_bugs_are_not_the_user_s() -> None:
    """Python's own errors are no IotscoreError, so they keep their traceback."""
    assert not issubclass(ValueError, errors.IotscoreError)
    assert CHILDREN


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a\nb\r\x1b[2J'é \" 电", r"""a\nb\r\x1b[2J'é " 电"""),
        ("\x07\x7f\x9b31m\t", r"\x07\x7f\x9b31m\t"),
        (
            "\u202egnp.exe\u2066\u200b\ufeff\u061c",
            r"\u202egnp.exe\u2066\u200b\ufeff\u061c",
        ),
        ("\u3164\u034f\udce9\u2028", r"\u3164\u034f\udce9\u2028"),
    ],
)
def test_what_nobody_sees_and_a_terminal_obeys_is_escaped(text: str, line: str) -> None:
    """Control characters of both sets, changes of direction, and what has no width."""
    assert errors.one_line(text) == line
    assert errors.printable(f"{text}\n\tx").endswith("\n\tx")
