"""Intervals, against SciPy, simulation, and draws that are counted one by one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import roc_auc_score

from iotscore.detect.metrics import roc_auc
from iotscore.evaluation.protocols.file_counts import FileCounts
from iotscore.evaluation.protocols.intervals import UNKNOWN, FileDraws, Interval, rate_interval
from iotscore.evaluation.protocols.sample import Sample, SampleFile

FILES = st.lists(
    st.integers(0, 400).flatmap(lambda rows: st.tuples(st.integers(0, rows), st.just(rows))),
    min_size=1,
    max_size=9,
).filter(lambda files: sum(rows for _, rows in files) > 0)


def arrays(files: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Return hits and rows of each file."""
    hits, rows = (np.array(column, dtype=np.int64) for column in zip(*files, strict=True))
    return hits, rows


@given(FILES, st.floats(0.1, 1e4))
def test_equal_weights_give_the_interval_of_wilson(
    files: list[tuple[int, int]], weight: float
) -> None:
    """SciPy's interval of all rows together, whatever the one weight."""
    hits, rows = arrays(files)
    found = rate_interval(hits, rows, np.full(rows.size, weight))
    expected = binomtest(int(hits.sum()), int(rows.sum())).proportion_ci(method="wilson")
    assert found == pytest.approx((expected.low, expected.high), abs=1e-12)


@given(FILES, st.randoms(use_true_random=False))
def test_other_weights_give_an_interval_about_the_share(
    files: list[tuple[int, int]], random: np.random.Generator
) -> None:
    """It holds the weighted share, lies within [0, 1], and is never a point."""
    hits, rows = arrays(files)
    weights = np.array([random.uniform(0.1, 1000.0) for _ in files])
    low, high = rate_interval(hits, rows, weights)
    share = (weights * hits).sum() / (weights * rows).sum()
    assert low is not None
    assert high is not None
    assert 0.0 <= low <= share + 1e-12
    assert share - 1e-12 <= high <= 1.0
    assert low < high


def test_the_formula_of_unequal_weights() -> None:
    """Two files worked out by hand: shares 3/4 and 1/4, smoothed rates 2.5/11 and 19.5/21."""
    hits, rows, weights = np.array([2, 19]), np.array([10, 20]), np.array([6.0, 1.0])
    smooth = np.array([2.5 / 11, 19.5 / 21])
    variance = 0.75**2 * smooth[0] * (1 - smooth[0]) / 10
    variance += 0.25**2 * smooth[1] * (1 - smooth[1]) / 20
    mean = 0.75 * smooth[0] + 0.25 * smooth[1]
    trials = mean * (1 - mean) / variance
    share, z = 0.75 * 0.2 + 0.25 * 0.95, 1.959963984540054
    # Wilson's bounds are the roots of (p - share)^2 = z^2 p (1 - p) / n.
    roots = np.roots([1 + z**2 / trials, -2 * share - z**2 / trials, share**2])
    assert rate_interval(hits, rows, weights) == pytest.approx(tuple(np.sort(roots)))


def test_one_file_is_as_sure_as_its_rows() -> None:
    """A file beside one that hardly counts has the interval of Wilson, at 0 and at 1 too."""
    for hits in (0, 7, 50):
        found = rate_interval(np.array([hits, 1]), np.array([50, 2]), np.array([1.0, 1e-12]))
        expected = binomtest(hits, 50).proportion_ci(method="wilson")
        assert found == pytest.approx((expected.low, expected.high), abs=1e-6)


@pytest.mark.parametrize(
    ("rates", "least"),
    [
        ((0.05, 0.01, 0.2), 0.94),
        ((1.0, 0.0, 0.5), 0.94),
        ((0.99, 1.0, 0.998), 0.94),
        # With 0.13 hits expected Wilson's own interval covers 0.875: one hit is then too many.
        ((0.001, 0.002, 0.0), 0.87),
    ],
)
def test_the_interval_covers(rates: tuple[float, ...], least: float) -> None:
    """Of 2,000 samples that share gives an interval that holds the truth."""
    random = np.random.default_rng(7)
    rows, weights = np.array([133, 133, 400]), np.array([438.0, 33.0, 97.0])
    truth = np.average(rates, weights=rows * weights)
    held = 0
    for hits in random.binomial(rows, rates, size=(2000, 3)):
        low, high = rate_interval(hits, rows, weights)
        assert low is not None
        assert high is not None
        held += low - 1e-12 <= truth <= high + 1e-12
    assert held / 2000 >= least


def test_no_rows_no_interval() -> None:
    """Files without rows do not count; without any row nothing is known."""
    none, some = np.zeros(2, dtype=np.int64), np.array([0, 40])
    assert rate_interval(none, none, np.array([1.0, 2.0])) == UNKNOWN
    alone = rate_interval(np.array([0, 3]), some, np.array([9.0, 2.0]))
    assert alone == rate_interval(np.array([3]), np.array([40]), np.array([1.0]))


