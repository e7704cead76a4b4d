"""Benign files with rows that no other device has: found, and clean ones are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.detect.strangers import LEAST_DEVICES, stranger_shares
from iotscore.features import FEATURES, N_FEATURES
from iotscore.models.benign_check import SUSPICIOUS_SHARE

if TYPE_CHECKING:
    from pathlib import Path

DEVICES = range(1, 10)
CLOCK = [
    place
    for place, name in enumerate(FEATURES)
    if name.startswith("HH_jit") and name.endswith("_mean")
]


def traffic(seed: int, rows: int = 150) -> np.ndarray:
    """Return rows of a device: some habits that all have, in shares of its own."""
    habits = np.random.default_rng(0).lognormal(2.0, 1.0, size=(5, N_FEATURES))
    rng = np.random.default_rng(seed)
    which = rng.choice(5, rows, p=rng.dirichlet(np.full(5, 5.0)))
    return habits[which] * rng.lognormal(0.0, 0.1, size=(rows, N_FEATURES))


def attack(rows: int) -> np.ndarray:
    """Return rows that are like one another, and like no device's."""
    rng = np.random.default_rng(99)
    return rng.lognormal(6.0, 0.1, size=(rows, N_FEATURES))


def mixed(benign: np.ndarray, rows: np.ndarray, share: float) -> np.ndarray:
    """Return benign rows and so many others that they are that share, in any order."""
    count = round(share * len(benign) / (1 - share))
    both = np.vstack([benign, rows[:count]])
    return np.random.default_rng(5).permutation(both)


def test_a_tenth_of_a_file_is_found() -> None:
    """The share of planted rows comes out, and the other files stay clean, in any order of rows."""
    files = [traffic(seed) for seed in DEVICES]
    clean = stranger_shares(files, DEVICES)
    assert clean is not None
    assert max(clean) < SUSPICIOUS_SHARE
    files[3] = mixed(files[3], attack(100), 0.1)
    shares = stranger_shares(files, DEVICES)
    assert shares is not None
    assert shares[3] == pytest.approx(0.1, abs=0.02)
    assert max(share for place, share in enumerate(shares) if place != 3) < SUSPICIOUS_SHARE
    assert stranger_shares([rows[::-1] for rows in files], DEVICES) == pytest.approx(
        shares, abs=0.01
    )


def test_several_files_of_a_device() -> None:
    """A device's own other files do not vouch for it: all its nights may hold the attack."""
    files = [traffic(seed) for seed in DEVICES] + [traffic(50 + night) for night in range(3)]
    devices = [*DEVICES, 4, 4, 4]
    for place in (9, 10, 11):
        files[place] = mixed(files[place], attack(100), 0.2)
    shares = stranger_shares(files, devices)
    assert shares is not None
    assert [share > SUSPICIOUS_SHARE for share in shares] == [False] * 9 + [True] * 3


def test_what_cannot_be_told() -> None:
    """Too few devices give no shares; the time of day in some columns does not count."""
    files = [traffic(seed) for seed in DEVICES]
    few = LEAST_DEVICES - 1
    assert stranger_shares(files[:few], range(few)) is None
    assert stranger_shares(files[:few] * 2, [*range(few), *range(few)]) is None
    later = [rows.copy() for rows in files]
    later[0][:, CLOCK] = 1.8e9
    assert stranger_shares(later, DEVICES) == stranger_shares(files, DEVICES)
    assert len(CLOCK) == 5


def test_nine_real_devices(nbaiot: Path) -> None:
    """No clean device of N-BaIoT is warned of; a tenth of an attack is, if it can be seen."""
    sample = nbaiot / "sample"

    def rows(name: str) -> np.ndarray:
        return np.loadtxt(sample / f"{name}.csv", delimiter=",", skiprows=1)

    files = [rows(f"{device}.benign") for device in DEVICES]
    shares = stranger_shares(files, DEVICES)
    assert shares is not None
    assert max(shares) < SUSPICIOUS_SHARE
    found = []
    for kind in ("gafgyt.combo", "gafgyt.tcp", "mirai.scan"):
        planted = [mixed(files[0], rows(f"1.{kind}"), 0.1), *files[1:]]
        shares = stranger_shares(planted, DEVICES)
        assert shares is not None
        assert max(shares[1:]) < SUSPICIOUS_SHARE
        if shares[0] > SUSPICIOUS_SHARE:
            found.append(kind)
    assert found == ["gafgyt.combo", "mirai.scan"]
