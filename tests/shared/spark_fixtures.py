"""Fixtures on the one Spark session of this process, which starts when a test first asks for it."""

from __future__ import annotations

import logging
import os
import runpy
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

ROOT = Path(__file__).resolve().parents[2]
SHORT_LIVED = (
    "--driver-java-options",
    "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -XX:-UsePerfData",
)
"""A test's job is short: the second compiler would never earn back what it costs. The first alone
has 48 MB for code by default, which a session of many tests fills; then nothing is compiled at all.
Little is thrown away, too, so a collector with threads of its own costs more than one without.
"""


def spark_settings() -> dict[str, str]:
    """Return conf/spark-defaults.conf, with the jars it names as local files."""
    properties = ROOT / "conf" / "spark-defaults.conf"
    lines = properties.read_text(encoding="utf-8").splitlines()
    pairs = (line.split(None, 1) for line in lines if line.strip() and line[0] != "#")
    settings = {key: value.strip() for key, value in pairs}
    import pyspark

    found = subprocess.run(
        [ROOT / "scripts" / "jars.sh", properties],
        env={**os.environ, "SPARK_HOME": str(Path(pyspark.__file__).parent)},
        capture_output=True,
        text=True,
        check=True,
    )
    settings["spark.jars"] = found.stdout.strip()
    del settings["spark.jars.packages"], settings["spark.jars.excludes"]
    return settings


@pytest.fixture(scope="session")
def _session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkSession]:
    scratch = tmp_path_factory.mktemp("spark")
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    # Spark's Python workers are processes of their own.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT / "lib"), str(ROOT / "tests" / "workers")])
    from iotscore.warehouse.session import open_session

    settings = {
        **spark_settings(),
        "spark.master": "local[2,4]",  # as in jobs, a task that fails is tried again
        "spark.driver.memory": "2g",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
        "spark.local.dir": str(scratch / "local"),
        # Test frames are tiny: more tasks would be all overhead.
        "spark.sql.shuffle.partitions": "2",
        "spark.databricks.delta.snapshotPartitions": "1",
        "spark.log.level": "ERROR",
        # A worker that waits for a minute ends, and the next one would import everything again.
        "spark.python.daemon.module": "loaded_daemon",
        # Interpreting a query is a quarter faster than compiling it here; jobs compile, and the
        # tests of tests/e2e run jobs.
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.driver.extraJavaOptions": SHORT_LIVED[1],
    }
    spark = open_session("iotscore tests", settings)
    yield spark
    spark.stop()


@pytest.fixture
def spark(_session: SparkSession) -> Iterator[SparkSession]:
    """Return the one Spark session of this process, clean of what other tests cached."""
    yield _session
    _session.catalog.clearCache()
    for setting in ("spark.sql.runSQLOnFiles", "spark.sql.variable.substitute"):
        _session.conf.unset(setting)  # the job sql sets them
    for table in _session.sql("SHOW TABLES").collect():
        if table.isTemporary:
            _session.catalog.dropTempView(table.tableName)


@pytest.fixture
def run_job(
    spark: SparkSession, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs a job's ``main`` in this process, on the session of the tests.

    For what a job does and says where no process of its own matters: that one costs the start of
    Java and every import again. ``submit`` starts one.
    """
    monkeypatch.setattr(type(spark), "stop", lambda _: None)
    monkeypatch.setenv("IOTSCORE_HOME", str(ROOT))

    def run(job: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        main = runpy.run_path(str(ROOT / "jobs" / f"{job}.py"))["main"]
        capsys.readouterr()
        # The root logger belongs to pytest, so the job adds no handler of its own.
        lines = logging.StreamHandler(sys.stderr)
        logging.getLogger("iotscore").addHandler(lines)
        try:
            code = main([str(argument) for argument in arguments])
        finally:
            logging.getLogger("iotscore").removeHandler(lines)
        told = capsys.readouterr()
        return subprocess.CompletedProcess([job, *arguments], code, told.out, told.err)

    return run


@pytest.fixture
def warehouse(spark: SparkSession, tmp_path: Path) -> Warehouse:
    """Return an empty warehouse."""
    return open_warehouse(spark, str(tmp_path / "warehouse"))
