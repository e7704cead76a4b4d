"""The linear baseline, against NumPy, and on real rows."""

from __future__ import annotations

import csv
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from distance_protocol import SAMPLE, chosen, fit_distance, run_of
from iotscore.errors import TrainingError
from iotscore.evaluation.protocols.baseline import LINEAR, fit_linear_baseline
from iotscore.evaluation.protocols.benign import benign_of
from iotscore.evaluation.protocols.evaluate import evaluate
from iotscore.evaluation.protocols.rounds import chronological
from iotscore.evaluation.protocols.sample import Sample, SampleFile
from iotscore.features import FEATURES
from product import PLAN
from protocol_samples import of_whole_files

if TYPE_CHECKING:
    from pathlib import Path


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
    return of_whole_files(files, features, FEATURES)


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
