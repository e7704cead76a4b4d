"""Whole protocols with a small real detector, against scikit-learn and plain NumPy on the rows."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from product import PAPER, PLAN, protocol_run
from scipy.stats import binomtest
from sklearn import metrics as sk

from iotscore.config.fit import fit_settings
from iotscore.errors import ConfigError, ModelError, TrainingError
from iotscore.evaluation.protocols.baseline import FLAG_EVERYTHING, LINEAR, fit_linear_baseline
from iotscore.evaluation.protocols.benign import Benign, benign_of
from iotscore.evaluation.protocols.cross_validate import cross_validate, fuse_as_reported
from iotscore.evaluation.protocols.evaluate import PROTOCOLS, REPORTS, ProtocolRun, evaluate
from iotscore.evaluation.protocols.rounds import (
    chronological,
    halves,
    leave_one_device_out,
    reports,
)
from iotscore.evaluation.protocols.sample import Sample, SampleFile, without
from iotscore.features import FEATURES
from iotscore.warehouse.figure_columns import PROTOCOL_COLUMNS, PROTOCOL_KEY

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.config import Settings
    from iotscore.detect.detector import FloatArray, IntArray

    Row = dict[str, Any]

ONE_SET = ("all",)
CLOCK = "HH_jit_L1_mean"


def run_of(protocol: str, **changes: object) -> ProtocolRun:
    """Return a run by a protocol; by that of the reports it fuses as they do."""
    run = protocol_run(protocol, **changes)
    return replace(run, model=fit_settings(PAPER)) if protocol == REPORTS else run


@dataclass(frozen=True, eq=False)
class Distance:
    """Distance to the mean benign row, of the row's device where it is known."""

    means: dict[int, FloatArray]
    calibration: dict[str, FloatArray] = field(default_factory=dict)

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return the distance as ``lstm``, the largest difference as ``iforest``, and both."""
        centre = np.array([self.means.get(one, self.means[-1]) for one in device_ids.tolist()])
        apart = np.abs(X - centre)
        far, widest = np.sqrt((apart**2).sum(axis=1)), apart.max(axis=1)
        return {"lstm": far, "iforest": widest, "hybrid": np.round(far + widest, 1)}

    def threshold(self, name: str, budget: float) -> float:
        """Return the calibration score that at most a share ``budget`` of them exceeds."""
        return float(np.quantile(self.calibration[name], 1 - budget, method="inverted_cdf"))


def fit_distance(benign: Benign) -> Distance:
    """Fit it on the training part, and take thresholds from the calibration part."""
    train, later = benign.train, benign.calibration
    means = {-1: train.features.mean(axis=0)}
    for device in np.unique(train.device_ids).tolist():
        means[device] = train.features[train.device_ids == device].mean(axis=0)
    found = Distance(means)
    return replace(found, calibration=found.scores(later.features, later.device_ids))


def made_up() -> Sample:
    """Return three devices of their own habits, two families, files of unequal weight."""
    random = np.random.default_rng(3)
    files, features = [], []
    shifts = {"benign": 0.0, "gafgyt": 1.6, "mirai": 2.4}
    for device in (1, 2, 3):
        for family, attack in (
            ("benign", None),
            ("gafgyt", "tcp"),
            ("gafgyt", "scan"),
            ("mirai", "syn"),
        ):
            if (device, family) == (3, "mirai"):
                continue
            rows = int(random.integers(60, 120))
            files.append(
                SampleFile(
                    source_file=f"{device}.{family}.{attack}.csv",
                    device_id=device,
                    device=f"device {device}",
                    family=family,
                    attack=attack,
                    rows=rows,
                    weight=float(random.uniform(1, 50)),
                )
            )
            values = random.normal(2.0 * device, 1.0, (rows, 4)) + shifts[family] * random.random(4)
            values[:, 3] = {"benign": 1.0, "gafgyt": 9.0, "mirai": 12.0}[family]
            features.append(values + random.normal(0, 0.5, (rows, 4)))
    lines = [file.rows for file in files]
    return Sample(
        np.concatenate(features),
        ("a", "b", "c", CLOCK),
        np.repeat(np.arange(len(files)), lines),
        np.concatenate([np.arange(1, rows + 1) for rows in lines]),
        tuple(files),
    )


SAMPLE = made_up()


def chosen(rows: list[Row], **values: object) -> Row:
    """Return the one row that has these values."""
    found = [row for row in rows if all(row[key] == value for key, value in values.items())]
    assert len(found) == 1, (len(found), values)
    return found[0]


@pytest.fixture(scope="module")
def results() -> dict[str, list[Row]]:
    """Return the rows of every protocol."""
    sets = ("all", "no_clock")
    return {
        name: evaluate(SAMPLE, fit_distance, run_of(name, feature_sets=sets)) for name in PROTOCOLS
    }


def weights_of(rows: np.ndarray) -> np.ndarray:
    """Return the weight of some rows of the made-up sample."""
    return np.array([file.weight for file in SAMPLE.files])[SAMPLE.file_index[rows]]


def expected_rounds(
    protocol: str, sample: Sample = SAMPLE
) -> list[tuple[np.ndarray, dict[str, np.ndarray], Distance]]:
    """Return per round the test rows, their scores and the fitted detector, worked out here."""
    if protocol == "leave_one_device_out":
        rounds = leave_one_device_out(sample, PLAN)
    else:
        rounds = chronological(sample, PLAN)
    found = []
    for one in rounds:
        fitted = fit_distance(benign_of(sample, one))
        rows = np.concatenate([one.test_benign, one.test_attack])
        devices = sample.device_ids[rows] if one.held_out is None else np.full(rows.size, -1)
        found.append((rows, fitted.scores(sample.features[rows], devices), fitted))
    return found


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


def test_the_linear_baseline_is_a_principal_component_analysis() -> None:
    """Its scores are the residuals that a singular value decomposition leaves, its threshold one.

    The decomposition is NumPy's, of signed logarithms in units of their benign deviation.
    """
    noise = np.random.default_rng(2).normal(0, 0.02, (SAMPLE.row_no.size, 2))
    features = np.hstack([SAMPLE.features, 3 * SAMPLE.features[:, :2] + noise])
    sample = replace(SAMPLE, features=features, feature_names=tuple("abcdef"))
    (tested,) = chronological(sample, PLAN)
    benign = benign_of(sample, tested)

    def signed_log(X: np.ndarray) -> np.ndarray:
        return np.sign(X) * np.log(1 + np.abs(X))

    train = signed_log(benign.train.features)
    mean, deviation = train.mean(axis=0), train.std(axis=0)
    _, sizes, axes = np.linalg.svd((train - mean) / deviation, full_matrices=False)
    explained = np.cumsum(sizes**2) / (sizes**2).sum()
    rest = axes[np.argmax(explained > 0.99) + 1 :]
    assert 0 < len(rest) < 6
    expected = ((((signed_log(sample.features) - mean) / deviation) @ rest.T) ** 2).sum(axis=1)
    baseline = fit_linear_baseline(benign)
    found = baseline.scores(sample.features, sample.device_ids)[LINEAR]
    assert found == pytest.approx(expected, abs=1e-9)
    above = found[tested.calibration] > baseline.threshold(LINEAR, 0.05)
    assert above.mean() <= 0.05 < above.mean() + 1 / above.size


def test_a_baseline_needs_rows_that_differ() -> None:
    """Rows that are all alike span nothing, and the message says how many there are."""
    alike = replace(SAMPLE, features=np.ones_like(SAMPLE.features))
    (tested,) = chronological(alike, PLAN)
    with pytest.raises(TrainingError, match=r"\d+ benign training row\(s\) are all alike"):
        fit_linear_baseline(benign_of(alike, tested))


@dataclass(frozen=True, eq=False)
class BatchNormalised(Distance):
    """Breaks its promise: scores are fractions of the largest in the batch."""

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return scores that depend on the other rows."""
        found = super().scores(X, device_ids)
        return {name: scores / scores.sum() for name, scores in found.items()}


