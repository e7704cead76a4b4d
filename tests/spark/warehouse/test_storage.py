"""Files written by workers or by Spark, ledgers read by delta-rs or by Spark: one outcome."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pyspark.sql import functions as F

from frames import KEYS, comparable, frame_of
from iotscore.alerts.suppress import hidden, suppression
from iotscore.alerts.suppression import SCOPE
from iotscore.cli.commands.explain import shap_stage
from iotscore.cli.job import Job
from iotscore.models.context import Context
from iotscore.models.registry import load_model
from iotscore.monitoring.stage import monitor
from iotscore.report.read import read_night
from iotscore.runs.run_log import RunLog
from iotscore.sampling.record_hash import record_hashes
from iotscore.verify.keys import record_hash
from iotscore.warehouse.delta_rs.warehouse import DeltaRsWarehouse
from iotscore.warehouse.delta_spark.warehouse import DeltaSparkWarehouse
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.selection import rows_where
from night_stages import Stages
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

_FEW = "explain.shap={benign: 3, attack: 4, samples: 256, background_clusters: 6}"
KINDS = {"auto": DeltaRsWarehouse, "never": DeltaSparkWarehouse}
_REPORTED = (
    *("days", "files", "seen", "devices", "incidents", "flagged_records", "explained"),
    *("composition", "quality"),
)


def _content(warehouse: Warehouse, table: str) -> pd.DataFrame:
    return comparable(frame_of(warehouse, table), table)


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


@pytest.mark.proves_storage(
    place="`file:` URIs, everything through Spark",
    data="260 records",
    compared="every table and the report with those of local folders, to the last bit",
)
@pytest.mark.proves_storage(
    place="`s3:` warehouse (moto)",
    data="260 records",
    compared="every table and the report with those of local folders, to the last bit",
)
def test_a_night_through_spark_gives_the_same_tables(
    spark: SparkSession,
    tmp_path: Path,
    damaged_landing: Path,
    settings: Callable[..., Any],
    bucket: str,
) -> None:
    """Every table, and the report, is the same in local folders, behind URIs, and on S3."""
    nights = {}
    for name, direct, root, folder in (
        ("direct", "auto", str(tmp_path / "direct"), str(damaged_landing)),
        ("arrow", "never", (tmp_path / "arrow").as_uri(), damaged_landing.as_uri()),
        ("s3", "auto", f"{bucket}/warehouse", str(damaged_landing)),
    ):
        nights[name] = open_warehouse(spark, root, direct=direct)
        assert isinstance(nights[name], KINDS[direct])
        run = Stages(nights[name], settings("default"))
        run.ingest_refusing(folder)
        run.train()
        assert run.score() == 260
        run.evaluate()
        assert run.explain() > 0
        _rest_of_a_night(nights[name], settings("default", _FEW))
    for table in KEYS:
        expected = _content(nights["direct"], table)
        assert len(expected)
        for name in ("arrow", "s3"):
            found = _content(nights[name], table)
            pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=table)
    seen, *others = (read_night(night, None) for night in nights.values())
    for found in others:
        for part in _REPORTED:
            assert getattr(found, part) == getattr(seen, part)
    by_feature = suppression(dict.fromkeys(SCOPE) | {"feature": "%"}, "a test", "nobody", None)
    assert hidden(nights["arrow"], by_feature) == hidden(nights["direct"], by_feature) != Counter()


def test_pandas_series_carry_the_same_records(
    spark: SparkSession, night_copy: Callable[[str], Warehouse], settings: Callable[..., Any]
) -> None:
    """Scores do not depend on how records reach Python."""
    direct = night_copy("default")
    expected = _content(direct, "scores")
    for table in ("scores", "scored_files"):
        direct.delete(table, "true")
    root = f"file:{direct.root}"
    through = open_warehouse(spark, root, direct="never", transport="pandas")
    assert Stages(through, settings("default")).score() == 260
    found = _content(through, "scores")
    pd.testing.assert_frame_equal(found, expected, check_exact=True, obj="scores")


def _rest_of_a_night(warehouse: Warehouse, settings: Settings) -> None:
    """Run the stages that a night of the class Stages does not."""
    log = RunLog(warehouse, "test", "0" * 64)
    shap_stage(Job(argparse.Namespace(model=None), settings, warehouse, log))
    with log.stage("monitor") as stage:
        stage.report(monitor(Context(warehouse, log.run_id), settings.monitor, {}))


def test_a_night_goes_on_the_other_way(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any], tmp_path: Path
) -> None:
    """Spark appends to what workers wrote, and the other way round."""
    direct = night_copy("default")
    for day, warehouse in enumerate(
        (open_warehouse(direct.spark, direct.root, direct="never"), direct), start=20
    ):
        write_traffic(tmp_path / f"{day}" / f"2.2026-11-{day}.csv", make_features(25, day))
        run = Stages(warehouse, settings("default"))
        run.ingest(tmp_path / f"{day}")
        assert run.score() == 25
        run.evaluate()
    keys = direct.read("scores").select("file_id", "row_no").distinct()
    assert keys.count() == direct.count("traffic") == 310


def test_a_fraction_of_each_file_is_the_same(
    night: Warehouse, tmp_path: Path, settings: Callable[..., Any], landing: Path
) -> None:
    """A profile that works on half of each file takes the same half, trains and explains on it."""
    halves = {}
    for direct in ("auto", "never"):
        half = open_warehouse(night.spark, str(tmp_path / direct), direct=direct)
        run = Stages(half, settings("default", "sample.fraction=0.5", "detectors.lstm=null"))
        run.ingest(landing)
        run.train()
        run.score()
        run.explain()
        halves[direct] = half
    for table in ("scores", "explanations", "incidents", "models"):
        one, other = (_content(half, table) for half in halves.values())
        pd.testing.assert_frame_equal(one, other, check_exact=True, obj=table)
    assert len(_content(halves["auto"], "scores")) == halves["auto"].count("traffic") / 2


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


def test_a_table_that_spark_changed_is_still_read(
    night_copy: Callable[[str], Warehouse], settings: Callable[..., Any]
) -> None:
    """Rows that were deleted or rewritten by Spark are not scored, or scored once."""
    warehouse = night_copy("default")
    warehouse.delete("traffic", "row_no <= 3")
    ledger = warehouse.rows("ingest_files")
    fewer = [row | {"rows_accepted": row["rows_accepted"] - 3} for row in ledger]
    every = rows_where(file_id={row["file_id"] for row in ledger})
    warehouse.replace("ingest_files", fewer, every)
    warehouse.delete("scored_files", "file_id IS NOT NULL")
    warehouse.delete("scores", "file_id IS NOT NULL")
    left = warehouse.count("traffic")
    assert left == 245
    run = Stages(warehouse, settings("default"))
    assert run.score() == left
    version = load_model(warehouse).version
    assert warehouse.read("scores").where(F.col("model_version") == version).count() == left
