"""What protocols cut: in order of time, with a gap, each row once, and no attack to learn from."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.errors import ConfigError, TrainingError
from iotscore.evaluation.protocols.benign import Benign, BenignPart, benign_of
from iotscore.evaluation.protocols.rounds import (
    Plan,
    Round,
    chronological,
    halves,
    leave_one_device_out,
    reports,
)
from iotscore.sampling.splits import cut_file
from product import PLAN
from protocol_samples import WHOLE, sample_of

if TYPE_CHECKING:
    from iotscore.evaluation.protocols.sample import Sample


@st.composite
def samples(draw: st.DrawFn) -> Sample:
    """Return any sample: some lines of some files of some devices."""
    places = draw(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 2)), min_size=1))
    files = []
    for device, kind in draw(st.permutations(sorted(places))):
        rows = draw(st.integers(0, 60))
        lines = draw(st.sets(st.integers(1, rows))) if rows else set()
        files.append((device, kind, rows, sorted(lines)))
    return sample_of(files)


PLANS = st.tuples(st.floats(0.05, 0.9), st.floats(0.05, 0.9), st.integers(0, 5))
PLANS = PLANS.filter(lambda plan: plan[0] + plan[1] < 0.99).map(lambda plan: Plan(*plan))


def parts_of(tested: Round) -> list[np.ndarray]:
    """Return the four parts of a round."""
    return [tested.train, tested.calibration, tested.test_benign, tested.test_attack]


@given(samples(), PLANS)
def test_parts_are_cut_in_time_with_a_gap(sample: Sample, plan: Plan) -> None:
    """Parts follow each other in each file, more than the gap apart, and none has line 1."""
    (tested,) = chronological(sample, plan)
    for part in parts_of(tested)[:3]:
        assert not sample.is_attack[part].any()
        assert (sample.row_no[part] > 1).all()
    for place, file in enumerate(sample.files):
        lines = [sample.row_no[part[sample.file_index[part] == place]] for part in parts_of(tested)]
        for earlier, later in ((lines[0], lines[1]), (lines[1], lines[2]), (lines[0], lines[2])):
            if earlier.size and later.size:
                assert later.min() - earlier.max() > plan.gap
        cut = cut_file(file.rows, plan.train_share, plan.calibration_share)
        assert (lines[0] <= cut.train_end).all()
        assert (lines[1] <= cut.calibration_end).all()


@given(samples(), PLANS)
def test_each_row_has_one_use(sample: Sample, plan: Plan) -> None:
    """Parts are disjoint; what is left out is line 1, or within the gap after a cut."""
    (tested,) = chronological(sample, plan)
    used = np.concatenate(parts_of(tested))
    assert np.unique(used).size == used.size
    assert (np.flatnonzero(sample.is_attack) == tested.test_attack).all()
    for row in np.setdiff1d(np.arange(sample.row_no.size), used):
        rows, line = sample.files[sample.file_index[row]].rows, sample.row_no[row]
        cut = cut_file(rows, plan.train_share, plan.calibration_share)
        starts = (cut.train_end, cut.calibration_end)
        assert line == 1 or any(start < line <= start + plan.gap for start in starts)


@given(samples(), PLANS)
def test_a_held_out_device_teaches_nothing(sample: Sample, plan: Plan) -> None:
    """Each round measures one device and learns from others; every test row is in one round."""
    (whole,) = chronological(sample, plan)
    rounds = leave_one_device_out(sample, plan)
    device = np.array([file.device for file in sample.files])[sample.file_index]
    for one in rounds:
        assert not (device[np.concatenate(parts_of(one)[:2])] == one.held_out).any()
        assert (device[np.concatenate(parts_of(one)[2:])] == one.held_out).all()
        others = device != one.held_out
        assert (one.train == whole.train[others[whole.train]]).all()
    for name in ("test_benign", "test_attack"):
        measured = [np.empty(0, np.int64), *(getattr(one, name) for one in rounds)]
        assert (np.sort(np.concatenate(measured)) == getattr(whole, name)).all()
    assert len({one.held_out for one in rounds}) == len(rounds)


@given(samples(), PLANS)
def test_halves_of_the_test_part(sample: Sample, plan: Plan) -> None:
    """The halves are of the test part, in order, more than the gap apart and about equally long."""
    (tested,) = chronological(sample, plan)
    early, late = halves(sample, plan)
    test_rows = np.isin(np.arange(sample.row_no.size), tested.test_benign)
    assert not (early & late).any()
    assert not ((early | late) & ~test_rows).any()
    for place in range(len(sample.files)):
        mine = sample.file_index == place
        first, last = sample.row_no[early & mine], sample.row_no[late & mine]
        if first.size and last.size:
            assert last.min() - first.max() > plan.gap
        lost = sample.row_no[test_rows & mine & ~early & ~late]
        assert lost.size <= plan.gap


def test_thirds_of_a_whole_file() -> None:
    """Of 60 lines, 2-20 train, 23-40 calibrate and 43-60 are measured, in halves of 9 and 7."""
    (tested,) = chronological(WHOLE, PLAN)
    mine = WHOLE.file_index == 0
    for part, lines in zip(parts_of(tested)[:3], [(2, 20), (23, 40), (43, 60)], strict=True):
        found = WHOLE.row_no[part[mine[part]]]
        assert found.tolist() == list(range(lines[0], lines[1] + 1))
    early, late = (WHOLE.row_no[half & mine].tolist() for half in halves(WHOLE, PLAN))
    assert (early, late) == (list(range(43, 52)), list(range(54, 61)))


def test_the_reports_measure_what_they_fit() -> None:
    """All benign rows, line 1 too, fit, calibrate and are measured, and the round says so."""
    (tested,) = reports(WHOLE)
    assert tested.tests_on_training
    assert (tested.train == tested.test_benign).all()
    assert tested.test_benign.size == 180
    assert tested.test_attack.size == 360
    benign_of(WHOLE, tested)


@pytest.mark.parametrize("shares", [(0.5, 0.5), (1.0, 0.0), (0.9, 0.2)])
def test_a_plan_leaves_rows_to_measure(shares: tuple[float, float]) -> None:
    """Shares of everything are refused with the values."""
    with pytest.raises(ConfigError, match="{} and train.calibration_share {}".format(*shares)):
        chronological(WHOLE, Plan(*shares, 2))


def test_what_fits_gets_rows_and_no_label() -> None:
    """The parts hold features, devices and places in files: copies, and nothing else."""
    (tested,) = chronological(WHOLE, PLAN)
    benign = benign_of(WHOLE, tested)
    assert {field.name for field in fields(Benign)} == {"feature_names", "train", "calibration"}
    expected = {"features", "device_ids", "file_index", "row_no"}
    assert {field.name for field in fields(BenignPart)} == expected
    for part, rows in ((benign.train, tested.train), (benign.calibration, tested.calibration)):
        assert (part.features == WHOLE.features[rows]).all()
        assert (part.device_ids == WHOLE.file_index[rows] // 3 + 1).all()
        assert (part.row_no == WHOLE.row_no[rows]).all()
        assert (part.file_index == WHOLE.file_index[rows]).all()
        for field in fields(BenignPart):
            assert getattr(part, field.name).base is None


def leaks(tested: Round) -> dict[str, Round]:
    """Return rounds that give something away, by what is said of them."""
    attack, measured = tested.test_attack[:1], tested.test_benign[:1]
    with_attack = np.append(tested.train, attack)
    return {
        r"1 row\(s\) to learn from are attacks, the first is line 1 of 1\.gafgyt\.tcp": replace(
            tested, train=with_attack, test_attack=tested.test_attack[1:]
        ),
        r"1 row\(s\) to learn from are attacks": replace(
            tested, calibration=np.append(tested.calibration, attack), tests_on_training=True
        ),
        r"1 row\(s\) to learn from are measured as well, the first is line 43": replace(
            tested, train=np.append(tested.train, measured)
        ),
        r"18 row\(s\) to learn from are measured as well": replace(
            tested, test_benign=tested.calibration[:18]
        ),
        r"57 row\(s\) to learn from are in both parts": replace(tested, calibration=tested.train),
        r"37 row\(s\) to learn from are of the held-out device device 2": replace(
            tested, held_out="device 2"
        ),
    }


@pytest.mark.parametrize("said", leaks(chronological(WHOLE, PLAN)[0]))
def test_a_leak_is_refused(said: str) -> None:
    """Attacks, measured rows and rows of the held-out device never reach what fits."""
    (tested,) = chronological(WHOLE, PLAN)
    benign_of(WHOLE, tested)
    with pytest.raises(TrainingError, match=said):
        benign_of(WHOLE, leaks(tested)[said])


@pytest.mark.parametrize(("part", "purpose"), [("train", "fit"), ("calibration", "calibrate")])
def test_nothing_to_learn_from_is_refused(part: str, purpose: str) -> None:
    """A part without rows is named, and so is the device that was held out."""
    (tested,) = chronological(WHOLE, PLAN)
    empty = {part: np.empty(0, dtype=np.int64)}
    with pytest.raises(TrainingError, match=f"no benign row is left to {purpose} on:"):
        benign_of(WHOLE, replace(tested, **empty))
    (alone,) = leave_one_device_out(sample_of([(1, 0, 60, range(1, 61))]), PLAN)
    with pytest.raises(TrainingError, match="to fit on without device 1"):
        benign_of(WHOLE, alone)
