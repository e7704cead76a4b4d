"""Bundles that somebody damaged, forged or mistook: a ModelError, and never anything else."""

from __future__ import annotations

import io
import json
import pickle
import tracemalloc
import zipfile
from typing import Any

import numpy as np
import pytest

from golden_bundle import DATA, HEADER, HEADER_END, PREAMBLE, array_of, changed, sealed, with_arrays
from iotscore.detect.bundle import from_bytes, to_bytes, version_of
from iotscore.errors import ModelError


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model", DATA)
    return buffer.getvalue()


FOREIGN = {
    "empty": b"",
    "pickle": pickle.dumps({"weights": [1.0]}),
    "zip": _zip(),
    "onnx": b"\x08\x07\x12\x07pytorch\x1a\x052.0.0:\xe2\x01",
    "hdf5": b"\x89HDF\r\n\x1a\n" + bytes(40),
    "npz": b"\x93NUMPY\x01\x00v\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}",
    "text": b'{"format": "iotscore model"}',
    "lower case": b"iotscore" + DATA[8:],
    "shifted": b"\n" + DATA,
    "twice": DATA + DATA,
}


@pytest.mark.parametrize("name", FOREIGN)
def test_foreign_bytes_are_refused(name: str) -> None:
    """What other libraries store, and what is nearly a bundle, is told apart from one."""
    fault = "more bytes" if name == "twice" else "not an iotscore model bundle"
    with pytest.raises(ModelError, match=fault):
        from_bytes(FOREIGN[name])


def test_every_cut_is_refused() -> None:
    """At no length at all is the beginning of a bundle taken for a bundle."""
    for length in range(len(DATA)):
        with pytest.raises(ModelError, match="cut short" if length else "not an iotscore model"):
            from_bytes(DATA[:length])


def test_every_flipped_bit_of_preamble_and_header_is_refused() -> None:
    """Not one of these bits is unguarded; those of the arrays are sampled elsewhere."""
    for bit in range(8 * HEADER_END):
        data = bytearray(DATA)
        data[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelError):
            from_bytes(bytes(data))


SHAPES: list[Any] = [
    [2**40],
    [2**32, 2**32],
    [2**62, 4],
    [2**64],
    [-1],
    [-6, -1],
    [0],
    [0, 2**62],
    [],
    [6, 1, 1],
    [1] * 1000,
    [2**63 - 1] * 20_000,
    [6.0],
    [True],
    ["6"],
    [[6]],
    [None],
    "6",
    6,
    None,
    {"0": 6},
]


@pytest.mark.parametrize("position", [0, len(HEADER["arrays"]) - 1])
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: str(shape)[:20])
def test_a_shape_that_lies_is_refused_before_memory_is_taken(shape: object, position: int) -> None:
    """Too large, negative, empty, not whole: a claim about memory is checked against the bytes."""
    data = changed(shape, "arrays", position, "shape")
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match=r"claims the shape|makes no sense"):
            from_bytes(data)
        assert tracemalloc.get_traced_memory()[1] < 40_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["|O", "O", "<U9", "|V8", "<M8[s]", "<c16", ">f8", "f8", "", 8])
def test_only_plain_numbers_are_arrays(dtype: object) -> None:
    """A type that could hold anything but little-endian numbers never reaches NumPy."""
    with pytest.raises(ModelError, match=r"array of type|makes no sense"):
        from_bytes(changed(dtype, "arrays", 0, "dtype"))


def test_an_array_of_another_plain_type_is_refused() -> None:
    """Bytes that are read as another kind of number have right checksums and wrong values."""
    for name, dtype in (("min_", "<i8"), ("kernel_1", "<i4"), ("left", "<i8")):
        data = with_arrays({name: array_of(name)[: 6 * 6].view(dtype)})
        with pytest.raises(ModelError, match=rf"{name}' is .* and should be"):
            from_bytes(data)


