"""Training: which records a model may see, and that the same records give the same model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from iotscore.detect.fit import fit_model
from iotscore.errors import ModelError, TrainingError
from iotscore.models import train as train_module
from iotscore.models.registry import champion, load_model
from iotscore.sampling.splits import SplitPlan, cut_file
from iotscore.sampling.training_sample import draw
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.selection import rows_where
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.detect.fit import FitProgress, FitSettings
    from iotscore.detect.model import Model
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


def _rows(landing: Path, of_first: slice, of_second: slice) -> np.ndarray:
    """Return a part of each benign file."""
    parts = []
    for name, part in (("1.benign.csv", of_first), ("2.benign.csv", of_second)):
        rows = pd.read_csv(landing / name, float_precision="round_trip").to_numpy()
        parts.append(rows[part])
    return np.concatenate(parts)


def _sorted(rows: np.ndarray) -> np.ndarray:
    return rows[np.lexsort(rows.T)]


def test_only_benign_thirds_reach_the_fit(
    night_copy: Callable[[str], Warehouse],
    settings: Callable,
    landing: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The fit sees the first third of the benign files, calibration the second, nothing else.

    The first row of each file, and one after each part, are left out.
    """
    seen: dict[str, np.ndarray] = {}

    def spy(
        train: np.ndarray,
        calibration: np.ndarray,
        options: FitSettings,
        progress: FitProgress,
        devices: tuple[np.ndarray, np.ndarray],
    ) -> Model:
        seen.update(train=train, calibration=calibration)
        return fit_model(train, calibration, options, progress, devices)

    monkeypatch.setattr(train_module, "fit_model", spy)
    Stages(night_copy("default"), settings("default", "detectors.lstm=null")).train()
    train = _rows(landing, slice(1, 30), slice(1, 20))
    calibration = _rows(landing, slice(31, 60), slice(21, 40))
    assert np.array_equal(_sorted(seen["train"]), _sorted(train))
    assert np.array_equal(_sorted(seen["calibration"]), _sorted(calibration))


def test_same_rows_same_version(night_copy: Callable[[str], Warehouse], settings: Callable) -> None:
    """Training again, with the table laid out anew, gives the same model bit by bit."""
    warehouse = night_copy("default")
    before = champion(warehouse)
    shuffled = warehouse.read("traffic").orderBy(F.rand(1)).toArrow()
    every = rows_where(file_id=warehouse.values("traffic", "file_id"))
    warehouse.replace("traffic", shuffled, every)
    assert Stages(warehouse, settings("default")).train() == before
    assert warehouse.count("models") == 1
    assert Stages(warehouse, settings("default", "seed=7")).train() != before


def test_manifest_says_what_the_model_was_made_of(night: Warehouse) -> None:
    """The manifest names training files with checksums, rows, thresholds and versions."""
    manifest = json.loads(night.rows("models")[0]["manifest"])
    assert [file["source_file"] for file in manifest["training_files"]] == [
        "1.benign.csv",
        "2.benign.csv",
    ]
    assert manifest["rows"] == {"train": 48, "calibration": 48}
    names = {"iforest", "lstm", "neighbours", "envelope", "hybrid"}
    assert set(manifest["thresholds"]) == names
    assert manifest["calibration_share_flagged"]["hybrid"] <= 0.1
    assert manifest["benign_check"]["files_compared"] == 0  # of fewer than eight devices
    assert manifest["false_positive_rate"] == 0.05
    assert manifest["versions"]["scikit-learn"]


def test_cap_bounds_the_rows_on_the_driver(
    night_copy: Callable[[str], Warehouse], settings: Callable
) -> None:
    """No more records than the cap are brought to the driver, whatever the table holds."""
    warehouse = night_copy("default")
    run = Stages(warehouse, settings("default", "train.max_train_rows=20", "detectors.lstm=null"))
    version = run.train()
    assert load_model(warehouse, version).manifest["rows"] == {"train": 20, "calibration": 48}


def test_no_benign_records_is_an_error(warehouse: Warehouse, settings: Callable) -> None:
    """Without benign records there is nothing to fit on, and the message says so."""
    with pytest.raises(TrainingError, match="no benign records"):
        Stages(warehouse, settings("default")).train()


def test_a_damaged_bundle_is_refused(night_copy: Callable[[str], Warehouse]) -> None:
    """One flipped byte in the stored model is found before anything is scored."""
    warehouse = night_copy("default")
    row = warehouse.rows("models")[0]
    row["bundle"] = bytearray(row["bundle"])
    row["bundle"][-1] ^= 1
    warehouse.replace("models", [row], rows_where(model_version=row["model_version"]))
    with pytest.raises(ModelError, match="damaged"):
        load_model(warehouse)


def test_unknown_version_is_an_error(night: Warehouse, warehouse: Warehouse) -> None:
    """A version that is not there is named together with those that are."""
    known = champion(night)
    with pytest.raises(ModelError, match=f"no model 'nope'; known are .*{known}"):
        load_model(night, "nope")
    with pytest.raises(ModelError, match="no champion yet"):
        load_model(warehouse)


@pytest.mark.parametrize("caps", [(1000, 1000), (30, 17)])
def test_both_ways_draw_the_same_records(night: Warehouse, caps: tuple[int, int]) -> None:
    """The driver's own reading and Spark's query give the same plan and the same matrices."""
    ledger = night.rows("ingest_files", status="ingested")
    benign = {row["file_id"]: row["rows_read"] for row in ledger if row["label"] == 0}
    parts = {file: cut_file(rows, 0.4, 0.3, 0.02) for file, rows in benign.items()}
    plan = SplitPlan(42, 1.0, parts, skip_rows=2)
    runs = sorted({row["run_id"] for row in ledger})
    direct = draw(night, runs, plan, *caps)
    queried = draw(open_warehouse(night.spark, night.root, direct="never"), runs, plan, *caps)
    assert direct[0] == queried[0]
    assert (direct[0].train_cutoff is None) == (caps[0] == 1000)
    for mine, theirs in zip(direct[1:], queried[1:], strict=True):
        assert len(mine.devices) > 0
        assert np.array_equal(mine.features, theirs.features)
        assert np.array_equal(mine.devices, theirs.devices)


def test_an_attack_among_the_benign_records_is_refused(
    night_copy: Callable[[str], Warehouse], settings: Callable
) -> None:
    """A record with an attack's label in a benign file stops the training; nothing is stored."""
    warehouse = night_copy("default")
    before = warehouse.count("models")
    leaked = warehouse.read("traffic").where("source_file = '1.benign.csv' AND row_no = 5")
    leaked = leaked.withColumns({"label": F.lit(1), "row_no": F.lit(6).cast("long")}).toArrow()
    warehouse.delete("traffic", "source_file = '1.benign.csv' AND row_no = 6")
    warehouse.append("traffic", leaked)
    with pytest.raises(TrainingError, match=r"1 record\(s\).*another label"):
        Stages(warehouse, settings("default", "seed=9")).train()
    assert warehouse.count("models") == before
