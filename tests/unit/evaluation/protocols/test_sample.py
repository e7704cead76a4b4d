"""A sample: what may be left out of it, and what contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from iotscore.errors import InputError
from iotscore.evaluation.protocols.sample import ALL, NO_CLOCK, NO_JITTER, Sample, without
from iotscore.features import FEATURES, SOURCE_FEATURES
from protocol_samples import WHOLE, file_of


@pytest.mark.parametrize("names", [FEATURES, SOURCE_FEATURES])
def test_the_clock_and_the_jitter_are_left_out(names: tuple[str, ...]) -> None:
    """Five columns or fifteen go, of the tables' names and of the files'; rows keep the others."""
    features = np.arange(230.0).reshape(2, 115)
    files = (file_of(1, 0, 5),)
    sample = Sample(features, names, np.zeros(2, int), np.array([1, 2]), files)
    assert without(sample, ALL.dropped) is sample
    clock = [name for name in names if name.startswith("HH_jit_") and name.endswith("_mean")]
    jitter = [name for name in names if name.startswith("HH_jit_")]
    assert (len(clock), len(jitter)) == (5, 15)
    for dropped, gone in ((NO_CLOCK.dropped, clock), (NO_JITTER.dropped, jitter)):
        left = without(sample, dropped)
        kept = [place for place, name in enumerate(names) if name not in gone]
        assert left.feature_names == tuple(names[place] for place in kept)
        assert (left.features == features[:, kept]).all()
        assert left.files == sample.files


def test_nothing_left_out_is_refused() -> None:
    """A pattern that matches no column would leave the clock in, and one for all leaves nothing."""
    with pytest.raises(ValueError, match=r"no column of the sample matches HH_jit_\*"):
        without(WHOLE, ("file", "HH_jit_*"))
    with pytest.raises(ValueError, match="match every column"):
        without(WHOLE, ("*",))


FAULTS = {
    "do not fit 2 names": {"features": np.zeros((540, 3))},
    "540,\\) files": {"features": np.zeros((540, 1))},
    "a feature is named twice": {"feature_names": ("file", "file")},
    "a file is named twice": {"files": WHOLE.files[:8] * 2},
    "every feature must be finite": {"features": np.full((540, 2), np.nan)},
    "within the 3 files": {"files": WHOLE.files[:3]},
    "row_no must lie between 1 and": {"row_no": WHOLE.row_no - 1},
    "between 1 and the lines": {"row_no": WHOLE.row_no + 1},
    "row_no must ascend": {"row_no": np.ones(540, int)},
}


@pytest.mark.parametrize("said", FAULTS)
def test_a_sample_that_contradicts_itself_is_refused(said: str) -> None:
    """Rows twice, out of order or beyond their file would spoil the cuts unseen."""
    with pytest.raises(ValueError, match=said):
        replace(WHOLE, **FAULTS[said])


def test_a_file_that_contradicts_itself_is_refused() -> None:
    """An attack of family benign would train; weights of 0 and less have no meaning."""
    file = file_of(1, 0, 10)
    with pytest.raises(ValueError, match="family benign and is_attack is True"):
        replace(file, is_attack=True)
    for fault in ({"weight": 0.0}, {"weight": np.inf}, {"rows": -1}, {"device_id": -2}):
        with pytest.raises(ValueError, match=r"device -?\d"):
            replace(file, **fault)


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
