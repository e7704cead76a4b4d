"""The packets themselves: sizes of captures, order, who sends, and steadiness of a benign day."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.simulate.afterimage import AfterImage
from iotscore.simulate.attacks import attack
from iotscore.simulate.benign import benign
from iotscore.simulate.layout import FILES
from iotscore.simulate.packets import (
    LONE_CHANNEL,
    LONE_SOURCE,
    RECORDED,
    capture,
    first_records,
    packets,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Packets = NDArray[Any]


def simulate(device: int, kind: str, n: int, seed: int = 1) -> Packets:
    """Return a capture of n records."""
    rng = np.random.default_rng(seed)
    return benign(device, n, rng) if kind == "benign" else attack(device, kind, n, rng)


@pytest.mark.parametrize("n", [1, 2, 100, 3000])
def test_every_kind_gives_exactly_the_records_asked_for(n: int) -> None:
    """Any device and kind gives n records, in order of time, all sent by the device itself."""
    for file in FILES:
        sent = simulate(file.device, file.kind, n)
        recorded = (sent["flags"] & RECORDED) != 0
        assert np.count_nonzero(recorded) == n, file.name
        assert (np.diff(sent["time"]) >= 0).all(), file.name
        assert set(sent["mac"][recorded]) == {file.device}, file.name
        assert sent["size"].min() >= 60, file.name
        assert sent["size"].max() <= 1514, file.name


def test_one_seed_one_capture() -> None:
    """The same generator state gives the same packets, another gives others."""
    once, again, other = (simulate(5, "benign", 2000, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once["time"], other["time"])


@pytest.mark.parametrize(
    ("kind", "first_day", "last_day"),
    [
        ("benign", "2017-09-17", "2017-09-24"),
        ("gafgyt.scan", "2017-09-20", "2017-09-20"),
        ("gafgyt.tcp", "2017-09-20", "2017-09-20"),
        ("mirai.udp", "2017-10-10", "2017-10-10"),
    ],
)
def test_captures_bear_the_dates_of_the_published_ones(
    kind: str, first_day: str, last_day: str
) -> None:
    """The clock that leaks into HH_jit is the families' own."""
    days = simulate(1, kind, 5000)["time"].astype("datetime64[s]").astype("datetime64[D]")
    assert days.min() >= np.datetime64(first_day)
    assert days.max() <= np.datetime64(last_day)


@pytest.mark.parametrize("device", range(1, 10))
def test_a_benign_day_is_steady(device: int) -> None:
    """The later third of a benign capture looks like its earlier third: nothing drifts."""
    statistics = AfterImage()
    rows = statistics.rows(simulate(device, "benign", 30_000))
    weight, mean = rows[:, 27], rows[:, 28]
    for values in (weight, mean):
        early, late = np.quantile(values[:10_000], 0.5), np.quantile(values[20_000:], 0.5)
        assert late == pytest.approx(early, rel=0.3)
    assert np.std(weight) > 0.02 * np.mean(weight)


def test_lone_flags_are_true() -> None:
    """A source or channel that is flagged to occur once does occur once."""
    for kind in ("gafgyt.tcp", "mirai.scan", "mirai.ack", "mirai.udpplain"):
        sent = simulate(1, kind, 20_000)
        for flag, fields in (
            (LONE_SOURCE, ["source"]),
            (LONE_CHANNEL, ["source", "target"]),
        ):
            lone = sent[(sent["flags"] & flag) != 0]
            keys = {tuple(row) for row in lone[fields].tolist()}
            rest = {tuple(row) for row in sent[(sent["flags"] & flag) == 0][fields].tolist()}
            assert len(keys) == len(lone)
            assert not keys & rest


def test_merging_keeps_order_and_everything() -> None:
    """A capture holds every packet of its parts, sorted; ties keep the order of the parts."""
    parts = [
        packets(
            times,
            mac=number,
            source=1,
            target=2,
            source_port=3,
            target_port=4,
            size=60,
            flags=RECORDED,
        )
        for number, times in enumerate(([1.0, 3.0], [2.0, 3.0]))
    ]
    merged = capture(parts)
    assert merged["time"].tolist() == [1.0, 2.0, 3.0, 3.0]
    assert merged["mac"].tolist() == [0, 1, 0, 1]
    assert len(first_records(merged, 2)) == 2
    assert len(first_records(merged, 9)) == 4
