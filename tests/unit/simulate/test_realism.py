"""The simulated rows against the published statistics of the real ones, within stated bands.

``docs/demo-data.md`` states the same bands and names where the data differ.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import numpy as np
import pytest

from iotscore.features import SOURCE_FEATURES
from iotscore.simulate.generate import file_rows
from iotscore.simulate.layout import FILES, allocate

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]

ROWS = 60_000
QUANTILES = {"p5": 0.05, "q1": 0.25, "median": 0.5, "q3": 0.75, "p95": 0.95}
EPOCH = 1e9
"""A mean gap of more seconds than this holds the Unix time of a new channel."""

CHIEF = {
    "benign": {
        ("H_L5_weight", "median"): 1.3,
        ("H_L5_weight", "p95"): 2.2,
        ("H_L5_mean", "median"): 1.2,
        ("H_L5_mean", "p95"): 1.3,
        ("H_L0.01_weight", "p5"): 1.3,
        ("H_L0.01_weight", "median"): 1.5,
        ("H_L0.01_weight", "p95"): 1.5,
        ("H_L0.01_mean", "median"): 1.2,
        ("H_L0.01_mean", "p95"): 1.2,
        ("HH_L5_magnitude", "median"): 1.2,
        ("HH_L0.01_weight", "median"): 1.4,
        ("HH_L0.01_weight", "p95"): 1.4,
        ("HH_L0.01_std", "p95"): 1.3,
        ("HH_L0.01_radius", "p95"): 1.4,
        ("HH_jit_L0.1_mean", "median"): 1.6,
        ("HpHp_L0.01_weight", "median"): 1.6,
        ("HpHp_L0.01_weight", "p95"): 1.4,
    },
    "gafgyt": {
        ("H_L5_weight", "median"): 1.01,
        ("H_L5_weight", "p95"): 1.2,
        ("H_L5_mean", "p95"): 1.05,
        ("H_L0.01_weight", "q3"): 1.4,
        ("H_L0.01_weight", "p95"): 1.3,
        ("H_L0.01_mean", "p95"): 1.1,
        ("HH_L5_magnitude", "p95"): 1.01,
        ("HH_L0.01_weight", "p95"): 1.3,
        ("HH_jit_L5_mean", "p5"): 1.3,
        ("HH_jit_L0.01_mean", "p5"): 1.5,
        ("HpHp_L0.01_weight", "p95"): 1.05,
    },
    "mirai": {
        ("H_L5_weight", "p5"): 1.4,
        ("H_L5_weight", "median"): 1.2,
        ("H_L5_weight", "p95"): 1.3,
        ("H_L5_mean", "median"): 1.2,
        ("H_L0.01_weight", "p5"): 1.3,
        ("H_L0.01_weight", "median"): 1.2,
        ("H_L0.01_weight", "p95"): 1.2,
        ("H_L0.01_variance", "median"): 1.2,
        ("HH_L5_weight", "p95"): 1.2,
        ("HH_L0.01_weight", "p95"): 1.2,
        ("HH_L0.01_mean", "p95"): 1.01,
        ("HH_jit_L5_mean", "p5"): 1.3,
        ("HpHp_L0.01_weight", "p95"): 1.5,
    },
}
"""Factor by which a quantile may differ from the published one, either way."""

MEDIANS = {"H_L5_weight": 1.5, "H_L0.01_weight": 1.5, "H_L5_mean": 1.3, "H_L0.01_mean": 1.3}
"""Factor by which the median of an attack file may differ from the same real file's."""

WITHIN_A_FACTOR_OF_TWO = {"benign": 0.80, "gafgyt": 0.92, "mirai": 0.94}
"""Share of all quantiles (covariance and pcc left out) that must be within a factor of 2."""


@pytest.fixture(scope="module")
def simulated() -> dict[str, Rows]:
    """Return the rows of every file by name, ROWS in all."""
    return {
        file.name.removesuffix(".csv"): np.concatenate(list(file_rows(file, share, seed=1)))
        for file, share in zip(FILES, allocate(ROWS), strict=True)
    }


@pytest.fixture(scope="module")
def by_class(simulated: dict[str, Rows]) -> dict[str, Rows]:
    """Return the rows of each class."""
    return {
        name: np.concatenate([rows for file, rows in simulated.items() if name in file])
        for name in CHIEF
    }


def column(name: str) -> int:
    """Return a feature's position."""
    return SOURCE_FEATURES.index(name)


def factors(rows: Rows, nbaiot: Path, name: str) -> dict[tuple[str, str], float]:
    """Return, by feature and quantile, the factor between simulated and published value."""
    with (nbaiot / "published_stats" / f"{name}.csv").open(newline="") as source:
        published = {row["feature"]: row for row in csv.DictReader(source)}
    found = {}
    for position, feature in enumerate(SOURCE_FEATURES):
        if feature.endswith(("covariance", "pcc")):
            continue
        for label, share in QUANTILES.items():
            mine = np.quantile(rows[:, position], share)
            theirs = float(published[feature][label])
            # Below a thousandth both are "no spread", whatever rounding left of it.
            low, high = sorted((max(mine, 1e-3), max(theirs, 1e-3)))
            found[feature, label] = high / low
    return found