@dataclass(frozen=True, eq=False)
class NotFinite(Distance):
    """Breaks its promise: scores of some rows are no numbers."""

    def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
        """Return NaN for small scores."""
        found = super().scores(X, device_ids)
        return {name: np.where(scores < 1, np.nan, scores) for name, scores in found.items()}


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (BatchNormalised, "otherwise when the rest of"),
        (NotFinite, "are not finite"),
    ],
)
def test_a_model_that_breaks_its_promise_is_refused(kind: type[Distance], said: str) -> None:
    """Scores of the batch and NaN would give false figures."""

    def fit(benign: Benign) -> Distance:
        honest = fit_distance(benign)
        return kind(honest.means, honest.calibration)

    with pytest.raises(ModelError, match=said):
        evaluate(SAMPLE, fit, run_of("chronological", feature_sets=ONE_SET))


@pytest.mark.parametrize(
    "fault", ["budgets=[0.0]", "budgets=[5.0]", "prevalences=[1.0]", "draws=0", "gap_rows=-1"]
)
def test_options_out_of_bounds_are_refused(fault: str, settings: Callable[..., Settings]) -> None:
    """A budget of 5 is 500 %, not 5 %; the message has the key."""
    with pytest.raises(ConfigError, match=f"protocol.{fault.partition('=')[0]}"):
        settings("default", f"protocol.{fault}")