def files_of(kinds: list[str], weights: list[float]) -> tuple[SampleFile, ...]:
    """Return files of 30 lines: ``benign``, or an attack of mirai."""
    return tuple(
        SampleFile(
            source_file=f"{place}.csv",
            device_id=place,
            device=f"device {place}",
            family="benign" if kind == "benign" else "mirai",
            attack=None if kind == "benign" else kind,
            rows=30,
            weight=weight,
        )
        for place, (kind, weight) in enumerate(zip(kinds, weights, strict=True))
    )


KINDS = ["benign", "scan", "benign", "scan", "syn", "benign", "scan"]
WEIGHTS = [1.0, 2.0, 30.0, 4.0, 5.5, 6.0, 70.0]


def test_files_are_drawn_within_their_strata() -> None:
    """Each draw has as many benign files, and as many of each attack, as there are."""
    files = files_of(KINDS, WEIGHTS)
    draws = FileDraws.of_files(files, 500, 3)
    assert draws.counts.shape == (500, 7)
    for kind, size in (("benign", 3), ("scan", 3), ("syn", 1)):
        places = [place for place, one in enumerate(KINDS) if one == kind]
        assert (draws.counts[:, places].sum(axis=1) == size).all()
        assert draws.counts[:, places].mean() == pytest.approx(1.0)
    assert (draws.counts == FileDraws.of_files(files, 500, 3).counts).all()
    assert (draws.counts != FileDraws.of_files(files, 500, 4).counts).any()


def scored_files() -> tuple[Sample, np.ndarray]:
    """Return a sample of one feature that is its score, with ties."""
    files = files_of(KINDS, WEIGHTS)
    file_index, row_no = np.repeat(np.arange(7), 30), np.tile(np.arange(1, 31), 7)
    random = np.random.default_rng(5)
    scores = np.round(random.normal(size=210) + 0.8 * (file_index % 2) + 0.2 * file_index, 1)
    return Sample(scores[:, None], ("score",), file_index, row_no, files), scores


def test_areas_of_pairs_of_files_add_up() -> None:
    """Each pair has scikit-learn's area; their weighted mean is the weighted area of all."""
    sample, scores = scored_files()
    by_file = FileCounts(sample, np.arange(210), scores)
    areas = by_file.areas()
    attacks, benign = np.flatnonzero(by_file.is_attack), np.flatnonzero(~by_file.is_attack)
    for row, attack in enumerate(attacks):
        for column, other in enumerate(benign):
            pair = np.isin(sample.file_index, [attack, other])
            truth = sample.file_index[pair] == attack
            assert areas[row, column] == pytest.approx(roc_auc_score(truth, scores[pair]))
    weight = np.outer(by_file.totals[attacks], by_file.totals[benign])
    of_row = np.array(WEIGHTS)[sample.file_index]
    expected = roc_auc_score(sample.is_attack, scores, sample_weight=of_row)
    assert (areas * weight).sum() / weight.sum() == pytest.approx(expected)
    assert roc_auc(by_file.counts(np.ones(7, dtype=bool))).value == pytest.approx(expected)


def test_draws_of_files_are_those_of_the_slow_way() -> None:
    """Each draw's rate and area are those of the rows of the drawn files, weighted."""
    sample, scores = scored_files()
    by_file = FileCounts(sample, np.arange(210), scores)
    draws = FileDraws.of_files(sample.files, 60, 11)
    rates = by_file.hits(np.full(7, 1.0)) / by_file.rows
    everything, attacks = np.ones(7, dtype=bool), by_file.is_attack
    slow_rates, slow_areas = [], []
    for counts in draws.counts:
        weights = (np.array(WEIGHTS) * counts)[sample.file_index]
        flagged, of_attacks = scores > 1.0, sample.is_attack
        slow_rates.append(np.average(flagged[of_attacks], weights=weights[of_attacks]))
        slow_areas.append(roc_auc_score(of_attacks, scores, sample_weight=weights))
    tails = [0.025, 0.975]
    found = draws.rate_interval(rates, by_file.totals, attacks)
    assert found == pytest.approx(np.quantile(slow_rates, tails))
    found = draws.area_interval(by_file.areas(), by_file.totals, attacks, everything)
    assert found == pytest.approx(np.quantile(slow_areas, tails))


def test_one_file_says_nothing_about_others() -> None:
    """With one file of a class, or one that has no rows beside it, there is no interval."""
    draws = FileDraws(np.array([[1, 1, 1], [2, 0, 1]]))
    rates, totals = np.array([0.1, 0.2, 0.3]), np.array([1.0, 1.0, 1.0])
    benign = np.array([True, True, False])
    assert draws.rate_interval(rates, totals, benign) == pytest.approx(Interval(0.10125, 0.14875))
    assert draws.rate_interval(rates, totals, ~benign) == UNKNOWN
    assert draws.rate_interval(rates, np.array([1.0, 0.0, 1.0]), benign) == UNKNOWN
    areas = np.array([[0.5, 0.6]])
    assert draws.area_interval(areas, totals, ~benign, np.ones(3, dtype=bool)) == UNKNOWN
