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
