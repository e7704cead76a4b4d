"""Fixtures for all tests. Spark starts when the first test that needs it asks, and only once."""

from __future__ import annotations

import fcntl
import logging
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import numpy as np
import pytest

from iotscore.features import N_FEATURES, SOURCE_FEATURES
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

ROOT = Path(__file__).resolve().parent.parent

# Speed lives in benchmarks: beside other work any example may take long.
hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, and all tests of Spark in their own process into one.

    A session is slow until it has done everything once. All other tests are dealt out by files.
    """
    order = {"e2e": 0, "spark": 1}
    items.sort(key=lambda item: order.get(item.path.relative_to(ROOT).parts[1], len(order)))
    for item in items:
        uses_spark = "_session" in getattr(item, "fixturenames", ())
        item.add_marker(pytest.mark.xdist_group("spark" if uses_spark else item.path.stem))


@pytest.fixture(scope="session")
def nbaiot() -> Path:
    """Return the folder of real N-BaIoT rows, which the project does not ship."""
    folder = Path(os.environ.get("IOTSCORE_NBAIOT_SAMPLE", ROOT.parent / "shared" / "nbaiot"))
    if not (folder / "sample").is_dir():
        pytest.skip(f"no N-BaIoT rows in {folder}; IOTSCORE_NBAIOT_SAMPLE may point at them")
    return folder


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
        "spark.driver.extraJavaOptions": _SHORT_LIVED[1],
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


@pytest.fixture(scope="session")
def settings() -> Callable[..., Settings]:
    """Return a loader of settings: profile, then assignments; the autoencoder trains briefly."""
    from iotscore.config import load_settings

    def load(profile: str, *assignments: str) -> Settings:
        quick = ("detectors.lstm.min_updates=0", "detectors.lstm.epochs=1")
        return load_settings(ROOT / "conf", profile, (), (*quick, *assignments))

    return load


def feature_rows(rows: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Return made-up features: positive and skewed like packet sizes; ``shift`` moves them away."""
    rng = np.random.default_rng(seed)
    return rng.gamma(2.0, 50.0, (rows, N_FEATURES)) * (1.0 + shift * rng.random(N_FEATURES))


def write_csv(path: Path, values: np.ndarray) -> None:
    """Write a traffic file; ``repr`` keeps every bit of a float."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [",".join(SOURCE_FEATURES), *(",".join(map(repr, row)) for row in values.tolist())]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.fixture(scope="session")
def write_traffic() -> Callable[[Path, np.ndarray], None]:
    """Return :func:`write_csv`."""
    return write_csv


@pytest.fixture(scope="session")
def make_features() -> Callable[..., np.ndarray]:
    """Return :func:`feature_rows`."""
    return feature_rows


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a maker of what all processes of this run of the tests share, each made by one."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def make(name: str, fill: Callable[[Path], object]) -> Path:
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            place = shared / f"{name}-shared"
            if not place.exists():
                part = shared / f"{name}-part"
                fill(part)
                part.rename(place)
            return place

    return make


@pytest.fixture(scope="session")
def landing(made_once: Callable[..., Path]) -> Path:
    """Return a small landing folder: two devices, benign, two attacks, one unlabelled night."""
    return made_once("landing", _fill_landing)


def _fill_landing(folder: Path) -> None:
    folder.mkdir()
    files = {
        "1.benign.csv": (90, 0.0),
        "2.benign.csv": (60, 0.0),
        "1.gafgyt.tcp.csv": (40, 3.0),
        "2.mirai.syn.csv": (40, 0.4),
        "1.2026-11-20.csv": (30, 0.2),
    }
    for seed, (name, (rows, shift)) in enumerate(files.items()):
        write_csv(folder / name, feature_rows(rows, seed, shift))
    (folder / "device_info.csv").write_text("DeviceID,DeviceName\n1,Doorbell\n2,Camera\n")
    summary = ["File Name, Data Count, Feature Count"]
    summary += [f"{name},{rows},115" for name, (rows, _) in files.items()]
    (folder / "data_summary.csv").write_bytes("\r\n".join([*summary, ""]).encode())


_SHORT_LIVED = (
    "--driver-java-options",
    "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC -XX:-UsePerfData",
)
"""A test's job is short: the second compiler would never earn back what it costs. The first alone
has 48 MB for code by default, which a session of many tests fills; then nothing is compiled at all.
Little is thrown away, too, so a collector with threads of its own costs more than one without.
"""


_CLASSES = "spark.jsa"
_BY_SCORING = ("scores", "scored_files", "score_histogram", "metrics", "roc_points")


_ELSEWHERE = """<configuration>
  <property><name>fs.defaultFS</name><value>hdfs://nowhere.invalid:8020</value></property>
</configuration>
"""


@pytest.fixture(scope="session")
def first_night(made_once: Callable[..., Path], landing: Path) -> Path:
    """Return a folder with the ``warehouse`` of a night on a few made-up files; copy, do not write.

    The night is run as cron would: hardly an environment, in a folder with an accent, beside a
    Hadoop that is elsewhere. What it printed is in ``stdout.txt`` and ``stderr.txt``. Most of its
    time such a job reads and checks the classes of Spark: they are kept beside it.
    """
    option, flags = _SHORT_LIVED

    def run(folder: Path) -> None:
        shutil.copytree(landing, folder / "in")
        (folder / "scratch").mkdir()
        (folder / "hadoop").mkdir()
        (folder / "hadoop" / "core-site.xml").write_text(_ELSEWHERE)
        quick = ("--set", "detectors.lstm.min_updates=0")
        kept = f"{flags} -Xlog:disable -XX:ArchiveClassesAtExit={folder / _CLASSES}"
        done = subprocess.run(
            [
                *(ROOT / "spark-submit.sh", "nightly", "--input", folder / "in", *quick),
                *("--warehouse", folder / "warehouse", "--", option, kept),
            ],
            capture_output=True,  # so it ends when all of its processes have
            check=False,
            cwd=folder,
            env={
                "PATH": os.environ["PATH"],
                "HOME": os.environ.get("HOME", "/"),
                "HADOOP_CONF_DIR": str(folder / "hadoop"),
                "TMPDIR": str(folder / "scratch"),
            },
        )
        assert done.returncode == 0, done.stderr.decode()[-3000:]
        (folder / "stdout.txt").write_bytes(done.stdout)
        (folder / "stderr.txt").write_bytes(done.stderr)

    return made_once("première-nuit", run)


@pytest.fixture(scope="session")
def copy_unscored() -> Callable[[Path, Path], Path]:
    """Return a function that copies a warehouse as it was before it was scored."""
    left_out = shutil.ignore_patterns(*_BY_SCORING)
    return lambda night, folder: shutil.copytree(night, folder, ignore=left_out)


@pytest.fixture(scope="session")
def short_lived(first_night: Path) -> tuple[str, str]:
    """Return options of spark-submit for a job that is over soon."""
    option, flags = _SHORT_LIVED
    return option, f"{flags} -Xlog:disable -XX:SharedArchiveFile={first_night / _CLASSES}"


@pytest.fixture(scope="session")
def submit(short_lived: tuple[str, str]) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Return a function that runs ./spark-submit.sh as a user would, from another folder."""

    def run(
        *arguments: str | Path,
        environment: dict[str, str] | None = None,
        options: tuple[str, ...] = (),
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [ROOT / "spark-submit.sh", *map(str, arguments), "--", *short_lived, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            env={**os.environ, **(environment or {})},
        )

    return run
