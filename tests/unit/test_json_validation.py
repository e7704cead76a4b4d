"""JSON that is read strictly, and the first place where it has another form than it needs."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.json_validation import EACH, NUMBER, TEXT, WHOLE, form_fault, strict_json

FORM = {"names": [TEXT], "limits": {EACH: {"low": NUMBER, "count": WHOLE}}}
GOOD = {"names": ["a", "b"], "limits": {"x": {"low": 0.5, "count": 3}}}


def test_what_has_the_form_has_no_fault() -> None:
    """Whole numbers are numbers, empty lists and objects are fine, and so are further keys."""
    assert form_fault(GOOD, FORM, "it") is None
    limits = {"x": {"low": 1, "count": 3}, "": {"low": 1.5, "count": -1, "note": None}}
    assert form_fault({"names": [], "limits": limits}, FORM, "it") is None
    assert form_fault({"names": [], "limits": {}, "more": 1}, FORM, "it") is None


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ([], "it is [], no object"),
        ({"names": []}, "it lacks limits"),
        (GOOD | {"names": "ab"}, "it.names is 'ab', no list"),
        (GOOD | {"names": ["a", 7]}, "it.names[1] is 7"),
        (GOOD | {"names": [None]}, "it.names[0] is None"),
        (GOOD | {"limits": []}, "it.limits is [], no object"),
        (GOOD | {"limits": {"x": {"low": 1}}}, "it.limits.x lacks count"),
        (GOOD | {"limits": {"x": {"low": "1", "count": 1}}}, "it.limits.x.low is '1'"),
        (GOOD | {"limits": {"x": {"low": 1, "count": 1.0}}}, "it.limits.x.count is 1.0"),
        (GOOD | {"limits": {"x": {"low": True, "count": 1}}}, "it.limits.x.low is True"),
    ],
)
def test_the_first_fault_is_named_with_its_place(value: object, fault: str) -> None:
    """A message leads to the value, whatever stands in its place; true is no number."""
    assert form_fault(value, FORM, "it") == fault


def test_a_long_value_is_shown_in_part() -> None:
    """A message stays one readable line."""
    fault = form_fault("x" * 1000, WHOLE, "it")
    assert fault is not None
    assert len(fault) < 100


@given(st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**63), 2**63 - 1) | st.text(), lambda inner: st.lists(inner)
    | st.dictionaries(st.text(), inner), max_leaves=10))  # fmt: skip
def test_plain_json_is_read_as_python_reads_it(value: object) -> None:
    """Strictness changes no value that JSON knows."""
    assert strict_json(json.dumps(value)) == value


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("NaN", "NaN is no finite number"),
        ("[-Infinity]", "-Infinity is no finite number"),
        ("1e999", "1e999 is no finite number"),
        ("9223372036854775808", "does not fit into 64 bits"),
        ("-" + "9" * 5000, "integer"),
        ("[" * 200_000, "nested too deeply"),
        ("{", "Expecting"),
        ("", "Expecting"),
        (b"\xff", "decode"),
    ],
)
def test_what_json_does_not_know_is_refused(text: str | bytes, fault: str) -> None:
    """Numbers that are not finite or too large, endless nesting and broken text are one error."""
    with pytest.raises(ValueError, match=fault):
        strict_json(text)
