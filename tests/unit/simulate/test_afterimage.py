"""The compiled statistics against a slow, plain version of the same definitions."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.features import SOURCE_FEATURES
from iotscore.simulate import afterimage
from iotscore.simulate.afterimage import RATES, AfterImage
from iotscore.simulate.packets import (
    LONE_CHANNEL,
    LONE_SOCKET,
    LONE_SOURCE,
    PACKET,
    RECORDED,
    SPOOFED,
    packets,
)

if TYPE_CHECKING:
    from collections.abc import Hashable

    from numpy.typing import NDArray

    Rows = NDArray[np.float64]
    Packets = NDArray[Any]

DECAYS = (5.0, 3.0, 1.0, 0.1, 0.01)


@dataclass
class SlowStream:
    """One direction of a stream for one decay factor, straight from the definitions."""

    decay: float
    last: float = 0.0
    weight: float = 0.0
    linear: float = 0.0
    squared: float = 0.0

    def insert(self, time: float, value: float) -> None:
        """Fade to the time, then add one value."""
        factor = 2.0 ** (-self.decay * max(time - self.last, 0.0))
        self.last = max(time, self.last)
        self.weight = self.weight * factor + 1.0
        self.linear = self.linear * factor + value
        self.squared = self.squared * factor + value**2

    def mean(self) -> float:
        """Return the mean of what is remembered."""
        return self.linear / self.weight if self.weight else 0.0

    def variance(self) -> float:
        """Return the spread, never negative."""
        return abs(self.squared / self.weight - self.mean() ** 2) if self.weight else 0.0


@dataclass
class SlowPair:
    """Both directions of a channel or socket for one decay factor."""

    decay: float
    streams: dict[Hashable, SlowStream] = field(default_factory=dict)
    residuals: dict[Hashable, float] = field(default_factory=dict)
    last: float = 0.0
    product: float = 0.0
    count: float = 0.0

    def insert(self, own: Hashable, other: Hashable, time: float, size: float) -> None:
        """Fade to the time, then add one value."""
        for side in (own, other):
            self.streams.setdefault(side, SlowStream(self.decay))
            self.residuals.setdefault(side, 0.0)
        self.streams[own].insert(time, size)
        factor = 2.0 ** (-self.decay * max(time - self.last, 0.0))
        self.last = max(time, self.last)
        residual = size - self.streams[own].mean()
        self.residuals[other] *= factor
        self.product = self.product * factor + residual * self.residuals[other]
        self.count = self.count * factor + 1.0
        self.residuals[own] = residual

    def row(self, own: Hashable, other: Hashable) -> list[float]:
        """Return the seven statistics of a direction."""
        a, b = self.streams[own], self.streams[other]
        covariance = self.product / self.count
        spread = math.sqrt(a.variance()) * math.sqrt(b.variance())
        return [
            a.weight,
            a.mean(),
            math.sqrt(a.variance()),
            math.hypot(a.mean(), b.mean()),
            math.hypot(a.variance(), b.variance()),
            covariance,
            covariance / spread if spread else 0.0,
        ]


def slow_rows(batch: Packets) -> Rows:
    """Return the features of the recorded packets, one dictionary look-up after the other."""
    one_way, jitter, pairs = {}, {}, {}
    rows = []
    for packet in batch:
        time, size = float(packet["time"]), float(packet["size"])
        source, target = int(packet["source"]), int(packet["target"])
        here = (source, int(packet["source_port"]))
        there = (target, int(packet["target_port"]))
        row = []
        for key in (("mac", int(packet["mac"]), source), ("host", source)):
            for decay in DECAYS:
                stream = one_way.setdefault((key, decay), SlowStream(decay))
                stream.insert(time, size)
                row += [stream.weight, stream.mean(), stream.variance()]
        for own, other in ((source, target), (here, there)):
            for decay in DECAYS:
                key = (min(own, other), max(own, other), decay)
                pair = pairs.setdefault(key, SlowPair(decay))
                pair.insert(own, other, time, size)
                row += pair.row(own, other)
            if own == source:
                for decay in DECAYS:
                    stream = jitter.setdefault((source, target, decay), SlowStream(decay))
                    stream.insert(time, max(time - stream.last, 0.0))
                    row += [stream.weight, stream.mean(), stream.variance()]
        if packet["flags"] & RECORDED:
            rows.append(row)
    return np.array(rows).reshape(-1, len(SOURCE_FEATURES))


def columns(*words: str) -> list[int]:
    """Return the positions of the features whose names hold every word."""
    return [i for i, name in enumerate(SOURCE_FEATURES) if all(word in name for word in words)]


def random_batch(
    seed: int, n: int, *, start: float = 1000.0, hosts: int = 4, ports: int = 3
) -> Packets:
    """Return packets among few hosts, some of them at the very same time."""
    rng = np.random.default_rng(seed)
    source = rng.integers(0, hosts, n)
    return packets(
        start + np.cumsum(rng.exponential(0.5, n) * (rng.random(n) < 0.9)),
        mac=rng.integers(0, 2, n),
        source=source,
        target=(source + rng.integers(1, hosts, n)) % hosts,
        source_port=rng.integers(0, ports, n),
        target_port=rng.integers(0, ports, n),
        size=rng.integers(60, 1515, n),
        flags=rng.integers(0, 2, n) * RECORDED,
    )


def assert_same(fast: Rows, slow: Rows) -> None:
    """Compare to 1e-9, except where cancellation leaves the definitions no digits.

    A variance is a difference of squares: its error is that of the squares, and a deviation, a
    covariance or a pcc inherits it.
    """
    loose = columns("variance") + columns("std") + columns("radius") + columns("pcc")
    exact = [i for i in range(len(SOURCE_FEATURES)) if i not in set(loose)]
    np.testing.assert_allclose(fast[:, exact], slow[:, exact], rtol=1e-9, atol=1e-9)
    covariance, pcc = columns("_covariance"), columns("_pcc")
    defined = np.abs(slow[:, covariance]) > np.abs(slow[:, pcc])
    np.testing.assert_allclose(fast[:, pcc][defined], slow[:, pcc][defined], rtol=1e-7, atol=1e-9)
    jitter = columns("HH_jit", "variance")
    sizes = [i for i in loose if i not in set(jitter + pcc)]
    np.testing.assert_allclose(fast[:, sizes], slow[:, sizes], rtol=1e-9, atol=1e-4)
    squares = slow[:, columns("HH_jit", "mean")] ** 2 + slow[:, jitter]
    assert (np.abs(fast[:, jitter] - slow[:, jitter]) <= 1e-9 * squares + 1e-12).all()


@settings(max_examples=30)
@given(seed=st.integers(0, 2**32), n=st.integers(1, 120))
def test_kernel_agrees_with_the_slow_reference(seed: int, n: int) -> None:
    """Every statistic of every recorded packet equals the plain definition's."""
    batch = random_batch(seed, n)
    assert_same(AfterImage().rows(batch), slow_rows(batch))


