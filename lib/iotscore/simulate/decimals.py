"""Rows of numbers as CSV text, ten significant digits each, compiled.

Ten digits are what the published files hold (``1505661693``, ``1.000031776``, ``4.59E-06``).
Formatting is most of the work of writing them; this is about four times as fast as a general
CSV writer and halves the files.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DIGITS: Final = 10
_POWERS: Final = np.array([float(f"1e{k}") for k in range(309)])
_HUGE: Final = 300
"""Largest power of ten by which one multiplication scales; subnormals need a second one."""
_LOWEST_PLAIN: Final = -5
_HIGHEST_PLAIN: Final = 14
"""Decimal exponents that are written without ``E``, as the published files do."""
_WIDEST: Final = 24
"""Bytes that the longest number needs with its separator."""

_ZERO: Final = ord("0")
_POINT: Final = ord(".")
_MINUS: Final = ord("-")
_PLUS: Final = ord("+")
_E: Final = ord("E")
_COMMA: Final = ord(",")
_LINE_END: Final = ord("\n")


@njit(cache=True)
def _put_digits(text: NDArray[Any], at: int, number: int, digits: int) -> int:  # pragma: no cover
    """Write an integer with exactly `digits` digits; return the next position."""
    for k in range(digits - 1, -1, -1):
        text[at + k] = _ZERO + number % 10
        number //= 10
    return at + digits


@njit(cache=True)
def _put_zeros(text: NDArray[Any], at: int, count: int) -> int:  # pragma: no cover
    for k in range(count):
        text[at + k] = _ZERO
    return at + count


@njit(cache=True)
def _digits_of(x: float) -> tuple[int, int]:  # pragma: no cover
    """Return ten significant digits of a positive number and its decimal exponent."""
    exponent = math.floor(math.log10(x))
    shift = _DIGITS - 1 - exponent
    if shift > _HUGE:
        scaled = x * _POWERS[_HUGE] * _POWERS[shift - _HUGE]
    elif shift >= 0:
        scaled = x * _POWERS[shift]
    else:
        scaled = x / _POWERS[-shift]
    # The logarithm may be one off at a power of ten.
    if scaled < _POWERS[_DIGITS - 1]:
        scaled *= 10.0
        exponent -= 1
    number = np.int64(scaled + 0.5)
    if number >= 10**_DIGITS:
        number = np.int64(scaled / 10.0 + 0.5)
        exponent += 1
    return number, exponent


@njit(cache=True)
def _put_number(text: NDArray[Any], at: int, value: float) -> int:  # pragma: no cover
    """Write one finite number; return the next position."""
    x = abs(value)
    if value < 0.0:
        text[at] = _MINUS
        at += 1
    if x < _POWERS[_DIGITS] and x == math.floor(x):
        number = np.int64(x)
        digits = 1
        while _POWERS[digits] <= x:
            digits += 1
        return _put_digits(text, at, number, digits)
    number, exponent = _digits_of(x)
    digits = _DIGITS
    while number % 10 == 0:
        number //= 10
        digits -= 1
    plain = _LOWEST_PLAIN <= exponent <= _HIGHEST_PLAIN
    before = exponent + 1 if plain else 1
    if before <= 0:
        text[at] = _ZERO
        text[at + 1] = _POINT
        return _put_digits(text, _put_zeros(text, at + 2, -before), number, digits)
    if digits <= before:
        at = _put_zeros(text, _put_digits(text, at, number, digits), before - digits)
    else:
        split = 10 ** (digits - before)
        at = _put_digits(text, at, number // split, before)
        text[at] = _POINT
        at = _put_digits(text, at + 1, number % split, digits - before)
    if not plain:
        text[at] = _E
        text[at + 1] = _MINUS if exponent < 0 else _PLUS
        power = abs(exponent)
        at = _put_digits(text, at + 2, power, 3 if power > 99 else 2)  # noqa: PLR2004
    return at


@njit(cache=True)
def _put_rows(rows: NDArray[Any], text: NDArray[Any]) -> int:  # pragma: no cover
    at = 0
    n_rows, n_columns = rows.shape
    for i in range(n_rows):
        for j in range(n_columns):
            at = _put_number(text, at, rows[i, j])
            text[at] = _COMMA
            at += 1
        text[at - 1] = _LINE_END
    return at


def csv_bytes(rows: NDArray[np.float64]) -> bytes:
    """Return finite numbers of shape (n_rows, n_columns) as CSV lines without a header.

    A number comes back within 5.1e-10 of itself (relative); whole numbers below 1e10 exactly.
    """
    text = np.empty(rows.size * _WIDEST, np.uint8)
    return text[: _put_rows(rows, text)].tobytes()