def test_arrays_of_one_shape_cannot_change_places() -> None:
    """Without their names the bytes fail; with them it is another model of another version."""
    arrays = {name: array_of(name) for name in ("min_", "scale_")}
    assert arrays["min_"].shape == arrays["scale_"].shape
    low, end = HEADER_END, HEADER_END + arrays["min_"].nbytes
    swapped = DATA[:low] + DATA[end : 2 * end - low] + DATA[low:end] + DATA[2 * end - low :]
    with pytest.raises(ModelError, match="array scaler/min_ fails its checksum"):
        from_bytes(swapped)
    renamed = with_arrays({"min_": arrays["scale_"], "scale_": arrays["min_"]})
    assert version_of(to_bytes(from_bytes(renamed))) != version_of(DATA)


def test_bytes_behind_the_last_array_are_refused() -> None:
    """No checksum covers them, whatever the preamble says about the length."""
    with pytest.raises(ModelError, match="3 bytes belong to no array"):
        from_bytes(sealed(DATA[PREAMBLE.size : HEADER_END], DATA[HEADER_END:] + b"abc"))


def test_an_array_that_is_there_twice_is_refused() -> None:
    """Which of the two would count must not be a matter of order."""
    with pytest.raises(ModelError, match="scaler/min_ is there twice"):
        from_bytes(changed("min_", "arrays", 1, "name"))


@pytest.mark.parametrize("name", ["min_", "scale_", "threshold", "length", "kernel_2", "bias_3"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_is_refused(name: str, value: float) -> None:
    """One such number in any array would make every score of its rows meaningless."""
    array = array_of(name)
    array.flat[-1] = value
    with pytest.raises(ModelError, match=f"{name} holds a number that is not finite"):
        from_bytes(with_arrays({name: array}))


@pytest.mark.parametrize("text", [b"NaN", b"Infinity", b"-Infinity", b"1e999", b"9" * 400])
@pytest.mark.parametrize(
    "place",
    [
        ("thresholds", "hybrid"),
        ("weights", "lstm"),
        ("calibrations", "iforest", "high"),
        ("scaler", "clip_margin"),
        ("detectors", 1, "parameters", "learning_rate"),
    ],
)
def test_a_parameter_that_is_not_finite_is_refused(
    text: bytes, place: tuple[str | int, ...]
) -> None:
    """JSON knows no such number, Python's reader does."""
    marked = changed("here", *place)[PREAMBLE.size : -(len(DATA) - HEADER_END)]
    with pytest.raises(ModelError, match=r"no finite number|64 bits"):
        from_bytes(sealed(marked.replace(b'"here"', text)))


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "no object"),
        (b"{}", "lacks arrays, calibrations, detectors"),
        (b"null", "no object"),
        (b"\xff\xfe\x00", "makes no sense"),
        (b"", "makes no sense"),
        (b"{", "makes no sense"),
    ],
)
def test_a_header_that_is_no_object_is_refused(text: bytes, fault: str) -> None:
    """Anything that is JSON, or is none, may stand there with its right checksum."""
    with pytest.raises(ModelError, match=fault):
        from_bytes(sealed(text))


def test_parts_of_two_models_do_not_make_one() -> None:
    """A detector fitted on other columns than the model has is found before it meets a row."""
    features = np.concatenate([array_of("min_"), [1.0]])
    data = with_arrays({"min_": features, "scale_": features})
    header = json.loads(data[PREAMBLE.size : PREAMBLE.size + PREAMBLE.unpack_from(data)[2]])
    body = data[PREAMBLE.size + PREAMBLE.unpack_from(data)[2] :]
    header["features"].append("g")
    with pytest.raises(ModelError, match="iforest was fitted on 6 columns and the model has 7"):
        from_bytes(sealed(json.dumps(header).encode(), body))


def test_a_detector_named_twice_is_refused() -> None:
    """One of the two would be dropped without a word."""
    with pytest.raises(ModelError, match="each once"):
        from_bytes(changed([HEADER["detectors"][0]] * 2, "detectors"))