def test_rates_are_the_decays_of_the_column_names() -> None:
    """The decay factors stand in file order."""
    assert tuple(RATES) == DECAYS


def test_first_packet_of_everything() -> None:
    """A new channel has weights 1, the size as mean, no variance, and the clock as jitter mean."""
    one = packets(
        1_505_913_000.25,
        mac=1,
        source=1,
        target=2,
        source_port=5,
        target_port=80,
        size=60,
        flags=RECORDED,
    )
    row = AfterImage().rows(one)[0]
    assert set(row[columns("weight")]) == {1.0}
    assert set(row[columns("HH_jit", "mean")]) == {1_505_913_000.25}
    for statistic in ("variance", "std", "radius", "covariance", "pcc"):
        assert set(row[columns(statistic)]) == {0.0}
    assert set(row[columns("magnitude")]) == {60.0}


def test_two_packets_by_hand() -> None:
    """After one second, decay 1 halves the past: weight 1.5, mean (60 / 2 + 90) / 1.5."""
    two = packets(
        [1000.0, 1001.0],
        mac=1,
        source=1,
        target=2,
        source_port=5,
        target_port=80,
        size=[60, 90],
        flags=RECORDED,
    )
    row = dict(zip(SOURCE_FEATURES, AfterImage().rows(two)[1], strict=True))
    assert row["H_L1_weight"] == pytest.approx(1.5)
    assert row["HH_L1_mean"] == pytest.approx(80.0)
    assert row["MI_dir_L1_variance"] == pytest.approx((3600 / 2 + 8100) / 1.5 - 6400)
    # The first gap, from the epoch to 1000 s, has faded to half when the second, 1 s, comes.
    assert row["HH_jit_L1_mean"] == pytest.approx((1000.0 / 2 + 1.0) / 1.5)


