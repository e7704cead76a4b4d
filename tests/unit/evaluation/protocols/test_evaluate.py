"""Figures of whole protocols with a small real detector, against scikit-learn and plain NumPy."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn import metrics as sk

from distance_protocol import (
    ONE_SET,
    SAMPLE,
    chosen,
    expected_rounds,
    fit_distance,
    run_of,
    weights_of,
)
from iotscore.errors import ConfigError
from iotscore.evaluation.protocols.baseline import FLAG_EVERYTHING, LINEAR
from iotscore.evaluation.protocols.evaluate import evaluate
from iotscore.warehouse.figure_columns import PROTOCOL_COLUMNS, PROTOCOL_KEY

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.config import Settings

    Row = dict[str, Any]


@pytest.mark.parametrize("protocol", ["chronological", "leave_one_device_out"])
@pytest.mark.parametrize("name", ["lstm", "iforest", "hybrid"])
@pytest.mark.parametrize("budget", [0.01, 0.05])
def test_figures_are_those_of_the_rows(
    results: dict[str, list[Row]], protocol: str, name: str, budget: float
) -> None:
    """Areas, rates, means and worst ones of all rows are those of scikit-learn and NumPy."""
    rounds = expected_rounds(protocol)
    rows = np.concatenate([one[0] for one in rounds])
    scores = np.concatenate([one[1][name] for one in rounds])
    flags = np.concatenate([one[1][name] > one[2].threshold(name, budget) for one in rounds])
    attacks, weights = SAMPLE.is_attack[rows], weights_of(rows)
    row = chosen(results[protocol], feature_set="all", detector=name, scope="all", budget=budget)
    assert (row["n_benign"], row["n_attack"]) == ((~attacks).sum(), attacks.sum())
    assert (row["uses_labels"], row["tested_on_training"]) == (False, False)
    assert row["weighting"] == "file_weights"
    assert row["roc_auc"] == pytest.approx(sk.roc_auc_score(attacks, scores, sample_weight=weights))
    assert row["average_precision"] == pytest.approx(
        sk.average_precision_score(attacks, scores, sample_weight=weights)
    )
    assert row["tpr"] == pytest.approx(np.average(flags[attacks], weights=weights[attacks]))
    assert row["fpr"] == pytest.approx(np.average(flags[~attacks], weights=weights[~attacks]))
    assert row["precision_attack"] == pytest.approx(
        sk.precision_score(attacks, flags, sample_weight=weights)
    )
    fpr, tpr, _ = sk.roc_curve(attacks, scores, sample_weight=weights, drop_intermediate=False)
    assert row["fpr_at_tpr_999"] == pytest.approx(fpr[tpr >= 0.999 - 1e-12].min(), abs=1e-12)
    of_file = {
        SAMPLE.files[place].source_file: flags[SAMPLE.file_index[rows] == place].mean()
        for place in np.unique(SAMPLE.file_index[rows])
    }
    of_attacks = {path: rate for path, rate in of_file.items() if "benign" not in path}
    of_benign = {path: rate for path, rate in of_file.items() if "benign" in path}
    assert row["macro_tpr_files"] == pytest.approx(np.mean(list(of_attacks.values())))
    assert row["macro_fpr_devices"] == pytest.approx(np.mean(list(of_benign.values())))
    assert row["worst_attack_file_tpr"] == min(of_attacks.values())
    assert of_attacks[row["worst_attack_file"]] == row["worst_attack_file_tpr"]
    assert row["worst_device_fpr"] == pytest.approx(max(of_benign.values()))
    assert of_benign[f"{row['worst_device'][-1]}.benign.None.csv"] == row["worst_device_fpr"]
    assert row["tpr_low"] <= row["tpr"] <= row["tpr_high"]
    assert row["fpr_files_low"] <= row["fpr"] <= row["fpr_files_high"]
    assert row["roc_auc_files_low"] <= row["roc_auc"] <= row["roc_auc_files_high"]


pytestmark = pytest.mark.xdist_group("protocols")  # for the fixture ``results``


@pytest.mark.parametrize("protocol", ["chronological", "leave_one_device_out"])
def test_figures_of_a_device(results: dict[str, list[Row]], protocol: str) -> None:
    """Each device has its own area and, with one benign file, Wilson's interval; areas average."""
    rounds = expected_rounds(protocol)
    rows = np.concatenate([one[0] for one in rounds])
    scores = np.concatenate([one[1]["lstm"] for one in rounds])
    flags = np.concatenate([one[1]["lstm"] > one[2].threshold("lstm", 0.05) for one in rounds])
    areas, caught = [], []
    for device in (1, 2, 3):
        mine = SAMPLE.device_ids[rows] == device
        attacks, weights = SAMPLE.is_attack[rows[mine]], weights_of(rows[mine])
        row = chosen(
            results[protocol],
            feature_set="all",
            detector="lstm",
            scope="device",
            scope_value=f"device {device}",
            budget=0.05,
        )
        areas.append(sk.roc_auc_score(attacks, scores[mine], sample_weight=weights))
        caught.append(np.average(flags[mine][attacks], weights=weights[attacks]))
        assert row["roc_auc"] == pytest.approx(areas[-1])
        alarms = flags[mine][~attacks]
        wilson = binomtest(int(alarms.sum()), alarms.size).proportion_ci(method="wilson")
        assert (row["fpr_low"], row["fpr_high"]) == pytest.approx((wilson.low, wilson.high))
        assert row["fpr_files_low"] is None
        assert row["tpr_files_low"] is None
        (level,) = {
            one[2].threshold("lstm", 0.05)
            for one in rounds
            if (SAMPLE.device_ids[one[0]] == device).any()
        }
        assert row["threshold"] == level
    whole = chosen(results[protocol], feature_set="all", detector="lstm", scope="all", budget=0.05)
    assert whole["macro_roc_auc_devices"] == pytest.approx(np.mean(areas))
    assert whole["macro_tpr_devices"] == pytest.approx(np.mean(caught))
    assert (whole["threshold"] is None) == (protocol == "leave_one_device_out")


