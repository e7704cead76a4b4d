"""Rows of numbers as CSV text, ten significant digits each, compiled.

Ten digits are what the published files hold (``1505661693``, ``1.000031776``, ``4.59E-06``).
Formatting is most of the work of writing them; this is about four times as fast as a general
CSV writer and halves the files.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.detect.kernels.jit import compiled

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

_ZERO: Final = np.uint8(ord("0"))
_POINT: Final = np.uint8(ord("."))
_MINUS: Final = np.uint8(ord("-"))
_PLUS: Final = np.uint8(ord("+"))
_E: Final = np.uint8(ord("E"))
_COMMA: Final = np.uint8(ord(","))
_LINE_END: Final = np.uint8(ord("\n"))

_PAIRS: Final = np.frombuffer("".join(f"{k:02d}" for k in range(100)).encode(), dtype=np.uint8)
"""The text of 00 to 99; two digits cost one division."""
_HUNDRED: Final = np.uint64(100)
_LOG10_OF_2: Final = math.log10(2.0)


@compiled
def _put_ten(text: NDArray[Any], at: int, number: int) -> None:
    """Write a number below 1e10 with exactly ten digits."""
    left = np.uint64(number)
    for k in range(_DIGITS - 2, -1, -2):
        rest = left // _HUNDRED
        pair = 2 * (left - rest * _HUNDRED)
        text[at + k] = _PAIRS[pair]
        text[at + k + 1] = _PAIRS[pair + np.uint64(1)]
        left = rest


@compiled
def _digits_of(x: float) -> tuple[Any, int]:
    """Return ten significant digits of a positive number and its decimal exponent."""
    # From the binary exponent: right, or one too small.
    exponent = math.floor((math.frexp(x)[1] - 1) * _LOG10_OF_2)
    shift = _DIGITS - 1 - exponent
    if shift > _HUGE:
        scaled = x * _POWERS[_HUGE] * _POWERS[shift - _HUGE]
    elif shift >= 0:
        scaled = x * _POWERS[shift]
    else:
        scaled = x / _POWERS[-shift]
    number = np.int64(scaled + 0.5)
    if number >= _POWERS[_DIGITS]:
        number = np.int64(scaled / 10.0 + 0.5)
        exponent += 1
    return number, exponent


@compiled
def _put_number(text: NDArray[Any], at: int, value: float) -> int:
    """Write one finite number; return the next position."""
    if 0.0 <= value < _POWERS[2] and value == math.floor(value):
        # A third of all numbers: weights of 1, sizes of 60, variances of 0.
        pair = 2 * np.int64(value)
        if value >= _POWERS[1]:
            text[at] = _PAIRS[pair]
            at += 1
        text[at] = _PAIRS[pair + 1]
        return at + 1
    if value < 0.0:
        text[at] = _MINUS
        at += 1
    number, exponent = _digits_of(abs(value))
    plain = _LOWEST_PLAIN <= exponent <= _HIGHEST_PLAIN
    at = _put_plain(text, at, number, exponent + 1 if plain else 1)
    return at if plain else _put_power(text, at, exponent)


@compiled
def _put_plain(text: NDArray[Any], at: int, number: int, whole: int) -> int:
    """Write ten digits, `whole` of them before the point, without zeros at the end."""
    if whole <= 0:
        text[at] = _ZERO
        text[at + 1] = _POINT
        at += 2
        for _ in range(-whole):
            text[at] = _ZERO
            at += 1
        _put_ten(text, at, number)
        at += _DIGITS
    else:
        _put_ten(text, at, number)
        for k in range(_DIGITS, whole):
            text[at + k] = _ZERO
        if whole >= _DIGITS:
            return at + whole
        for k in range(_DIGITS, whole, -1):
            text[at + k] = text[at + k - 1]
        text[at + whole] = _POINT
        at += _DIGITS + 1
    while text[at - 1] == _ZERO:
        at -= 1
    if text[at - 1] == _POINT:
        at -= 1
    return at


@compiled
def _put_power(text: NDArray[Any], at: int, exponent: int) -> int:
    """Write ``E``, a sign and two or three digits; return the next position."""
    text[at] = _E
    text[at + 1] = _MINUS if exponent < 0 else _PLUS
    at += 2
    power = abs(exponent)
    if power >= _HUNDRED:
        text[at] = _ZERO + power // _HUNDRED
        at += 1
    pair = 2 * (power % _HUNDRED)
    text[at] = _PAIRS[pair]
    text[at + 1] = _PAIRS[pair + 1]
    return at + 2


@compiled
def _put_rows(rows: NDArray[Any], text: NDArray[Any]) -> int:
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
    """Return numbers of shape (n_rows, n_columns) as CSV lines without a header.

    Magnitudes must be below 1e308, and none NaN. Read back, a number is within 5.1e-10 of itself
    (relative; subnormals within their own spacing), and a whole number below 1e10 is itself.
    """
    text = np.empty(rows.size * _WIDEST, np.uint8)
    return text[: _put_rows(rows, text)].tobytes()
