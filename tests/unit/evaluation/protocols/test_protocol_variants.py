"""Protocols that leave out a family, change base rates or measure as the reports did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn import metrics as sk

from distance_protocol import (
    CLOCK,
    SAMPLE,
    Distance,
    chosen,
    expected_rounds,
    fit_distance,
    weights_of,
)
from iotscore.errors import ModelError
from iotscore.evaluation.protocols.baseline import FLAG_EVERYTHING
from iotscore.evaluation.protocols.cross_validate import cross_validate, fuse_as_reported
from iotscore.evaluation.protocols.rounds import halves, reports
from iotscore.evaluation.protocols.sample import without
from iotscore.warehouse.figure_columns import PROTOCOL_KEY
from product import PLAN

if TYPE_CHECKING:
    Row = dict[str, Any]


def test_labels_of_another_family_choose_a_threshold(results: dict[str, list[Row]]) -> None:
    """It is the best for the other family and the earlier half; measured on this and the later."""
    (rows, scores, _), *_ = expected_rounds("chronological", without(SAMPLE, (CLOCK,)))
    families = np.array([file.family for file in SAMPLE.files])[SAMPLE.file_index[rows]]
    early, late = (half[rows] for half in halves(SAMPLE, PLAN))
    for family, other in (("gafgyt", "mirai"), ("mirai", "gafgyt")):
        on = early | (families == other)
        fpr, tpr, levels = sk.roc_curve(
            families[on] == other,
            scores["lstm"][on],
            sample_weight=weights_of(rows[on]),
            drop_intermediate=False,
        )
        seen = scores["lstm"][on]
        flags = scores["lstm"] > seen[seen < levels[np.argmax(tpr - fpr)]].max()
        row = chosen(
            results["leave_one_family_out"],
            feature_set="no_clock",
            detector="lstm",
            scope_value=family,
            threshold_policy="youden_other_families",
        )
        mine = families == family
        assert (row["n_attack"], row["n_benign"]) == (mine.sum(), late.sum())
        assert row["tpr"] == pytest.approx(np.average(flags[mine], weights=weights_of(rows[mine])))
        assert row["fpr"] == pytest.approx(np.average(flags[late], weights=weights_of(rows[late])))


pytestmark = pytest.mark.xdist_group("protocols")  # for the fixture ``results``


def test_a_family_left_out_is_the_chronological_one(results: dict[str, list[Row]]) -> None:
    """No attack fits, so figures without labels are those of the family, to the last bit."""
    wanted = [row for row in results["leave_one_family_out"] if not row["uses_labels"]]
    assert {row["scope_value"] for row in wanted} == {"gafgyt", "mirai"}
    for row in wanted:
        key = {column: row[column] for column in PROTOCOL_KEY if column != "protocol"}
        same = chosen(results["chronological"], **key)
        assert {**row, "protocol": "chronological"} == same


def test_base_rates_change_precision_alone(results: dict[str, list[Row]]) -> None:
    """TPR, FPR and AUC stay; precision and average precision are those of rare attacks."""
    (rows, scores, _), *_ = expected_rounds("chronological")
    attacks, weights = SAMPLE.is_attack[rows], weights_of(rows)
    key = {"feature_set": "all", "detector": "hybrid", "scope": "all", "budget": 0.05}
    plain = chosen(results["chronological"], **key)
    for share in (1e-3, 1e-4):
        row = chosen(results["prevalence"], prevalence=share, **key)
        for column in ("roc_auc", "tpr", "fpr", "threshold", "fpr_high", "balanced_accuracy"):
            assert row[column] == plain[column]
        other = np.where(
            attacks,
            share * weights / weights[attacks].sum(),
            (1 - share) * weights / weights[~attacks].sum(),
        )
        flags = scores["hybrid"] > row["threshold"]
        precision = sk.precision_score(attacks, flags, sample_weight=other)
        assert row["precision_attack"] == pytest.approx(precision)
        assert row["false_alarms_per_true_alarm"] == pytest.approx(1 / precision - 1)
        assert row["average_precision"] == pytest.approx(
            sk.average_precision_score(attacks, scores["hybrid"], sample_weight=other)
        )
        assert row["precision_attack_low"] <= row["precision_attack"]
        assert row["precision_attack"] <= row["precision_attack_high"]
    assert {row["scope"] for row in results["prevalence"]} == {"all", "family", "device"}
    assert plain["prevalence"] == pytest.approx(np.average(attacks, weights=weights))


def test_the_reports_way(results: dict[str, list[Row]]) -> None:
    """All benign rows fit and are measured; raw scores are fused by min-max over everything."""
    benign = np.flatnonzero(~SAMPLE.is_attack)
    features, devices = SAMPLE.features[benign], SAMPLE.device_ids[benign]
    means = {-1: features.mean(axis=0)}
    means |= {one: features[devices == one].mean(axis=0) for one in (1, 2, 3)}
    scores = Distance(means).scores(SAMPLE.features, SAMPLE.device_ids)
    scaled = {
        name: (scores[name] - scores[name].min()) / np.ptp(scores[name])
        for name in ("lstm", "iforest")
    }
    fused = 0.6 * scaled["lstm"] + 0.4 * scaled["iforest"]
    weights = weights_of(np.arange(SAMPLE.row_no.size))
    row = chosen(results["reports"], feature_set="all", detector="hybrid", scope="all")
    expected = sk.roc_auc_score(SAMPLE.is_attack, fused, sample_weight=weights)
    assert row["roc_auc"] == pytest.approx(expected)
    assert (row["n_benign"], row["n_attack"]) == (benign.size, SAMPLE.is_attack.sum())
    flags = fused > row["threshold"]
    assert row["accuracy"] == pytest.approx(
        sk.accuracy_score(SAMPLE.is_attack, flags, sample_weight=weights)
    )
    for one in results["reports"]:
        assert one["tested_on_training"]
        assert one["uses_labels"] == (one["detector"] != FLAG_EVERYTHING)
    (whole,) = reports(SAMPLE)
    held_out = cross_validate(SAMPLE, [whole], fit_distance, ())
    with pytest.raises(ModelError, match=r"missing: \['other'\]"):
        fuse_as_reported(held_out, {"lstm": 0.5, "other": 0.5})
