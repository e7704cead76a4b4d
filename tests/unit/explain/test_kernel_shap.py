"""Kernel SHAP of the autoencoder: brute force over coalitions, the time kept, nothing disturbed."""

from __future__ import annotations

from itertools import combinations
from math import comb
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from iotscore.detect.detectors._network import Network
from iotscore.detect.model import Model
from iotscore.detect.scaling import MinMaxScaler, SignedLogScaler
from iotscore.errors import InputError, ModelError
from iotscore.explain.kernel_shap import KernelValues, ShapOptions, explain_score, interleaved
from product import autoencoder, forest

if TYPE_CHECKING:
    from iotscore.detect.detector import FloatArray
    from iotscore.detect.scaling import Scaler

N, UNITS = 7, 3
OPTIONS = ShapOptions(5, 2000, 1000.0, 1, 1)


def features(rows: int, seed: int) -> FloatArray:
    """Return unscaled rows of several orders of magnitude."""
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, 50.0, (rows, N)) * 10.0 ** np.arange(N)


def network() -> Network:
    """Return a small autoencoder with random weights."""
    rng = np.random.default_rng(0)
    shapes = ((N, 3 * UNITS), (3 * UNITS,), (UNITS, 3 * N), (3 * N,), (N, N), (N,))
    return Network(*(rng.normal(0, 0.7, shape).astype(np.float32) for shape in shapes))


def model_with(scaler: Scaler) -> Model:
    """Return a model that consists of the autoencoder."""
    detector = autoencoder(units=UNITS, state_=network())
    names = tuple("abcdefg")
    return Model(scaler.fit(features(50, 9)), {"lstm": detector}, {"lstm": 1.0}, {}, {}, names)


@pytest.fixture(scope="module")
def model() -> Model:
    """Return a model that clips nothing."""
    return model_with(MinMaxScaler("keep", 0.0))


def explain(
    model: Model, n_rows: int, options: ShapOptions = OPTIONS, seed: int = 42
) -> KernelValues:
    """Explain made-up rows, every third of them an attack."""
    return explain_score(
        model, features(40, 1), features(n_rows, 2), np.arange(n_rows) % 3 == 0, options, seed
    )


def shapley(model: Model, background: FloatArray, row: FloatArray) -> FloatArray:
    """Return Shapley values of the score of unscaled rows, from their definition."""

    def paid(coalition: tuple[int, ...]) -> float:
        mixed = background.copy()
        mixed[:, list(coalition)] = row[list(coalition)]
        return float(model.raw_scores(mixed)["lstm"].mean())

    values = np.zeros(row.size)
    for player in range(row.size):
        rest = [each for each in range(row.size) if each != player]
        for size in range(row.size):
            weight = 1.0 / (row.size * comb(row.size - 1, size))
            for others in combinations(rest, size):
                values[player] += weight * (paid((*others, player)) - paid(others))
    return values


@pytest.mark.parametrize(
    "scaler", [MinMaxScaler("keep", 0.0), MinMaxScaler("clip", 0.0), SignedLogScaler(2.0)]
)
def test_brute_force_over_unscaled_coalitions(scaler: Scaler) -> None:
    """With every coalition tried the values are exact, and those of the unscaled features."""
    model = model_with(scaler)
    # As many clusters as rows: the summary is the rows themselves.
    background, rows = features(5, 3), 3.0 * features(2, 4)
    found = explain_score(model, background, rows, np.array([True, False]), OPTIONS, 42)
    assert found.instances.tolist() == [1, 0]
    expected = [shapley(model, background, rows[place]) for place in found.instances]
    scores = model.raw_scores(rows)["lstm"]
    assert found.values == pytest.approx(np.array(expected), rel=1e-4, abs=1e-5 * scores.max())
    assert found.scores.tolist() == scores[found.instances].tolist()
    assert found.base == pytest.approx(model.raw_scores(background)["lstm"].mean())


def test_values_sum_to_score_less_base(model: Model) -> None:
    """However few coalitions are tried, and whatever the background is summarised to."""
    found = explain(model, 12, ShapOptions(3, 40, 1000.0, 1, 1), seed=1)
    assert sorted(found.instances.tolist()) == list(range(12))
    assert found.base + found.values.sum(axis=1) == pytest.approx(found.scores, abs=1e-8)