def test_a_reply_shows_in_magnitude_and_radius_of_the_next_packet() -> None:
    """Replies are no rows, but magnitude and radius hold both directions."""
    batch = packets(
        [1000.0, 1000.1, 1000.2],
        mac=[1, 0, 1],
        source=[1, 2, 1],
        target=[2, 1, 2],
        source_port=[5, 80, 5],
        target_port=[80, 5, 80],
        size=[60, 80, 60],
        flags=[RECORDED, 0, RECORDED],
    )
    rows = AfterImage().rows(batch)
    assert rows.shape == (2, len(SOURCE_FEATURES))
    assert rows[1, columns("magnitude")] == pytest.approx(100.0)


@settings(max_examples=15)
@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(0, 200), max_size=4))
def test_rows_do_not_depend_on_how_the_capture_is_cut(seed: int, cuts: list[int]) -> None:
    """Feeding a capture in pieces gives bit for bit the rows of feeding it whole."""
    batch = random_batch(seed, 200)
    statistics = AfterImage()
    pieces = [statistics.rows(piece) for piece in np.split(batch, sorted(cuts))]
    np.testing.assert_array_equal(np.concatenate(pieces), AfterImage().rows(batch))


def test_tables_grow_without_forgetting(monkeypatch: pytest.MonkeyPatch) -> None:
    """More streams than the tables first hold change nothing."""
    batch = random_batch(3, 6000, hosts=3000, ports=60000)
    whole = AfterImage().rows(batch)
    monkeypatch.setattr(afterimage, "_CHUNK", 500)
    np.testing.assert_array_equal(AfterImage().rows(batch), whole)
    assert_same(whole, slow_rows(batch))


def test_lone_flags_change_no_row() -> None:
    """Forgetting streams that never return gives the rows of remembering them."""
    batch = random_batch(7, 400)
    spoofed = random_batch(8, 400, start=float(batch["time"][0]))
    spoofed["source"] = 1000 + np.arange(400)
    spoofed["flags"] = SPOOFED
    spoofed["flags"][::3] &= ~RECORDED
    scanned = random_batch(9, 400, start=float(batch["time"][0]))
    scanned["target"] = 5000 + np.arange(400)
    scanned["flags"] |= LONE_CHANNEL | LONE_SOCKET
    mixed = np.concatenate((batch, spoofed, scanned))
    mixed = mixed[np.argsort(mixed["time"], kind="stable")]
    remembered = mixed.copy()
    remembered["flags"] &= ~(LONE_SOURCE | LONE_CHANNEL | LONE_SOCKET)
    np.testing.assert_array_equal(AfterImage().rows(mixed), AfterImage().rows(remembered))


def test_no_packets_no_rows() -> None:
    """An empty piece of a capture is no special case."""
    assert AfterImage().rows(np.empty(0, dtype=PACKET)).shape == (0, len(SOURCE_FEATURES))