@pytest.mark.parametrize("name", CHIEF)
def test_chief_quantiles_are_within_their_bands(
    by_class: dict[str, Rows], nbaiot: Path, name: str
) -> None:
    """Weights, sizes, magnitudes and gaps of a class have the published quantiles, nearly."""
    found = factors(by_class[name], nbaiot, name)
    outside = {key: (found[key], band) for key, band in CHIEF[name].items() if found[key] > band}
    assert not outside


@pytest.mark.parametrize("name", CHIEF)
def test_most_quantiles_are_within_a_factor_of_two(
    by_class: dict[str, Rows], nbaiot: Path, name: str
) -> None:
    """All features together: the share of quantiles within a factor of 2 is as stated."""
    found = np.array(list(factors(by_class[name], nbaiot, name).values()))
    assert np.mean(found <= 2.0) >= WITHIN_A_FACTOR_OF_TWO[name]


def test_every_attack_file_has_the_medians_of_the_real_one(
    simulated: dict[str, Rows], nbaiot: Path
) -> None:
    """Pace and sizes of each attack on each device are those of the real sample's file."""
    outside = {}
    for name, rows in simulated.items():
        if "benign" in name:
            continue
        real = np.loadtxt(nbaiot / "sample" / f"{name}.csv", delimiter=",", skiprows=1)
        for feature, band in MEDIANS.items():
            mine, theirs = (np.median(values[:, column(feature)]) for values in (rows, real))
            if not 1 / band <= mine / theirs <= band:
                outside[name, feature] = (mine, theirs)
    assert not outside


@pytest.mark.parametrize(
    ("words", "low", "high"),
    [
        (("benign",), 0.001, 0.006),
        (("gafgyt.scan",), 0.30, 0.38),
        (("gafgyt.tcp", "gafgyt.udp"), 0.995, 1.0),
        (("mirai.scan",), 0.99, 1.0),
        (("mirai.ack", "mirai.syn", "mirai.udp"), 0.24, 0.42),
    ],
)
def test_share_of_new_channels(
    simulated: dict[str, Rows], words: tuple[str, ...], low: float, high: float
) -> None:
    """The clock shows in HH_jit as often as it does in the real files of that kind."""
    rows = np.concatenate([simulated[f] for f in simulated if any(word in f for word in words)])
    assert low <= np.mean(rows[:, column("HH_jit_L0.01_mean")] > EPOCH) <= high


def test_spoofed_floods_are_first_packets(simulated: dict[str, Rows]) -> None:
    """Gafgyt tcp and udp: nearly all weights 1, means 60, variances 0."""
    names = [f for f in simulated if f.endswith(("gafgyt.tcp", "gafgyt.udp"))]
    rows = np.concatenate([simulated[f] for f in names])
    weights = [i for i, name in enumerate(SOURCE_FEATURES) if name.endswith("weight")]
    spreads = [i for i, n in enumerate(SOURCE_FEATURES) if n.endswith(("variance", "std"))]
    first = (rows[:, weights] == 1).all(axis=1) & (rows[:, spreads] == 0).all(axis=1)
    first &= rows[:, column("HpHp_L5_mean")] == 60
    assert np.mean(first) > 0.995


def test_every_file_starts_cold(simulated: dict[str, Rows]) -> None:
    """The first row of each file has seen nothing before."""
    weights = [i for i, name in enumerate(SOURCE_FEATURES) if name.endswith("weight")]
    for name, rows in simulated.items():
        assert set(rows[0, weights]) == {1.0}, name
        assert rows[0, column("HH_jit_L5_mean")] > EPOCH, name


def test_mirai_has_no_covariance(by_class: dict[str, Rows]) -> None:
    """No answers were captured: all 20 covariance and pcc columns of mirai are 0."""
    linked = [i for i, n in enumerate(SOURCE_FEATURES) if n.endswith(("covariance", "pcc"))]
    assert len(linked) == 20
    assert not by_class["mirai"][:, linked].any()
    assert by_class["benign"][:, linked].any()


def test_pcc_leaves_its_textbook_range(by_class: dict[str, Rows]) -> None:
    """Benign pcc passes 1 in a few per cent of the rows, but never grows without bound."""
    size = np.abs(by_class["benign"][:, column("HH_L0.01_pcc")])
    assert 0.005 < np.mean(size > 1.0) < 0.06
    for rows in by_class.values():
        pccs = [i for i, name in enumerate(SOURCE_FEATURES) if name.endswith("_pcc")]
        assert np.abs(rows[:, pccs]).max() < 3.0


def test_sender_streams_differ_only_where_addresses_are_shared(by_class: dict[str, Rows]) -> None:
    """MI_dir equals H in nearly every row, and in attacks in all of them."""
    same = {name: (rows[:, :15] == rows[:, 15:30]).all(axis=1) for name, rows in by_class.items()}
    assert 0.99 < np.mean(same["benign"]) < 1.0
    assert same["gafgyt"].all()
    assert same["mirai"].all()


def test_nothing_is_missing_or_infinite(by_class: dict[str, Rows]) -> None:
    """All values are finite, weights at least 1 (up to rounding), spreads not negative."""
    for rows in by_class.values():
        assert np.isfinite(rows).all()
        for i, name in enumerate(SOURCE_FEATURES):
            if name.endswith("weight"):
                assert rows[:, i].min() >= 1.0
            if name.endswith(("_variance", "std", "radius", "magnitude")):
                assert rows[:, i].min() >= 0.0
