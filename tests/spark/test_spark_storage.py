"""Files written by workers or by Spark, ledgers read by delta-rs or by Spark: one outcome."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from iotscore.alerts.suppress import hidden, suppression
from iotscore.alerts.suppression import SCOPE
from iotscore.cli.commands.explain import shap_stage
from iotscore.cli.job import Job
from iotscore.models.registry import load_model
from iotscore.monitoring.stage import monitor
from iotscore.report.read import read_night
from iotscore.runs.run_log import RunLog
from iotscore.sampling import splits
from iotscore.sampling.record_hash import record_hashes
from iotscore.sampling.spark_sample import record_hash, with_split
from iotscore.sampling.splits import SPLITS, FilePart, SplitPlan, split_codes
from iotscore.warehouse.tables import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.config import Settings

pytestmark = pytest.mark.spark

_KEYS = {
    "traffic": ["file_id", "row_no"],
    "scores": ["file_id", "row_no"],
    "quarantine": ["file_id", "row_no"],
    "ingest_files": ["file_id"],
    "scored_files": ["file_id"],
    "models": ["model_version"],
    "score_histogram": ["file_id", "split", "detector", "bin", "flag"],
    "metrics": ["detector", "scope", "scope_value", "threshold_policy"],
    "roc_points": ["detector", "scope", "scope_value", "point"],
}
_AFTER_EVALUATE = {
    "explanations": ["file_id", "row_no"],
    "explained_files": ["file_id"],
    "incidents": ["incident_id"],
    "shap_values": ["file_id", "row_no", "feature"],
    "drift": ["event_day", "device", "feature", "is_flagged_excluded"],
    "alerts": ["alert_id"],
}
_KEYS |= _AFTER_EVALUATE
_FEW = "explain.shap={benign: 3, attack: 4, samples: 256, background_clusters: 6}"
_PANDAS = "storage.transport=pandas"
_REPORTED = (
    *("days", "files", "seen", "devices", "incidents", "alerts", "explained"),
    *("composition", "quality"),
)
_OF_THE_RUN = {"run_id", "ingest_run", "evaluation_id", "manifest"}
_TIMES = {
    *("ingested_at", "scored_at", "created_at", "evaluated_at", "quarantined_at"),
    *("explained_at", "found_at", "raised_at", "monitored_at"),
}


def _content(warehouse: Warehouse, table: str) -> pd.DataFrame:
    """Return a table in order, without what differs between any two runs.

    A manifest repeats the configuration, which says how files are written.
    """
    frame = warehouse.read(table).toPandas()
    kept = [name for name in frame.columns if name not in _OF_THE_RUN | _TIMES]
    return frame[kept].sort_values(_KEYS[table], ignore_index=True)


@pytest.fixture
def damaged_landing(landing: Path, tmp_path: Path) -> Path:
    """Return the landing folder with a bad line and a file of an unknown name added."""
    folder = tmp_path / "landing"
    folder.mkdir()
    for source in landing.iterdir():
        content = source.read_text()
        if source.name == "1.benign.csv":
            first, *rest = content.splitlines(keepends=True)
            content = first + "not,numbers\n" + "".join(rest)
        (folder / source.name).write_text(content)
    (folder / "data_summary.csv").unlink(missing_ok=True)
    (folder / "surprise.csv").write_text("x\n1\n")
    return folder


def test_a_night_through_spark_gives_the_same_tables(
    spark: SparkSession,
    tmp_path: Path,
    damaged_landing: Path,
    stages: type,
    settings: Callable[..., Any],
) -> None:
    """Every table, and the report, is the same in local folders and behind URIs, to the bit."""
    nights = {}
    for name, direct, root, folder in (
        ("direct", True, str(tmp_path / "direct"), str(damaged_landing)),
        ("arrow", False, (tmp_path / "arrow").as_uri(), damaged_landing.as_uri()),
    ):
        nights[name] = Warehouse(spark, root, direct=direct)
        assert nights[name].is_direct is direct
        run = stages(nights[name], settings("default"))
        run.ingest_refusing(folder)
        run.train()
        assert run.score() == 260
        run.evaluate()
        assert run.explain() > 0
        _rest_of_a_night(nights[name], settings("default", _FEW))
    for table in _KEYS:
        expected = _content(nights["direct"], table)
        assert len(expected)
        found = _content(nights["arrow"], table)
        pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=table)
    seen, found = (read_night(nights[name], None) for name in ("direct", "arrow"))
    for part in _REPORTED:
        assert getattr(found, part) == getattr(seen, part)
    by_feature = suppression(dict.fromkeys(SCOPE) | {"feature": "%"}, "a test", "nobody", None)
    assert hidden(nights["arrow"], by_feature) == hidden(nights["direct"], by_feature) != Counter()


def test_pandas_series_carry_the_same_records(
    spark: SparkSession,
    night_copy: Callable[[str], Warehouse],
    stages: type,
    settings: Callable[..., Any],
) -> None:
    """Scores do not depend on how records reach Python."""
    direct = night_copy("default")
    expected = _content(direct, "scores")
    for table in ("scores", "scored_files"):
        direct.delete(table, "true")
    through = Warehouse(spark, f"file:{direct.root}", direct=False)
    assert stages(through, settings("default", _PANDAS)).score() == 260
    found = _content(through, "scores")
    pd.testing.assert_frame_equal(found, expected, check_exact=True, obj="scores")


def _rest_of_a_night(warehouse: Warehouse, settings: Settings) -> None:
    """Run the stages that a night of the class Stages does not."""
    log = RunLog(warehouse, "test", "0" * 64)
    shap_stage(Job(argparse.Namespace(model=None), settings, warehouse, log))
    with log.stage("monitor") as stage:
        limits = settings.monitor
        monitor(warehouse, None, limits, {}, log.run_id, stage)


def test_a_night_goes_on_the_other_way(
    night_copy: Callable[[str], Warehouse],
    stages: type,
    settings: Callable[..., Any],
    tmp_path: Path,
    make_features: Callable[..., np.ndarray],
    write_traffic: Callable[[Path, np.ndarray], None],
) -> None:
    """Spark appends to what workers wrote, and the other way round."""
    direct = night_copy("default")
    for day, warehouse in enumerate(
        (Warehouse(direct.spark, direct.root, direct=False), direct), start=20
    ):
        write_traffic(tmp_path / f"{day}" / f"2.2026-11-{day}.csv", make_features(25, day))
        run = stages(warehouse, settings("default"))
        run.ingest(tmp_path / f"{day}")
        assert run.score() == 25
        run.evaluate()
    keys = direct.read("scores").select("file_id", "row_no").distinct()
    assert keys.count() == direct.read("traffic").count() == 310


def test_a_fraction_of_each_file_is_scored_through_spark(
    night: Warehouse, tmp_path: Path, stages: type, settings: Callable[..., Any], landing: Path
) -> None:
    """A profile that works on half of each file takes the same half on direct warehouses."""
    half = Warehouse(night.spark, str(tmp_path / "half"))
    run = stages(half, settings("default", "sample.fraction=0.5"))
    run.ingest(landing)
    run.train()
    run.score()
    sizes = half.read("scores").groupBy("source_file").count().toPandas()
    assert sizes["count"].sum() == half.read("traffic").count() / 2


@pytest.mark.parametrize("seed", [42, 0, 2**31, 2**32 - 1])
def test_workers_hash_as_sql_does(spark: SparkSession, seed: int) -> None:
    """A record's hash does not depend on who computes it."""
    rng = np.random.default_rng(seed)
    numbers = rng.integers(-(2**63), 2**63 - 1, 200, dtype=np.int64, endpoint=True)
    for file_id in ("", "5d0d599e46f8e564", "ärger ☃" * 9):
        rows = spark.createDataFrame(pd.DataFrame({"file_id": file_id, "row_no": numbers})).select(
            record_hash(seed).alias("hash")
        )
        by_sql = [row.hash for row in rows.collect()]
        assert record_hashes(seed, file_id, numbers).tolist() == by_sql


