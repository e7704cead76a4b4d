"""A sample: what may be left out of it, and what contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iotscore.errors import InputError
from iotscore.evaluation.protocols.sample import FEATURE_SETS, Sample, without
from iotscore.features import FEATURES, SOURCE_FEATURES
from protocol_samples import WHOLE, file_of


@pytest.mark.parametrize("names", [FEATURES, SOURCE_FEATURES])
def test_the_clock_and_the_jitter_are_left_out(names: tuple[str, ...]) -> None:
    """Five columns or fifteen go, of the tables' names and of the files'; rows keep the others."""
    features = np.arange(230.0).reshape(2, 115)
    files = (file_of(1, 0, 5),)
    sample = Sample(features, names, np.zeros(2, np.int64), np.array([1, 2]), files)
    assert without(sample, FEATURE_SETS["all"]) is sample
    clock = [name for name in names if name.startswith("HH_jit_") and name.endswith("_mean")]
    jitter = [name for name in names if name.startswith("HH_jit_")]
    assert (len(clock), len(jitter)) == (5, 15)
    for dropped, gone in ((FEATURE_SETS["no_clock"], clock), (FEATURE_SETS["no_jitter"], jitter)):
        left = without(sample, dropped)
        kept = [place for place, name in enumerate(names) if name not in gone]
        assert left.feature_names == tuple(names[place] for place in kept)
        assert (left.features == features[:, kept]).all()
        assert left.files == sample.files


def test_nothing_left_out_is_refused() -> None:
    """A pattern that matches no column would leave the clock in."""
    with pytest.raises(ValueError, match=r"no column of the sample matches HH_jit_\*"):
        without(WHOLE, ("file", "HH_jit_*"))


def test_a_weight_of_nothing_is_refused() -> None:
    """A file of weights may say 0, and a share of 0 has no meaning."""
    with pytest.raises(InputError, match=r"stands for 0\.0 records"):
        replace(file_of(1, 0, 10), weight=0.0)


@pytest.mark.parametrize(
    ("fault", "said"), [({"device_id": 2}, "number"), ({"device": "device 2"}, "name")]
)
def test_a_device_has_one_name_and_one_number(fault: dict[str, object], said: str) -> None:
    """Else holding out the one would leave the other to learn from."""
    files = (*(replace(file, **fault) for file in WHOLE.files[:3]), *WHOLE.files[3:])
    with pytest.raises(InputError, match=f"share a {said}"):
        replace(WHOLE, files=files)
    unknown = tuple(replace(file, device_id=-1) for file in WHOLE.files)
    assert (replace(WHOLE, files=unknown).device_ids == -1).all()
