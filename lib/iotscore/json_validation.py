"""Parse untrusted JSON strictly, and check its form."""

from __future__ import annotations

import json
import math
from typing import Any, Final, TypeAlias

Form: TypeAlias = Any
"""What a value must look like, written as the value is.

A tuple holds the types of a plain value. A list of one form stands for any number of such items. A
mapping names the keys that must be there, or, with the single key ``EACH``, what any key holds.
"""

TEXT: Final = (str,)
WHOLE: Final = (int,)
NUMBER: Final = (int, float)
EACH: Final = "*"

_SHOWN: Final = 60
_INT64: Final = range(-(2**63), 2**63)


def strict_json(text: str | bytes) -> Any:  # noqa: ANN401 - whatever the text holds
    """Parse JSON whose numbers are finite and fit into 64 bits.

    Raises
    ------
    ValueError
        It is no JSON, is nested too deeply, or holds NaN, Infinity or a number beyond 64 bits.
    """
    try:
        return json.loads(
            text, parse_constant=_finite_number, parse_float=_finite_number, parse_int=_int64
        )
    except RecursionError as error:
        message = "it is nested too deeply"
        raise ValueError(message) from error


def _finite_number(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        message = f"{text[:_SHOWN]} is no finite number"
        raise ValueError(message)
    return value


def _int64(text: str) -> int:
    value = int(text)
    if value not in _INT64:
        message = f"{text[:_SHOWN]} does not fit into 64 bits"
        raise ValueError(message)
    return value


def form_fault(value: object, form: Form, place: str) -> str | None:
    """Return where a value of :func:`strict_json` differs from the required form, or None.

    Keys beyond the form are no fault; ``place`` names the value in the message.
    """
    if isinstance(form, tuple):
        # To Python, true is a whole number.
        if isinstance(value, form) and not isinstance(value, bool):
            return None
        return f"{place} is {_shown(value)}"
    if isinstance(form, list):
        if not isinstance(value, list):
            return f"{place} is {_shown(value)}, no list"
        parts = [(item, form[0], f"{place}[{position}]") for position, item in enumerate(value)]
    else:
        if not isinstance(value, dict):
            return f"{place} is {_shown(value)}, no object"
        wanted = dict.fromkeys(value, form[EACH]) if EACH in form else form
        if missing := wanted.keys() - value.keys():
            return f"{place} lacks {', '.join(sorted(missing))}"
        parts = [(value[key], below, f"{place}.{key}") for key, below in wanted.items()]
    faults = (form_fault(*part) for part in parts)
    return next((fault for fault in faults if fault), None)


def _shown(value: object) -> str:
    return repr(value)[:_SHOWN]
