"""Nights for tests of the report: small, and with all that a report can say."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np

from iotscore.features import FEATURES, HYBRID
from iotscore.report.drift import DeviceDrift, Drift, DriftedFeature, FeatureDrift, OpenAlert
from iotscore.report.metrics import Curve, Evaluation, Figures, HeatMap
from iotscore.report.night import (
    Day,
    DetectorCard,
    Device,
    FlaggedRecord,
    Incident,
    ModelCard,
    Night,
    Shapley,
)
from iotscore.report.operations import Composition, Quality, Refused, RefusedFile, StageRun
from iotscore.report.score_histogram import Spread

WHEN = datetime(2026, 11, 24, 3, 0, 5, tzinfo=UTC)
HOSTILE = '<script>alert("x")</script> & $x_1$ 测试'
"""A device's name that must be harmless in a page and in a picture."""


def figures(
    detector: str, counts: tuple[int, int, int, int], scope_value: str | None = None
) -> Figures:
    """Return figures of true and false positives, true and false negatives."""
    tp, fp, tn, fn = counts
    tpr, fpr = tp / (tp + fn), fp / (fp + tn)
    precision, negative = tp / (tp + fp), tn / (tn + fn)
    return Figures(
        detector=detector, scope_value=scope_value, threshold_policy="benign_quantile",
        uses_labels=False, threshold=3.0, tp=tp, fp=fp, tn=tn, fn=fn,
        accuracy=(tp + tn) / sum(counts), balanced_accuracy=(tpr + 1 - fpr) / 2,
        precision_attack=precision, recall_attack=tpr,
        f1_attack=2 * precision * tpr / (precision + tpr), precision_benign=negative,
        recall_benign=1 - fpr, f1_benign=2 * negative * (1 - fpr) / (negative + 1 - fpr),
        fpr=fpr, fpr_low=max(fpr - 0.02, 0), fpr_high=fpr + 0.02, fpr_promised=0.05, roc_auc=0.97,
    )  # fmt: skip


def drift(hostile: str) -> Drift:
    """Return a device that moved, one that only an attack moved, one that nothing is known of."""
    most = (DriftedFeature("H_L5_weight", 1.25, -2.5), DriftedFeature("MI_dir_L5_mean", 0.5, None))
    flooded = FeatureDrift(400, 115, 115, (DriftedFeature("HH_L5_weight", 6.28, 10.0),))
    today = date(2026, 11, 24)
    return Drift(
        days=7,
        alerts=(
            OpenAlert(today, "critical", 2, "all_moved", None, "2 of 3 devices moved", today),
            OpenAlert(today, "warning", 1, "drift", hostile, hostile, date(2026, 11, 20)),
            OpenAlert(date(2026, 11, 22), "info", 0, "unknown_device", "Camera 9", "not learned",
                      date(2026, 11, 22)),
        ),
        more_alerts=4,
        hidden=1,
        unmonitored=0,
        devices=(
            DeviceDrift(hostile, FeatureDrift(900, 115, 40, most),
                        FeatureDrift(1000, 115, 50, most)),
            DeviceDrift("Camera 10", FeatureDrift(20, 0, None, ()), flooded),
            DeviceDrift("Camera 9", FeatureDrift(500, 0, None, ()), FeatureDrift(520, 0, None, ())),
        ),
    )  # fmt: skip


