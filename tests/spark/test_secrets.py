"""Secrets that reach a job through its environment, folders or Spark: in no table, in no line."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from deltalake import DeltaTable

from iotscore import redaction as masking
from iotscore.cli.job import guarded, prepare
from iotscore.cli.stages import ingest_stage, score_stage
from iotscore.cli.tables.night import print_nightly
from iotscore.errors import RefusalError
from iotscore.exit_codes import BUG
from iotscore.warehouse.schemas import TABLES
from iotscore.warehouse.session import open_session
from traffic_files import make_features, write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import SparkSession

    from iotscore.cli.job import Job
    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

ROOT = Path(__file__).resolve().parents[2]
KEY = "wJalrXUtnFEMI/K7MDENG"
URI = "file://AKIAEXAMPLE:swordfish@bucket/landing"
"""Of this one Hadoop says that the host is wrong, and repeats it whole; s3a needs a jar."""


def text_of(root: str) -> str:
    """Return all that the tables of a warehouse hold, rows and logs, as one text."""
    parts = []
    for table in TABLES:
        path = f"{root}/{table}"
        if DeltaTable.is_deltatable(path):
            found = DeltaTable(path)
            rows = found.to_pyarrow_table().to_pylist()
            parts += [str(rows), str(found.history())]
    return "\n".join(parts)


def job_on(spark: SparkSession, root: Path | str, settings: Settings, folder: str = "") -> Job:
    """Return a job as :func:`iotscore.cli.job.run_job` prepares it."""
    arguments = argparse.Namespace(profile="default", input=folder)
    return prepare(spark, str(root), arguments, settings)


def test_a_stage_that_fails_by_spark_keeps_the_password_to_itself(
    spark: SparkSession,
    tmp_path: Path,
    settings: Callable[..., Any],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Hadoop repeats the URI in its error; the run record and the traceback do not."""
    with pytest.raises(Exception, match="swordfish"):
        spark.read.text(f"{URI}/{KEY}")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", KEY)
    job = job_on(spark, tmp_path, settings("default"))

    def fail() -> None:
        with job.runs.stage("ingest") as stage:
            stage.details = {"files": 1}
            spark.read.text(f"{URI}/{KEY}").collect()

    assert guarded("ingest", fail) == BUG
    told = capsys.readouterr().err
    [failed] = job.warehouse.rows("runs", status="failed")
    for text in (told, failed["error"], text_of(str(tmp_path))):
        assert "swordfish" not in text
        assert "AKIAEXAMPLE" not in text
        assert KEY not in text
    assert "file://***@bucket/landing/***" in failed["error"]


def test_a_night_in_a_folder_with_a_secret_holds_none(
    spark: SparkSession,
    tmp_path: Path,
    settings: Callable[..., Any],
    night_copy: Callable[[str], Warehouse],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Tables know files by their path below the landing folder; of the rest nothing is kept."""
    monkeypatch.setenv("LANDING_TOKEN", "swordfish-4711")
    landing = tmp_path / "in-swordfish-4711"
    write_traffic(landing / "2.2026-11-21.csv", make_features(25, 9))
    (landing / "strange.csv").write_text("x\n1\n")
    root = night_copy("default").root
    job = job_on(spark, root, settings("default"), str(landing))
    with pytest.raises(RefusalError):
        ingest_stage(job)
    print_nightly(job, score_stage(job, None), None)
    captured = capsys.readouterr()
    assert "try:" in captured.out
    content = text_of(root)
    assert "2.2026-11-21.csv" in content
    assert "strange.csv" in content
    for text in (captured.out, captured.err, content):
        assert "swordfish-4711" not in text


def test_the_closing_table_masks_the_warehouse(
    spark: SparkSession,
    settings: Callable[..., Any],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The folder of the tables is printed to be copied, but not with what only its owner knows."""
    root = tmp_path / "of swordfish"
    monkeypatch.setenv("WAREHOUSE_TOKEN", "of swordfish")
    job = job_on(spark, root, settings("default"))
    print_nightly(job, "0123456789ab", None)
    printed = capsys.readouterr().out
    assert f"tables: {tmp_path}/***\n" in printed
    assert "swordfish" not in printed


def test_secrets_of_spark_s_settings_are_known(spark: SparkSession) -> None:
    """What spark-submit was given with --conf is masked once the session is open."""
    key = "spark.hadoop.fs.s3a.secret.key"
    context: Any = spark.sparkContext
    context._conf.set(key, "sword fish 12")
    try:
        open_session("iotscore tests")
        assert masking.masked("denied: sword fish 12") == "denied: ***"
    finally:
        masking._settings.pop(key, None)
        context._conf.set(key, "")


def test_lines_of_the_jvm_hold_no_password(spark: SparkSession) -> None:
    """The layout in conf/log4j2.properties masks URIs in messages and in traces, and them only."""
    properties = (ROOT / "conf" / "log4j2.properties").read_text(encoding="utf-8")
    jvm: Any = spark.sparkContext._jvm
    loaded = jvm.java.util.Properties()
    loaded.load(jvm.java.io.StringReader(properties))
    pattern = loaded.getProperty("appender.stderr.layout.pattern")
    log4j = jvm.org.apache.logging.log4j
    layout = log4j.core.layout.PatternLayout.newBuilder().withPattern(pattern).build()
    message = log4j.message.SimpleMessage(f"reading {URI} on hdfs://h:8020/a, x@y \x1b[2J\u202e")
    event = log4j.core.impl.Log4jLogEvent.newBuilder().setMessage(message)
    event = event.setLoggerName("a.b.Hadoop").setLevel(log4j.Level.WARN)
    event = event.setThrown(jvm.java.io.IOException(f"Wrong FS: {URI}")).build()
    told = layout.toSerializable(event)
    masked_uri = "file://***@bucket/landing"
    assert f"WARN Hadoop: reading {masked_uri} on hdfs://h:8020/a, x@y ?[2J?\n" in told
    assert f"java.io.IOException: Wrong FS: {masked_uri}\n" in told
    assert "swordfish" not in told
