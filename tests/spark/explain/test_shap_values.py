"""Shapley values of a night: which records, what is stored, and what is refused."""

from __future__ import annotations

import argparse
import logging
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from iotscore.cli.commands.explain import shap_stage
from iotscore.cli.job import Job
from iotscore.errors import ConfigError, InputError, ModelError
from iotscore.explain.shap_stage import explain_by_shap
from iotscore.features import FEATURES
from iotscore.models.context import Context
from iotscore.models.registry import load_model
from iotscore.runs.run_log import RunLog
from iotscore.sampling.splits import TEST
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

KEY = ["file_id", "row_no"]
FEW = "explain.shap={benign: 3, attack: 4, samples: 256, background_clusters: 6}"


def run(warehouse: Warehouse, settings: Settings) -> None:
    """Run the stage as the job does."""
    arguments = argparse.Namespace(model=None)
    shap_stage(Job(arguments, settings, warehouse, RunLog(warehouse, "test", "0" * 64)))


def test_a_sample_is_stored_and_told(
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Settings],
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each record's values sum to the score that the night has; a second run finds the same."""
    warehouse = night_copy("default")
    with caplog.at_level(logging.INFO, logger="iotscore"):
        run(warehouse, settings("default", FEW))
    version = load_model(warehouse).version
    told = caplog.messages[-1]
    assert told.startswith(
        f"shap: 3 benign records and 4 attacks of model {version} explained, strongest "
    )
    stored = pd.DataFrame(warehouse.rows("shap_values")).set_index(KEY)
    assert len(stored) == 7 * len(FEATURES)
    assert stored["shap_value"].notna().all()
    scores = pd.DataFrame(warehouse.rows("scores")).set_index(KEY)
    traffic = pd.DataFrame(warehouse.rows("traffic")).set_index(KEY)
    for key, rows in stored.groupby(level=KEY):
        assert rows["feature"].tolist() == list(FEATURES)
        assert rows["value"].tolist() == traffic.loc[key, list(FEATURES)].tolist()
        score = scores.loc[key]
        assert score["split"] == TEST
        assert set(rows["label"]) == {score["label"]}
        assert set(rows["score"]) == {score["lstm_score"]}
        total = rows["base_value"].iloc[0] + rows["shap_value"].sum()
        assert total == pytest.approx(score["lstm_score"], abs=1e-8)
    assert len(set(stored["base_value"])) == 1
    assert set(stored["detector"]) == {"lstm"}
    (stage,) = [
        row for row in warehouse.rows("runs") if row["stage"] == "shap" and row["status"] == "done"
    ]
    assert stage["rows"] == 7
    run(warehouse, settings("default", FEW))
    both = pd.DataFrame(warehouse.rows("shap_values"))
    runs = [rows for _, rows in both.groupby("run_id")]
    columns = [*KEY, "feature", "shap_value"]
    first, second = (rows.sort_values(columns[:3])[columns].to_numpy() for rows in runs)
    assert np.array_equal(first, second)


def test_too_little_time_is_told(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Settings]
) -> None:
    """Nothing explained is a fault of the configuration, and nothing is stored."""
    warehouse = night_copy("default")
    with pytest.raises(ConfigError, match=r"explain.shap.seconds is 1e-09, which is over"):
        run(warehouse, settings("default", FEW, "explain.shap.seconds=1e-9"))
    assert not warehouse.exists("shap_values")


def test_attacks_and_the_autoencoder_are_needed(
    warehouse: Warehouse, settings: Callable[..., Settings], tmp_path: Path
) -> None:
    """A warehouse without labelled attacks has nothing to compare, and says so."""
    write_traffic(tmp_path / "in" / "1.benign.csv", make_features(60, 1))
    write_traffic(tmp_path / "in" / "1.2026-11-20.csv", make_features(20, 2, shift=2.0))
    chosen = settings("default", FEW, "detectors.lstm.epochs=1")
    Stages(warehouse, chosen).ingest(tmp_path / "in")
    Stages(warehouse, chosen).train()
    options = (chosen.explain.shap, chosen.evaluate.splits, chosen.seed)
    with pytest.raises(InputError, match="no labelled attacks that were test to the model, in 1 "):
        explain_by_shap(Context(warehouse, "run"), *options)
    Stages(warehouse, settings("default", "detectors.lstm=null")).train()
    with pytest.raises(ModelError, match="and no lstm, which alone is explained by SHAP"):
        explain_by_shap(Context(warehouse, "run"), *options)
