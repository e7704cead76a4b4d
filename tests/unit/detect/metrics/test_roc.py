"""Curves, areas and thresholds from counts: scikit-learn's figures, and bounds that hold."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from iotscore.detect.metrics import (
    Confusion,
    ScoreCounts,
    average_precision,
    confusion_at,
    roc_auc,
    roc_points,
    youden_threshold,
)

# Few distinct values, so that ties are the rule; and some that are not.
SCORE = st.integers(-3, 3).map(float) | st.floats(-10, 10)
ROWS = st.lists(st.tuples(SCORE, st.booleans()), min_size=1, max_size=60)


def split(rows: list[tuple[float, bool]]) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and labels of rows."""
    return np.array([score for score, _ in rows]), np.array([label for _, label in rows])


def confusion_of(scores: np.ndarray, labels: np.ndarray, threshold: float) -> Confusion:
    """Return scikit-learn's counts of ``score > threshold``."""
    counts = sk.confusion_matrix(labels, scores > threshold, labels=[False, True])
    (tn, fp), (fn, tp) = counts.tolist()
    return Confusion(tp=tp, fp=fp, tn=tn, fn=fn)


def binned(scores: np.ndarray, labels: np.ndarray, width: float) -> ScoreCounts:
    """Return counts over bins of a width, as a distributed count would give them."""
    ids = np.floor(scores / width).astype(np.int64)
    bins = np.unique(ids)
    return ScoreCounts(
        low=np.array([scores[ids == one].min() for one in bins]),
        high=np.array([scores[ids == one].max() for one in bins]),
        negatives=np.array([np.sum(~labels[ids == one]) for one in bins]),
        positives=np.array([np.sum(labels[ids == one]) for one in bins]),
    )


@given(ROWS)
def test_areas_are_those_of_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    """On counts per distinct score both areas are exact, ties included, and say so."""
    scores, labels = split(rows)
    counts = ScoreCounts.from_scores(scores, labels)
    if labels.all() or not labels.any():
        assert roc_auc(counts) == (None, None)
    else:
        area, bound = roc_auc(counts)
        assert area == pytest.approx(sk.roc_auc_score(labels, scores), abs=1e-12)
        assert bound == 0.0
    if labels.any():
        precision, bound = average_precision(counts)
        assert precision == pytest.approx(sk.average_precision_score(labels, scores), abs=1e-12)
        assert bound == 0.0
    else:
        assert average_precision(counts) == (None, None)


@settings(max_examples=300)
@given(ROWS, st.sampled_from([0.5, 2.0, 7.0, 40.0]))
def test_error_bounds_hold(rows: list[tuple[float, bool]], width: float) -> None:
    """On bins of several scores, the exact areas are within the stated bounds."""
    scores, labels = split(rows)
    counts = binned(scores, labels, width)
    if labels.any() and not labels.all():
        area, bound = roc_auc(counts)
        assert abs(area - sk.roc_auc_score(labels, scores)) <= bound + 1e-12
    if labels.any():
        precision, bound = average_precision(counts)
        exact = sk.average_precision_score(labels, scores)
        assert abs(precision - exact) <= bound + 1e-12


def test_bound_of_the_area_is_reached() -> None:
    """One bin of two scores could hold them in either order: 0.5 +- 0.5 is the best to say."""
    counts = ScoreCounts([0.0], [1.0], [3], [2])
    assert roc_auc(counts) == (0.5, 0.5)


@given(ROWS)
def test_youden_threshold_is_the_best_of_all(rows: list[tuple[float, bool]]) -> None:
    """No other threshold has a larger TPR - FPR; scikit-learn's curve peaks at the same flags."""
    scores, labels = split(rows)
    threshold = youden_threshold(ScoreCounts.from_scores(scores, labels))
    if labels.all() or not labels.any():
        assert threshold is None
        return
    flags = scores > threshold
    fpr, tpr, cuts = sk.roc_curve(labels, scores, drop_intermediate=False)
    gains = tpr - fpr
    assert flags[labels].mean() - flags[~labels].mean() == pytest.approx(gains.max(), abs=1e-12)
    if np.sum(gains > gains.max() - 1e-9) == 1:
        assert np.array_equal(flags, scores >= cuts[gains.argmax()])


def test_ties_of_youden_go_to_the_lower_fpr() -> None:
    """Flagging one attack more at the price of one benign record of two is no gain."""
    counts = ScoreCounts.from_scores(np.array([4.0, 3, 2, 1]), np.array([1, 0, 1, 0]))
    assert youden_threshold(counts) == 3.0
    worthless = ScoreCounts.from_scores(np.array([1.0, 1, 2, 2]), np.array([0, 1, 0, 1]))
    assert youden_threshold(worthless) == 2.0