def test_an_attack_file_is_compared_with_its_device(results: dict[str, list[Row]]) -> None:
    """Its row has the rate of its own rows and the benign rows of its device."""
    (rows, scores, fitted), *_ = expected_rounds("chronological")
    row = chosen(
        results["chronological"],
        feature_set="all",
        detector="iforest",
        scope="file",
        scope_value="2.mirai.syn.csv",
        budget=0.01,
    )
    mine = np.array([file.source_file == "2.mirai.syn.csv" for file in SAMPLE.files])
    inside = mine[SAMPLE.file_index[rows]]
    beside = (SAMPLE.device_ids[rows] == 2) & ~SAMPLE.is_attack[rows]
    assert (row["n_attack"], row["n_benign"]) == (inside.sum(), beside.sum())
    hits = scores["iforest"][inside] > fitted.threshold("iforest", 0.01)
    assert row["tpr"] == pytest.approx(hits.mean())
    assert row["worst_attack_file"] == "2.mirai.syn.csv"


def test_the_best_threshold_is_marked(results: dict[str, list[Row]]) -> None:
    """Youden's threshold uses labels, beats every other, and no other row says it uses labels."""
    (rows, scores, _), *_ = expected_rounds("chronological")
    attacks, weights = SAMPLE.is_attack[rows], weights_of(rows)
    fpr, tpr, _ = sk.roc_curve(attacks, scores["lstm"], sample_weight=weights)
    row = chosen(
        results["chronological"],
        feature_set="all",
        detector="lstm",
        scope="all",
        threshold_policy="roc_youden",
    )
    assert row["tpr"] - row["fpr"] == pytest.approx((tpr - fpr).max())
    for one in chain(*results.values()):
        with_labels = one["threshold_policy"] in ("roc_youden", "youden_other_families")
        assert one["uses_labels"] == with_labels


def test_flagging_everything_is_measured_too(results: dict[str, list[Row]]) -> None:
    """It catches all and alarms at all: an area of a half, and a precision of the base rate."""
    for rows in results.values():
        for row in (one for one in rows if one["detector"] == FLAG_EVERYTHING):
            assert row["tpr"] in (None, 1.0)
            assert row["fpr"] in (None, 1.0)
            assert row["roc_auc"] in (None, 0.5)
            if row["tpr"] is not None:
                assert row["precision_attack"] == pytest.approx(row["prevalence"])


