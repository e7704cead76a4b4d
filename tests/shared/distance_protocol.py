"""A small real detector, a made-up sample, and what a protocol has to find with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from iotscore.config.fit import fit_settings
from iotscore.evaluation.protocols.benign import Benign, benign_of
from iotscore.evaluation.protocols.evaluate import REPORTS, ProtocolRun
from iotscore.evaluation.protocols.rounds import chronological, leave_one_device_out
from iotscore.evaluation.protocols.sample import Sample, SampleFile
from product import PAPER, PLAN, protocol_run
from protocol_samples import of_whole_files

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Fit :class:`Distance` on the training part, and take thresholds from the calibration part."""
    train, later = benign.train, benign.calibration
    means = {-1: train.features.mean(axis=0)}
    for device in np.unique(train.device_ids).tolist():
        means[device] = train.features[train.device_ids == device].mean(axis=0)
    found = Distance(means)
    return replace(found, calibration=found.scores(later.features, later.device_ids))


def fit_as(kind: type[Distance]) -> Callable[[Benign], Distance]:
    """Return :func:`fit_distance`, whose model is of another class."""

    def fit(benign: Benign) -> Distance:
        honest = fit_distance(benign)
        return kind(honest.means, honest.calibration)

    return fit


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
    return of_whole_files(files, features, ("a", "b", "c", CLOCK))


SAMPLE = made_up()


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


def chosen(rows: list[Row], **values: object) -> Row:
    """Return the one row that has these values."""
    found = [row for row in rows if all(row[key] == value for key, value in values.items())]
    assert len(found) == 1, (len(found), values)
    return found[0]
