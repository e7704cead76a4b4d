"""Python workers that die in the middle of a task: the same rows, once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from deltalake import DeltaTable

from iotscore import failpoints
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.open import Direct
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark


@pytest.fixture
def die_at(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[str], Path]:
    """Return a function that makes the first worker at a point die, and names the proof of it."""

    def die(point: str) -> Path:
        once = tmp_path / "once"
        fault = {failpoints.POINT: point, failpoints.HOW: "die", failpoints.ONCE: str(once)}
        for name, value in fault.items():
            monkeypatch.setitem(spark.sparkContext.environment, name, value)
        return once

    return die


def rows(warehouse: str, table: str, *but: str) -> pd.DataFrame:
    """Return a table in the order of its records, without some columns."""
    frame = DeltaTable(f"{warehouse}/{table}").to_pandas().drop(columns=list(but))
    return frame.sort_values(["file_id", "row_no"], ignore_index=True)


@pytest.mark.parametrize("direct", ["auto", "never"])
def test_scores_are_those_of_a_peaceful_night(
    direct: Direct,
    night: Warehouse,
    settings: Callable[..., Settings],
    copy_unscored: Callable[[Path, Path], Path],
    die_at: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """A worker that dies in a batch changes no score."""
    root = str(copy_unscored(Path(night.root), tmp_path / "warehouse"))
    once = die_at("score batch")
    Stages(open_warehouse(night.spark, root, direct=direct), settings("default")).score()
    assert once.exists()
    of_run = ("run_id", "scored_at")
    assert rows(root, "scores", *of_run).equals(rows(night.root, "scores", *of_run))
    ledger = DeltaTable(f"{root}/scored_files").to_pandas()
    assert int(ledger["rows_scored"].sum()) == len(rows(root, "scores")) == 260


def test_records_are_those_of_a_peaceful_night(
    night: Warehouse,
    settings: Callable[..., Settings],
    landing: Path,
    die_at: Callable[[str], Path],
    tmp_path: Path,
) -> None:
    """A worker that dies while it writes records leaves no second copy of them."""
    root = str(tmp_path / "warehouse")
    once = die_at("ingest chunk")
    Stages(open_warehouse(night.spark, root), settings("default")).ingest(landing)
    assert once.exists()
    records, peaceful = (rows(place, "traffic", "ingest_run") for place in (root, night.root))
    assert records.equals(peaceful)
