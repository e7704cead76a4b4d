"""Curves of detection against effort, on small captures, with the real detectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.errors import ConfigError
from iotscore.evaluation.options import Evasion
from iotscore.features import FEATURES
from iotscore.research.evasion.captures import Devices
from iotscore.research.evasion.curve import measure_evasion
from iotscore.research.evasion.effort import Effort
from iotscore.warehouse.figure_columns import EVASION, ROBUSTNESS_COLUMNS, ROBUSTNESS_KEY
from product import envelope, fit_of_product, neighbours, protocol_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.config import Settings

Row = dict[str, Any]

SMALL = Evasion(
    attacks=("gafgyt.junk", "mirai.scan"),
    slowdowns=(1.0, 3000.0),
    padded_shares=(1.0,),
    peers=(10,),
    benign_rows=900,
    records=60,
    seconds=5.0,
)
SETTINGS = fit_of_product(
    detectors=(neighbours(), envelope()),
    weights={"neighbours": 1 / 3, "envelope": 2 / 3},
    features=FEATURES,
)


@pytest.fixture(scope="module")
def devices() -> Devices:
    """Return simulated devices."""
    return Devices(7, 900, 60, 5.0)


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Return the figures of all curves."""
    return measure_evasion(protocol_run("evasion", SETTINGS, budgets=(0.05,), evasion=SMALL))


def test_attacks_are_recorded_in_the_midst_of_benign_traffic(devices: Devices) -> None:
    """So many rows as asked for, at the pace that was asked for; repeatable."""
    found = devices.attack_rows(1, "gafgyt.junk", Effort())
    assert found.features.shape == (60, 115)
    assert np.isfinite(found.features).all()
    assert 450 < found.packets_per_second < 700
    slow = devices.attack_rows(1, "gafgyt.junk", Effort(100.0))
    assert slow.packets_per_second == pytest.approx(found.packets_per_second / 100, rel=0.3)
    again = Devices(7, 900, 60, 5.0).attack_rows(1, "gafgyt.junk", Effort())
    assert np.array_equal(again.features, found.features)
    # The damped number of packets from the device's address: a flood's, then benign traffic's.
    weight = FEATURES.index("MI_dir_L1_weight")
    assert np.median(found.features[:, weight]) > 100
    assert np.median(slow.features[:, weight]) < 20


def test_a_slow_attack_is_recorded_until_there_are_records_enough(devices: Devices) -> None:
    """An attack that sends little lasts longer, and benign traffic goes on beside it."""
    found = devices.attack_rows(9, "mirai.scan", Effort(10_000.0))
    assert found.features.shape == (60, 115)
    assert found.packets_per_second < 0.1


def test_devices_without_mirai_have_none() -> None:
    """As in N-BaIoT."""
    assert Devices.attacked_by("mirai.scan") == (1, 2, 4, 5, 6, 8, 9)
    assert Devices.attacked_by("gafgyt.udp") == tuple(range(1, 10))


def test_rows(rows: list[Row]) -> None:
    """Every effort has its rows: all attacks and each, detectors and the linear baseline."""
    assert all(tuple(row) == ROBUSTNESS_COLUMNS for row in rows)
    keys = {tuple(row[name] for name in ROBUSTNESS_KEY) for row in rows}
    assert len(keys) == len(rows) == 6 * 3 * 4
    assert {row["protocol"] for row in rows} == {EVASION}
    assert {row["detector"] for row in rows} == {
        "neighbours",
        "envelope",
        "hybrid",
        "baseline_pca",
    }
    assert {row["scope_value"] for row in rows} == {None, "gafgyt.junk", "mirai.scan"}
    assert len({row["fpr"] for row in rows if row["detector"] == "hybrid"}) == 1
    for row in rows:
        assert 0.0 <= row["unnoticed_per_second"] <= row["packets_per_second"]


def test_effort_pays_in_detection_and_costs_packets(rows: list[Row]) -> None:
    """The plain attack is found; a slow, padded and dealt one less, and it sends less."""
    at = {
        (row["knob"], row["effort"]): row
        for row in rows
        if row["detector"] == "hybrid" and row["scope"] == "all"
    }
    plain, careful = at["slowdown", 1.0], at["combined", 3000.0]
    assert plain["tpr"] > 0.95
    assert careful["tpr"] < plain["tpr"] - 0.05
    assert careful["roc_auc"] < plain["roc_auc"]
    assert careful["packets_per_second"] < plain["packets_per_second"] / 1000


@pytest.mark.parametrize(
    "change",
    ["attacks=[gafgyt.scan]", "peers=[]", "peers=[-1]", "slowdowns=[0.5]", "padded_shares=[1.1]"],
)
def test_what_cannot_be_simulated_is_refused(
    change: str, settings: Callable[..., Settings]
) -> None:
    """A scan that waits for the kernel is not paced by the attacker; nothing is no curve."""
    with pytest.raises(ConfigError, match=r"protocol\.evasion"):
        settings("default", f"protocol.evasion.{change}")
