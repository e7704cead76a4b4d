"""What an attacker changes: packets, by the amounts that were asked for, and nothing else."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.evaluation.options import PacedAttack
from iotscore.research.evasion.effort import Effort, altered, requests_of
from iotscore.simulate.attacks import attack as botnet
from iotscore.simulate.infected import CONTROLLER, VICTIM
from iotscore.simulate.packets import LONE_SOURCE, RECORDED

ATTACKS = get_args(PacedAttack)
SIZES = np.array([61, 102, 450])


def requests(attack: str, n: int = 2000) -> np.ndarray:
    """Return what an attack of device 4 itself sends."""
    return requests_of(botnet(4, attack, n, np.random.default_rng(3)))


def sent_with(effort: Effort, attack: str) -> tuple[np.ndarray, np.ndarray]:
    """Return an attack's packets without and with effort, answers left out."""
    before = requests(attack)
    after = altered(before, attack, effort, SIZES, np.random.default_rng(4))
    return before, after[(after["flags"] & RECORDED) != 0]


@pytest.mark.parametrize("attack", ATTACKS)
def test_requests_are_the_attack_alone(attack: str) -> None:
    """No answers, no talk with the controller, all recorded, from 0 s, in order."""
    found = requests(attack)
    assert len(found) > 1500
    assert (found["mac"] == 4).all()
    assert found["time"][0] == 0.0
    assert (np.diff(found["time"]) >= 0.0).all()
    assert (found["flags"] & RECORDED).all()
    ends = np.concatenate([found["source"], found["target"]])
    assert not ((ends >= CONTROLLER) & (ends < 1_000_000)).any()
    # Addresses that are used once are none that benign traffic uses.
    assert not ((ends >= 1_000_000) & (ends < 100_000_000)).any()


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_effort_changes_nothing(attack: str) -> None:
    """Without effort the attack is what the botnet sends."""
    before, after = sent_with(Effort(), attack)
    assert np.array_equal(before, after)


@settings(max_examples=15)
@given(st.floats(1.0, 1e4), st.sampled_from(ATTACKS))
def test_slower(slowdown: float, attack: str) -> None:
    """All gaps between packets grow by the factor."""
    before, after = sent_with(Effort(slowdown), attack)
    assert after["time"] == pytest.approx(before["time"] * slowdown)
    for name in ("source", "target", "size", "source_port", "target_port"):
        assert np.array_equal(before[name], after[name])


@settings(max_examples=15)
@given(st.floats(0.0, 1.0), st.sampled_from(ATTACKS))
def test_padded(share: float, attack: str) -> None:
    """About the share of the packets has benign sizes, the others their own."""
    before, after = sent_with(Effort(padded=share), attack)
    padded = np.isin(after["size"], SIZES)
    assert np.array_equal(after["size"][~padded], before["size"][~padded])
    assert padded.mean() == pytest.approx(share, abs=0.06)
    assert np.array_equal(before["time"], after["time"])


@settings(max_examples=15)
@given(st.integers(1, 300), st.sampled_from(ATTACKS))
def test_dealt_over_peers(peers: int, attack: str) -> None:
    """The device's own address talks to so many hosts, each over one connection, in turn."""
    before, after = sent_with(Effort(peers=peers), attack)
    assert (after["source"] == 4).all()
    assert not (after["flags"] & LONE_SOURCE).any()
    sockets = np.unique(after[["source", "target", "source_port", "target_port"]])
    assert len(sockets) == len(np.unique(after["target"])) == min(peers, len(after))
    counts = np.unique(after["target"], return_counts=True)[1]
    assert counts.max() - counts.min() <= 1
    # A flood's packets are those to its victim; the scanner beside it is off.
    flood = before if attack == "mirai.scan" else before[before["target"] == VICTIM]
    assert np.array_equal(after["time"], flood["time"])


def test_victims_answer_where_they_did() -> None:
    """A connection flood gets one reset for each packet, a millisecond later, wherever it goes."""
    before = requests("gafgyt.junk")
    effort = Effort(10_000.0, 0.5, 7)
    found = altered(before, "gafgyt.junk", effort, SIZES, np.random.default_rng(4))
    answers = found[found["mac"] == 0]
    sent = found[found["mac"] != 0]
    assert len(answers) == len(sent) == len(before)
    assert (np.diff(found["time"]) >= 0.0).all()
    delay = answers["time"] - sent["time"]
    assert delay.min() > 0.0007
    assert delay.max() < 0.0016
    assert np.array_equal(answers["source"], sent["target"])
    assert not (answers["flags"] & RECORDED).any()