def test_the_same_seed_gives_the_same_values(model: Model) -> None:
    """Bit for bit, from any random state, which is left as it was; another seed, other values."""
    few = ShapOptions(5, 60, 1000.0, 1, 1)
    np.random.seed(7)  # noqa: NPY002 shap draws from it
    first = explain(model, 6, few)
    after = np.random.random()  # noqa: NPY002
    second = explain(model, 6, few)
    np.random.seed(7)  # noqa: NPY002
    assert np.random.random() == after  # noqa: NPY002
    assert first.values.tobytes() == second.values.tobytes()
    assert first.instances.tolist() == second.instances.tolist()
    other = explain(model, 6, ShapOptions(5, 60, 1000.0, 1, 1), seed=43)
    place, instead = np.argsort(first.instances), np.argsort(other.instances)
    assert not np.array_equal(first.values[place], other.values[instead])


class Clock:
    """Tell a time that passes as it is told: ``begin`` seconds, then so many per instance."""

    def __init__(self, begin: float, durations: list[float]) -> None:
        self.now = 0.0
        self._steps = iter([begin, *(step for each in durations for step in (each, 0.0))])

    def __call__(self) -> float:
        """Return the time; the next call is later."""
        now = self.now
        self.now += next(self._steps, 0.0)
        return now


@pytest.mark.parametrize(
    ("begin", "durations", "explained"),
    [
        (1.0, [2.0] * 8, 4),  # the fifth would end at 11
        (1.0, [2.0, 5.0, 1.0, 1.0], 2),  # the third might take 5 again
        (0.0, [2.0] * 8, 5),  # just in time
        (11.0, [1.0] * 8, 0),  # what goes before took too long
        (0.0, [0.1] * 8, 8),  # no more instances
    ],
)
def test_time_is_kept(model: Model, begin: float, durations: list[float], explained: int) -> None:
    """Nothing is begun that would end after 10 seconds, and what is done is told and kept."""
    told: list[int] = []
    options = ShapOptions(5, 60, 10.0, 1, 1)
    is_attack = np.arange(8) < 4
    found = explain_score(
        model,
        features(40, 1),
        features(8, 2),
        is_attack,
        options,
        42,
        told.append,
        Clock(begin, durations),
    )
    assert told == list(range(1, explained + 1))
    assert found.instances.size == len(found.values) == len(found.scores) == explained
    assert abs(int(is_attack[found.instances].sum()) * 2 - explained) <= 1


def test_a_cut_keeps_what_was_done(model: Model) -> None:
    """The first instances have the same values, whether or not others follow."""
    options = ShapOptions(5, 60, 10.0, 1, 1)
    arguments = (model, features(40, 1), features(8, 2), np.arange(8) < 4, options, 42)
    whole = explain_score(*arguments, clock=Clock(0.0, [0.1] * 8))
    cut = explain_score(*arguments, clock=Clock(0.0, [3.0] * 8))
    assert cut.instances.tolist() == whole.instances[:3].tolist()
    assert cut.values.tobytes() == whole.values[:3].tobytes()


@given(kinds=st.lists(st.booleans(), max_size=60), seed=st.integers(0, 2**32 - 1))
def test_both_kinds_take_turns(kinds: list[bool], seed: int) -> None:
    """Every instance once; wherever one stops, both kinds are as far, to an instance."""
    is_attack = np.array(kinds, dtype=bool)
    order = interleaved(is_attack, seed)
    assert sorted(order.tolist()) == list(range(len(kinds)))
    assert order.tolist() == interleaved(is_attack, seed).tolist()
    for kind in (False, True):
        so_far = np.cumsum(is_attack[order] == kind)
        fair = np.arange(1, len(kinds) + 1) * (so_far[-1] / len(kinds) if kinds else 0.0)
        assert np.abs(so_far - fair).max(initial=0.0) <= 1.0


def test_equal_background_rows_are_one(model: Model) -> None:
    """There are no more clusters than different rows, and no warning."""
    background = np.repeat(features(2, 1), 20, axis=0)
    found = explain_score(model, background, features(1, 2), np.array([True]), OPTIONS, 42)
    assert found.base == pytest.approx(model.raw_scores(background)["lstm"].mean())


def test_what_cannot_be_explained_is_refused(model: Model) -> None:
    """No autoencoder, no background, other columns: each is told."""
    rows, kind = features(2, 2), np.array([True, False])
    fitted = forest(n_estimators=2).fit(np.zeros((4, N), dtype=np.float32))
    without = Model(
        model.scaler, {"iforest": fitted}, {"iforest": 1.0}, {}, {}, features=model.features
    )
    with pytest.raises(ModelError, match="has the detectors \\['iforest'\\] and no lstm"):
        explain_score(without, rows, rows, kind, OPTIONS, 42)
    with pytest.raises(InputError, match="no benign background rows"):
        explain_score(model, rows[:0], rows, kind, OPTIONS, 42)
    with pytest.raises(ModelError, match="needs 7 columns"):
        explain_score(model, rows, rows[:, :5], kind, OPTIONS, 42)