def test_workers_split_as_sql_does(night: Warehouse) -> None:
    """The two forms of the split agree, with caps and without."""
    traffic = night.read("traffic").select("file_id", "row_no", "label").cache()
    benign = traffic.where("label = 0").select("file_id").distinct().collect()
    parts = {row.file_id: FilePart(7, 20) for row in benign[:-1]}
    for cutoffs in ((None, None), (0, None), (0, -(2**61)), (-(2**63), 2**62)):
        plan = SplitPlan(42, 1.0, parts, *cutoffs)
        rows: DataFrame = with_split(traffic, plan)
        found = rows.toPandas()
        assert set(found["split"]) >= {splits.TEST, splits.NONE}
        for file_id, group in found.groupby("file_id"):
            is_labelled = bool(group["label"].notna().iloc[0])
            row_no = group["row_no"].to_numpy()
            codes = split_codes(plan, str(file_id), row_no, is_labelled=is_labelled)
            assert [SPLITS[code] for code in codes] == group["split"].tolist()


def test_a_table_that_spark_changed_is_still_read(
    night_copy: Callable[[str], Warehouse], stages: type, settings: Callable[..., Any]
) -> None:
    """Rows that were deleted or rewritten by Spark are not scored, or scored once."""
    warehouse = night_copy("default")
    warehouse.delete("traffic", "row_no <= 3")
    ledger = warehouse.rows("ingest_files")
    fewer = [row | {"rows_accepted": row["rows_accepted"] - 3} for row in ledger]
    warehouse.replace_rows("ingest_files", fewer, "TRUE")
    warehouse.delete("scored_files", "file_id IS NOT NULL")
    warehouse.delete("scores", "file_id IS NOT NULL")
    left = warehouse.read("traffic").count()
    assert left == 245
    run = stages(warehouse, settings("default"))
    assert run.score() == left
    version = load_model(warehouse).version
    assert warehouse.read("scores").where(F.col("model_version") == version).count() == left
