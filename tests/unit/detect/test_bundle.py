"""Bundles: the same bytes for the same model, and no score from bytes that are not whole."""

from __future__ import annotations

import hashlib
import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from golden_bundle import DATA, GOLDEN, HEADER, changed, sealed
from iotscore.detect.bundle import FORMAT_VERSION, from_bytes, to_bytes, version_of
from iotscore.errors import ModelError


def test_a_model_of_long_ago_still_gives_its_scores() -> None:
    """The golden bundle loads; its autoencoder gives the stored scores bit for bit."""
    stored = json.loads((GOLDEN / "scores_v1.json").read_text())
    columns = from_bytes(DATA).score(np.array(stored["rows"]))
    assert list(columns) == list(stored["scores"])
    for name, column in columns.items():
        # A power of two is rounded by the system's library, everything else by IEEE 754.
        assert column.tolist() == pytest.approx(stored["scores"][name], rel=1e-13, abs=1e-13)
    assert columns["lstm_score"].tolist() == stored["scores"]["lstm_score"]


def test_a_model_goes_through_bytes_unchanged() -> None:
    """Loading and storing again gives the same bytes, and so the same version."""
    model = from_bytes(DATA)
    assert to_bytes(model) == DATA
    assert version_of(DATA) == hashlib.sha256(DATA).hexdigest()[:12]
    assert list(model.detectors) == ["iforest", "lstm"]
    assert model.features == tuple("abcdef")


def test_another_model_has_another_version() -> None:
    """One threshold moved a little is another model."""
    model = from_bytes(DATA)
    moved = np.nextafter(model.thresholds["hybrid"], 2.0)
    other = replace(model, thresholds=model.thresholds | {"hybrid": float(moved)})
    assert version_of(to_bytes(other)) != version_of(DATA)


def test_the_header_describes_the_model_in_words() -> None:
    """Without this code a reader finds format, features, parameters and array layout."""
    assert (HEADER["format"], HEADER["format_version"]) == ("iotscore model", 1)
    assert HEADER["detectors"][0]["parameters"]["random_state"] == 7
    layout = {(entry["group"], entry["name"]): entry for entry in HEADER["arrays"]}
    assert layout["lstm", "kernel_2"]["shape"] == [2, 18]
    assert layout["lstm", "kernel_2"]["dtype"] == "<f4"


@settings(max_examples=300)
@given(st.integers(0, 8 * len(DATA) - 1))
def test_no_flipped_bit_goes_unnoticed(bit: int) -> None:
    """Each single bit of preamble, header and arrays is guarded."""
    data = bytearray(DATA)
    data[bit // 8] ^= 1 << (bit % 8)
    with pytest.raises(ModelError):
        from_bytes(bytes(data))


def test_damage_names_its_place() -> None:
    """A flip in the last array names it, one in the header names the header."""
    with pytest.raises(ModelError, match=r"array lstm/loss_history_ fails"):
        from_bytes(DATA[:-1] + bytes([DATA[-1] ^ 1]))
    with pytest.raises(ModelError, match="header fails"):
        from_bytes(DATA[:100] + bytes([DATA[100] ^ 1]) + DATA[101:])
    with pytest.raises(ModelError, match="more bytes"):
        from_bytes(DATA + b"\0")


def test_a_newer_format_asks_for_an_update() -> None:
    """Format numbers above ours are told apart from damage."""
    data = DATA[:8] + struct.pack("<I", FORMAT_VERSION + 1) + DATA[12:]
    with pytest.raises(ModelError, match=r"format 4 .* up to 3: update"):
        from_bytes(data)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (
            {"detectors": [{"name": "mahalanobis", "parameters": {}}]},
            r"'mahalanobis'.*'envelope', 'iforest', 'lstm', 'neighbours'.*train again",
        ),
        ({"detectors": "none"}, "header"),
        ({"weights": {"iforest": 1.0}}, "one weight"),
        ({"scaler": {"out_of_range": "drop", "clip_margin": 0.0}}, "drop"),
        ({"features": ["a"]}, "1 features"),
        ({"arrays": []}, "header"),
    ],
)
def test_headers_that_make_no_sense_are_refused(change: dict[str, object], fault: str) -> None:
    """Also with right checksums, unknown detectors and missing parts are model errors."""
    assert to_bytes(from_bytes(sealed(json.dumps(HEADER).encode()))) == DATA
    with pytest.raises(ModelError, match=fault):
        from_bytes(sealed(json.dumps(HEADER | change).encode()))


def test_arrays_of_objects_are_refused() -> None:
    """An array type that could run code when loaded never reaches NumPy."""
    with pytest.raises(ModelError, match=r"type '\|O'"):
        from_bytes(changed("|O", "arrays", 0, "dtype"))
