"""A warehouse that an earlier version wrote opens, proves sound, and gets another night."""

from __future__ import annotations

import argparse
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from iotscore.cli.job import prepare
from iotscore.models.registry import champion, load_model
from iotscore.verify import Outcome, verify_warehouse
from iotscore.warehouse.schemas import TABLES
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

STORED = Path(__file__).resolve().parents[2] / "data" / "warehouse" / "layout_5.tar.xz"


@pytest.fixture
def earlier(spark: SparkSession, tmp_path: Path, settings: Callable[..., Any]) -> Warehouse:
    """Return the stored warehouse as a job opens it."""
    with tarfile.open(STORED) as archive:
        archive.extractall(tmp_path, filter="data")
    arguments = argparse.Namespace(profile="default")
    root = str(tmp_path / "warehouse")
    return prepare(spark, root, arguments, settings("default")).warehouse


def faults(warehouse: Warehouse) -> list[str]:
    """Return what verify finds."""
    checks = verify_warehouse(warehouse, 1_000, None)
    return [one for check in checks if check.outcome is Outcome.FAILED for one in check.findings]


def scores(warehouse: Warehouse) -> pd.DataFrame:
    """Return the scores with the columns of this version, in order."""
    frame = warehouse.table("scores", TABLES["scores"].arrow_schema.names).to_pandas()
    return frame.sort_values(["file_id", "row_no"], ignore_index=True)


def test_it_proves_sound(earlier: Warehouse) -> None:
    """Every count, key, checksum and model is what it was; scores are the same computed again."""
    assert load_model(earlier).version == champion(earlier)
    assert (earlier.count("traffic"), len(scores(earlier))) == (260, 260)
    assert len(earlier.rows("quarantine")) == 1
    assert faults(earlier) == []


def test_it_gets_another_night(
    earlier: Warehouse, settings: Callable[..., Any], tmp_path: Path
) -> None:
    """New files are scored by the old champion, and no row of before changes."""
    before = scores(earlier)
    write_traffic(tmp_path / "in" / "2.2026-11-21.csv", make_features(25, 9))
    run = Stages(earlier, settings("default"))
    run.ingest(tmp_path / "in")
    assert run.score() == 25
    run.evaluate()
    run.explain()
    assert run.monitor() == 25
    after = scores(earlier)
    assert after["run_id"].nunique() == 2
    kept = after[after["run_id"].isin(before["run_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, before, check_exact=True)
    assert faults(earlier) == []