def test_rows_have_one_form(results: dict[str, list[Row]]) -> None:
    """Every row has all columns, in order, plain values, and a key of its own."""
    rows = list(chain(*results.values()))
    assert len({tuple(row[column] for column in PROTOCOL_KEY) for row in rows}) == len(rows)
    for row in rows:
        assert tuple(row) == PROTOCOL_COLUMNS
        assert {type(value) for value in row.values()} <= {str, int, float, bool, type(None)}
        assert not any(value != value for value in row.values())  # noqa: PLR0124 NaN alone
    for name, own in results.items():
        detectors = {"lstm", "iforest", "hybrid", LINEAR, FLAG_EVERYTHING}
        assert {row["detector"] for row in own} == detectors, name


def test_the_clock_stands_beside_the_rest(results: dict[str, list[Row]]) -> None:
    """Without the column that gives attacks away every detector is worse."""
    rows = results["chronological"]
    assert {row["n_features"] for row in rows if row["feature_set"] == "no_clock"} == {3}
    for name in ("lstm", "iforest", "hybrid"):
        whole, less = (
            chosen(rows, detector=name, scope="all", budget=0.05, feature_set=feature_set)
            for feature_set in ("all", "no_clock")
        )
        assert less["roc_auc"] < whole["roc_auc"]


def test_equal_runs_give_equal_rows(results: dict[str, list[Row]]) -> None:
    """The only chance is in the draws of files, and it has a seed."""
    run = run_of("chronological", feature_sets=("all", "no_clock"))
    assert evaluate(SAMPLE, fit_distance, run) == results["chronological"]
    other = evaluate(SAMPLE, fit_distance, replace(run, seed=1))
    moved = {
        key
        for one, two in zip(other, results["chronological"], strict=True)
        for key in PROTOCOL_COLUMNS
        if one[key] != two[key]
    }
    assert moved
    assert all("_files_" in key for key in moved)


def test_without_weights_intervals_are_those_of_wilson() -> None:
    """Where rows stand for as many records, all of them together have SciPy's interval."""
    files = tuple(replace(file, weight=1.0) for file in SAMPLE.files)
    run = run_of("chronological", feature_sets=ONE_SET)
    rows = evaluate(replace(SAMPLE, files=files), fit_distance, run)
    row = chosen(rows, detector="lstm", scope="all", budget=0.05)
    hits = round(row["tpr"] * row["n_attack"])
    expected = binomtest(hits, row["n_attack"]).proportion_ci(method="wilson")
    assert (row["tpr_low"], row["tpr_high"]) == pytest.approx((expected.low, expected.high))
    assert row["weighting"] == "none"


def test_files_without_lines_do_not_matter() -> None:
    """A file of which nothing was sampled has no row, and changes none."""
    empty = replace(SAMPLE.files[0], source_file="9.csv", device="device 9", device_id=9)
    with_empty = replace(SAMPLE, files=(*SAMPLE.files, replace(empty, rows=500)))
    for protocol in ("chronological", "leave_one_device_out"):
        run = run_of(protocol, feature_sets=ONE_SET, draws=1)
        plain = evaluate(SAMPLE, fit_distance, run)
        found = evaluate(with_empty, fit_distance, run)
        assert len(found) == len(plain)
        for one, two in zip(found, plain, strict=True):
            same = [key for key in PROTOCOL_COLUMNS if "_files_" not in key]
            assert [one[key] for key in same] == [two[key] for key in same]


@pytest.mark.parametrize(
    "fault", ["budgets=[0.0]", "budgets=[5.0]", "prevalences=[1.0]", "draws=0", "gap_rows=-1"]
)
def test_options_out_of_bounds_are_refused(fault: str, settings: Callable[..., Settings]) -> None:
    """A budget of 5 is 500 %, not 5 %; the message has the key."""
    with pytest.raises(ConfigError, match=f"protocol.{fault.partition('=')[0]}"):
        settings("default", f"protocol.{fault}")