@given(ROWS, st.integers(3, 12))
def test_points_are_a_thinned_curve(rows: list[tuple[float, bool]], max_points: int) -> None:
    """Points lie on scikit-learn's curve, keep corners and Youden point, and fit their flags."""
    scores, labels = split(rows)
    assume(labels.any() and not labels.all())
    counts = ScoreCounts.from_scores(scores, labels)
    points = roc_points(counts, max_points)
    assert len(points.fpr) <= max_points
    assert (points.fpr[0], points.tpr[0]) == (0.0, 0.0)
    assert (points.fpr[-1], points.tpr[-1]) == (1.0, 1.0)
    assert youden_threshold(counts) in points.threshold
    assert np.isfinite(points.threshold).all()
    assert (np.diff(points.threshold) < 0).all()
    for fpr, tpr, threshold in zip(*points, strict=True):
        flags = scores > threshold
        assert (flags[~labels].mean(), flags[labels].mean()) == pytest.approx((fpr, tpr))


def test_a_whole_curve_is_that_of_scikit_learn() -> None:
    """With room for all points nothing is left out."""
    rng = np.random.default_rng(0)
    scores, labels = rng.integers(0, 40, 500) / 8, rng.random(500) < 0.3
    points = roc_points(ScoreCounts.from_scores(scores, labels), 1000)
    fpr, tpr, _ = sk.roc_curve(labels, scores, drop_intermediate=False)
    assert points.fpr == pytest.approx(fpr)
    assert points.tpr == pytest.approx(tpr)


@given(ROWS, st.sampled_from([0.5, 2.0, 7.0]))
def test_points_never_cut_a_bin(rows: list[tuple[float, bool]], width: float) -> None:
    """Thresholds of a curve over bins lie between bins: the flags there give the point exactly."""
    scores, labels = split(rows)
    assume(labels.any() and not labels.all())
    counts = binned(scores, labels, width)
    for fpr, tpr, threshold in zip(*roc_points(counts, 100), strict=True):
        exact = confusion_of(scores, labels, threshold)
        assert confusion_at(counts, threshold) == exact
        assert (exact.fpr, exact.recall_attack) == (fpr, tpr)


def test_curves_need_both_classes_and_room() -> None:
    """A single class has no curve; fewer than three points are refused."""
    counts = ScoreCounts.from_scores(np.ones(3), np.ones(3, dtype=bool))
    assert roc_points(counts, 10) is None
    with pytest.raises(ValueError, match="at least 3"):
        roc_points(counts, 2)
    empty = ScoreCounts.from_scores(np.empty(0), np.empty(0, dtype=bool))
    assert (roc_auc(empty), roc_points(empty, 3)) == ((None, None), None)


@given(ROWS, SCORE)
def test_confusion_from_counts_is_exact(rows: list[tuple[float, bool]], threshold: float) -> None:
    """Counts per distinct score give the confusion of the rows at any threshold."""
    scores, labels = split(rows)
    counts = ScoreCounts.from_scores(scores, labels)
    assert confusion_at(counts, threshold) == confusion_of(scores, labels, threshold)


def test_confusion_at_a_threshold_inside_a_bin() -> None:
    """The bin that is cut counts as not flagged."""
    counts = ScoreCounts([0.0, 2.0], [1.0, 3.0], [5, 1], [2, 4])
    assert confusion_at(counts, 2.5) == Confusion(tp=0, fp=0, tn=6, fn=6)
    assert confusion_at(counts, 1.0) == Confusion(tp=4, fp=1, tn=5, fn=2)


@pytest.mark.parametrize(
    ("counts", "fault"),
    [
        (([0.0, 1.0], [0.5], [1], [1]), "one length"),
        (([0.0, 0.5], [1.0, 2.0], [1, 1], [1, 1]), "not overlap"),
        (([1.0], [0.0], [1], [1]), "not overlap"),
        (([np.nan], [np.nan], [1], [1]), "finite"),
        (([0.0], [0.0], [-1], [1]), "0 or more"),
    ],
)
def test_counts_that_make_no_sense_are_refused(counts: tuple[list[float], ...], fault: str) -> None:
    """Crossed bins, NaN and negative counts are errors, not strange areas."""
    with pytest.raises(ValueError, match=fault):
        ScoreCounts(*counts)
