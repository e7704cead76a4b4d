"""Bundles with anything in any place: a ModelError, or a model that scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden_bundle import HEADER, array_of, changed, sealed, with_arrays
from iotscore.detect.bundle import from_bytes
from iotscore.errors import ModelError


def places(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the places of all values in the header."""
    if isinstance(value, dict):
        below = list(value.items())
    elif isinstance(value, list):
        below = list(enumerate(value))
    else:
        below = []
    return [place for key, item in below for place in [(*above, key), *places(item, (*above, key))]]


def load_and_score(data: bytes) -> None:
    """Load a bundle; it is refused, or it scores without an error or a warning."""
    try:
        model = from_bytes(data)
    except ModelError:
        return
    model.score(np.ones((2, len(model.features))))


OFFSETS = array_of("offsets")
EXTREMES = st.integers(-(2**63), 2**63 - 1) | st.sampled_from([0, 1, -1, 2**62, -(2**62), 2**31])


@settings(max_examples=200)
@given(st.lists(EXTREMES, min_size=0, max_size=8))
def test_no_offsets_of_trees_take_memory_or_fail_otherwise(middle: list[int]) -> None:
    """Offsets whose differences overflow to something that looks right are refused too."""
    ends = [int(OFFSETS[0]), *middle, int(OFFSETS[-1])]
    if ends == OFFSETS.tolist():
        return
    with pytest.raises(ModelError):
        from_bytes(with_arrays({"offsets": np.array(ends, dtype=np.int64)}))


@settings(max_examples=200)
@given(st.data())
def test_no_arrays_fail_otherwise(data: st.DataObject) -> None:
    """Arrays of any numbers, with right checksums, are a model that scores or a ModelError."""
    name = data.draw(st.sampled_from([entry["name"] for entry in HEADER["arrays"]]))
    array = array_of(name)
    count = data.draw(st.integers(0, array.nbytes))
    noise = data.draw(st.binary(min_size=count, max_size=count))
    forged = np.frombuffer(noise + array.tobytes()[count:], array.dtype).reshape(array.shape)
    load_and_score(with_arrays({name: forged}))


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(2**1000, 2**1001)
    | st.floats()
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.mark.parametrize("value", [None, True, 7, 0.5, "x", [], ["x"], {}, {"x": 1}, [{}], [[]]])
def test_a_value_of_another_type_is_refused_anywhere(value: object) -> None:
    """Whichever value of the header is exchanged: a ModelError, or a model of the same kinds."""
    for place in places(HEADER):
        if place[0] in ("format", "format_version"):
            continue
        try:
            model = from_bytes(changed(value, *place))
        except ModelError as error:
            assert len(str(error)) < 400, place  # noqa: PT017 - a model may come out as well
            continue
        assert {type(each) for each in model.thresholds.values()} <= {int, float}, place
        assert {type(each) for each in model.features} == {str}, place
        scores = model.score(np.ones((2, len(model.features))))
        assert all(np.isfinite(column).all() for column in scores.values()), place


@settings(max_examples=300)
@given(st.sampled_from(places(HEADER)), JSON)
def test_no_header_fails_otherwise(place: tuple[str | int, ...], value: object) -> None:
    """Any JSON in any place of the header is a ModelError, or a model that scores."""
    load_and_score(changed(value, *place))


@settings(max_examples=300)
@given(st.binary(max_size=200), st.booleans(), st.binary(max_size=50))
def test_no_bytes_fail_otherwise(header: bytes, whole: bool, body: bytes) -> None:
    """Neither do any bytes, with a right preamble or without one."""
    load_and_score(sealed(header, body) if whole else header)
