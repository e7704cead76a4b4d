"""A warehouse in an object store: nights, proofs and maintenance are what they are locally."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from pyarrow import fs

from frames import comparable
from iotscore.errors import UnsupportedStorageError
from iotscore.landing.filesystems import open_storage
from iotscore.maintenance.retention import Retention
from iotscore.maintenance.stage import maintain
from iotscore.models.context import Context
from iotscore.report.read import read_night
from iotscore.runs.run_log import RunLog
from iotscore.verify.warehouse import Outcome
from iotscore.warehouse.compaction import CompactionOptions
from iotscore.warehouse.delta_rs.warehouse import DeltaRsWarehouse
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.session import open_session
from night_stages import Stages
from traffic_files import make_features, write_traffic
from verify_checks import outcomes, verified
from warehouse_content import copied

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

TABLES = ("traffic", "scores", "explanations", "incidents", "score_histogram")


@pytest.fixture(params=["s3", "abfss", "gs"])
def bucket(request: pytest.FixtureRequest, new_bucket: Callable[[str], str]) -> str:
    """Return the URI of a new bucket in each object store."""
    return new_bucket(request.param)


@pytest.fixture
def uploaded(spark: SparkSession, night: Warehouse, bucket: str) -> Warehouse:
    """Return a finished night in an object store."""
    return open_warehouse(spark, copied(night.root, f"{bucket}/warehouse"))


def content(warehouse: Warehouse, table: str) -> pd.DataFrame:
    """Return a table as queries read it, to be compared."""
    return comparable(warehouse.read(table).toPandas(), table)


@pytest.mark.proves_storage(
    place="`s3:` warehouse (moto)",
    data="260 records; a second night of 25",
    compared="traffic, scores, explanations, incidents and counts with the local ones, to the last "
    "bit, after `maintain`; all checks of `verify`",
)
def test_a_second_night_and_its_maintenance(
    uploaded: Warehouse,
    night_copy: Callable[[str], Warehouse],
    settings: Callable[..., Any],
    tmp_path: Path,
) -> None:
    """New files give the tables that they give locally, to the bit; all checks of verify hold."""
    assert isinstance(uploaded, DeltaRsWarehouse)
    write_traffic(tmp_path / "in" / "2.2026-11-21.csv", make_features(25, 21))
    local = night_copy("default")
    for warehouse in (local, uploaded):
        run = Stages(warehouse, settings("default"))
        run.ingest(tmp_path / "in")
        assert run.score() == 25
        run.evaluate()
        run.explain()
        run.monitor()
    log = RunLog(uploaded, "test", "0" * 64)
    with log.stage("maintain") as stage:
        eager = CompactionOptions(file_megabytes=128.0, small_files=2, vacuum_hours=0)
        done = maintain(Context(uploaded, log.run_id), Retention(None, None), eager)
        stage.report(done)
    assert done.tables["scores"].files_after == 1
    assert done.tables["scores"].files_deleted >= 2
    for table in TABLES:
        found = content(uploaded, table)
        pd.testing.assert_frame_equal(found, content(local, table), check_exact=True, obj=table)
    checks = verified(uploaded)
    assert outcomes(checks, Outcome.FAILED) == []
    assert outcomes(checks, Outcome.SKIPPED) == []
    assert read_night(uploaded, None).files == read_night(local, None).files


def test_lost_files_are_found(uploaded: Warehouse) -> None:
    """A data file that somebody deleted is named."""
    check = uploaded.check_data_files("scores")
    assert check.files
    assert not check.lost
    client, place = open_storage(f"{uploaded.root}/scores")
    (one, *_) = [
        file.path
        for file in client.get_file_info(fs.FileSelector(place))
        if file.path.endswith(".parquet")
    ]
    client.delete_file(one)
    (lost,) = uploaded.check_data_files("scores").lost
    assert one.endswith(lost.path)


def test_spark_writes_nothing_there(spark: SparkSession, bucket: str) -> None:
    """Its commits could be overwritten."""
    with pytest.raises(UnsupportedStorageError, match=r"set storage\.direct to auto"):
        open_warehouse(spark, bucket, direct="never")


@pytest.mark.parametrize(
    "arguments", [("verify",), ("sql", "SELECT max(severity) FROM scores")], ids=lambda one: one[0]
)
def test_a_refused_read_is_no_damage(
    uploaded: Warehouse,
    arguments: tuple[str, ...],
    run_job: Callable[..., subprocess.CompletedProcess[str]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where workers have no credentials, jobs that only read say so, and no check has failed."""
    context: Any = uploaded.spark.sparkContext
    nobody = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    monkeypatch.setattr(context, "environment", {**context.environment, **nobody})
    job, *rest = arguments
    done = run_job(job, "--warehouse", uploaded.root, *rest)
    assert done.returncode == 2, done.stdout + done.stderr
    last = done.stderr.splitlines()[-1]
    assert f"iotscore {job}: S3 refused a request of the workers (" in last
    assert "must be in the environment of the workers" in last


def test_tasks_look_where_the_driver_does(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Servers, region and account go with the tasks, also none, unless Spark is told of others."""
    context: Any = spark.sparkContext
    monkeypatch.setattr(context, "environment", {})
    monkeypatch.setattr(context, "_conf", context.getConf())
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_REGION", "eu-north-1")
    monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", "http://127.0.0.1:2/box")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "box")
    monkeypatch.delenv("STORAGE_EMULATOR_HOST")
    context._conf.set("spark.executorEnv.AWS_REGION", "inside")
    open_session("iotscore tests")
    assert context.environment == {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ENDPOINT_URL_S3": "",
        "AWS_DEFAULT_REGION": "",
        "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:2/box",
        "AZURE_STORAGE_ACCOUNT_NAME": "box",
        "AZURE_ENDPOINT": "",
        "STORAGE_EMULATOR_HOST": "",
    }