def test_a_held_out_device_has_no_number() -> None:
    """What scores a held-out device is not told which it is; in time it is."""
    told: list[set[int]] = []

    @dataclass(frozen=True, eq=False)
    class Listener(Distance):
        def scores(self, X: FloatArray, device_ids: IntArray) -> dict[str, FloatArray]:
            told.append(set(device_ids.tolist()))
            return super().scores(X, device_ids)

    def fit(benign: Benign) -> Distance:
        honest = fit_distance(benign)
        return Listener(honest.means, honest.calibration)

    cross_validate(SAMPLE, leave_one_device_out(SAMPLE, PLAN), fit, (0.05,))
    assert set(chain(*told)) == {-1}
    told.clear()
    cross_validate(SAMPLE, chronological(SAMPLE, PLAN), fit, (0.05,))
    assert set(chain(*told)) == {1, 2, 3}


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


def real_rows(folder: Path) -> Sample:
    """Return the rows of the real sample, weighted to the full data."""
    with (folder / "full_data_summary.csv").open(newline="", encoding="utf-8") as text:
        lines = [[cell.strip() for cell in line] for line in csv.reader(text)]
    files, features = [], []
    for name, records in sorted((line[0], int(line[1])) for line in lines[1:]):
        device, family, *attack = name.removesuffix(".csv").split(".")
        rows = np.loadtxt(folder / "sample" / name, delimiter=",", skiprows=1)
        features.append(rows)
        files.append(
            SampleFile(
                source_file=name,
                device_id=int(device),
                device=f"device {device}",
                family=family,
                attack=attack[0] if attack else None,
                rows=len(rows),
                weight=records / len(rows),
            )
        )
    lines_of = [file.rows for file in files]
    return Sample(
        np.concatenate(features),
        FEATURES,
        np.repeat(np.arange(len(files)), lines_of),
        np.concatenate([np.arange(1, rows + 1) for rows in lines_of]),
        tuple(files),
    )


def test_a_linear_baseline_lives_by_the_clock(nbaiot: Path) -> None:
    """On real rows: 1,170 benign and 32,000 attacks; without the clock the floods are missed."""
    sample = real_rows(nbaiot)
    rows = evaluate(sample, fit_distance, run_of("chronological", draws=200))
    whole, less = (
        chosen(rows, detector=LINEAR, scope="all", budget=0.05, feature_set=feature_set)
        for feature_set in ("all", "no_clock")
    )
    assert whole["roc_auc"] > 0.97
    assert less["roc_auc"] < 0.85
    assert (whole["tpr"] > 0.999, less["tpr"] < 0.8) == (True, True)
    assert less["worst_attack_file_tpr"] == 0.0
    assert (whole["n_benign"], whole["n_attack"]) == (9 * 132, 80 * 400)
    assert len({row["scope_value"] for row in rows if row["scope"] == "file"}) == 89