def labelled_night(hostile: str = HOSTILE) -> Night:
    """Return a night with labels, incidents, explanations, refused input and Shapley values."""
    rng = np.random.default_rng(7)
    spread = Spread(HYBRID, 3.0)
    spread.add(0, rng.gamma(2.0, 0.5, 300), np.ones(300, dtype=np.int64), is_seen=False)
    spread.add(1, rng.normal(5.0, 0.4, 400), np.ones(400, dtype=np.int64), is_seen=False)
    shape = spread.shape()
    assert shape is not None
    return Night(
        made_at=WHEN,
        code_version="0.0.0",
        warehouse="nights",
        data_kind="partial",
        model=ModelCard(
            "0123456789ab", WHEN, "tail", 0.05, (("train", 600), ("calibration", 500)),
            (DetectorCard(HYBRID, None, 3.0), DetectorCard("envelope", 1.0, 0.2),
             DetectorCard("iforest", 0.0, 0.5)),
        ),
        days=(Day(date(2026, 11, 22), 900, 40), Day(date(2026, 11, 23), 1100, 60),
              Day(date(2026, 11, 24), 1000, 75)),
        files=4,
        labelled_files=3,
        seen=120,
        uncounted=0,
        devices=(
            Device("Camera 10", 500, 50, (20, 30, 50), 2, 0.99, 0.03),
            Device("Camera 9", 400, 20, (20, None, 20), 0, 0.98, 0.06),
            Device(hostile, 100, 5, (0, 30, 5), 1, None, None),
        ),
        incidents=(
            Incident("Camera 10", "10.mirai.syn.csv", 12, 99, 80, 9, 5.5, 64.7, "mirai.syn",
                     "more packets than it ever sent"),
            Incident(hostile, f"{hostile}.csv", 1, 30, 25, 4, 4.0, None, "unlabelled", hostile),
        ),
        more_incidents=1,
        flagged_records=(
            FlaggedRecord("Camera 10", "10.mirai.syn.csv", 44, 5.5, 64.7, "mirai.syn",
                  "more packets than it ever sent", (("H_L5_weight", 2.5),), 17),
            FlaggedRecord(hostile, f"{hostile}.csv", 3, 4.0, None, "unlabelled", hostile, (), 1),
        ),
        explained=18,
        evaluation=Evaluation(
            "fedcba9876543210", "partial", "none", 3, 2000, night_labelled=True, figures=
            (figures(HYBRID, (1180, 24, 776, 20)), figures("iforest", (900, 80, 720, 300)),
             replace(figures(HYBRID, (1190, 8, 792, 10)), threshold_policy="roc_youden",
                     uses_labels=True, threshold=3.9, fpr_promised=None)),
            devices=(figures(HYBRID, (600, 12, 388, 10), "Camera 10"),
             figures(HYBRID, (580, 48, 352, 10), hostile)),
            curves=(Curve(HYBRID, (0.0, 0.01, 0.2, 1.0), (0.0, 0.9, 1.0, 1.0)),
             Curve("iforest", (0.0, 0.1, 0.4, 1.0), (0.0, 0.6, 0.9, 1.0))),
            heat=HeatMap(("gafgyt.tcp", "mirai.syn"),
                    (("Camera 10", (1.0, 0.25)), (hostile, (None, 0.9)))),
        ),
        shapes=(shape,),
        drift=drift(hostile),
        composition=Composition(
            ("benign", "mirai", "unlabelled"),
            (("Camera 10", (400, 900, 0)), (hostile, (200, 0, 50))),
        ),
        quality=Quality(
            7, 3000, 2990, 10, 4,
            (Refused("file", "empty_file", 1, 3), Refused("line", "not_a_number", 4, 10)),
            (RefusedFile(f"{hostile}.csv", "empty_file", hostile),), 2,
        ),
        stages=(
            StageRun("ingest", "done", WHEN, 2.5, 1000, 400.0, 350.0, 2, 2**30, None),
            StageRun("score", "failed", WHEN, None, None, None, None, 2, None, hostile),
        ),
        shapley=Shapley(
            "lstm", FEATURES[:20], rng.gamma(2.0, 50.0, (12, 20)), rng.normal(0.0, 1.0, (12, 20)),
            np.full(12, 0.1), rng.normal(0.5, 0.2, 12), np.arange(12) % 2,
        ),
    )  # fmt: skip


def unlabelled_night() -> Night:
    """Return a first night without labels of which nothing was explained."""
    night = labelled_night("Thermostat")
    return replace(
        night,
        data_kind="synthetic",
        days=night.days[-1:],
        devices=tuple(
            replace(one, trend=one.trend[-1:], incidents=0, tpr=None, fpr=None)
            for one in night.devices
        ),
        labelled_files=0,
        incidents=(),
        more_incidents=0,
        flagged_records=(),
        explained=0,
        evaluation=None,
        drift=Drift(7, (), 0, 0, night.files, ()),
        quality=replace(night.quality, refused=(), files_refused=(), more_files_refused=0),
        shapley=None,
    )
