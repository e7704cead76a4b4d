"""spark-submit.sh: what it refuses, and which leftovers do not count."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conftest import Launcher

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "25"])
def test_another_java_is_refused_in_one_line(launcher: Launcher, version: str) -> None:
    """A Java that Spark cannot use exits with 2, its number and what to type."""
    launcher.java(version)
    launcher.fake_spark()
    result = launcher.run("echo")
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    major = version.removeprefix("1.").split(".")[0]
    assert f"Java 17 or 21; the PATH has {major}. Type: " in line


def test_java_home_is_asked_first(launcher: Launcher) -> None:
    """JAVA_HOME wins over the PATH, as it does in Spark, so it gets the blame."""
    launcher.java("17.0.1")
    launcher.fake_spark()
    result = launcher.run("echo", JAVA_HOME="/nowhere")
    assert result.returncode == 2
    assert "JAVA_HOME (/nowhere) has none. Unset JAVA_HOME: the PATH has Java 17" in result.stderr


def test_unreadable_settings_are_named(launcher: Launcher) -> None:
    """A wrong SPARK_PROPERTIES is told before anything starts."""
    launcher.java("17")
    launcher.fake_spark()
    result = launcher.run("echo", SPARK_PROPERTIES="missing.conf")
    assert result.returncode == 2
    assert "missing.conf cannot be read" in result.stderr


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("SPARK_HOME", "/nowhere/spark-3.5", "There is no Spark 4.2 in SPARK_HOME (/nowhere"),
        ("TMPDIR", "/nowhere", "/nowhere, does not exist or cannot be written; set TMPDIR"),
        ("DRIVER_MEMORY", "4gg", "DRIVER_MEMORY is '4gg'; it must be"),
        ("EXECUTOR_MEMORY", "lots", "EXECUTOR_MEMORY is 'lots'; it must be"),
        ("MASTER", "locl[2]", "MASTER is 'locl[2]'; it must be"),
        ("MASTER", "local[0]", "MASTER is 'local[0]'; it must be"),
        ("SPARK_CONF_DIR", "/nowhere", "The folder /nowhere of SPARK_CONF_DIR does not exist"),
        ("HADOOP_CONF_DIR", "/nowhere", "The folder /nowhere of HADOOP_CONF_DIR does not exi"),
        ("DRIVER_MEMORY", "900g", "The driver's memory is 900g, and this machine, or what this"),
        ("SPARK_SECRETS", "/nowhere", "SPARK_SECRETS (/nowhere) must be a file that you can re"),
        ("SPARK_LOCAL_DIRS", "/nowhere", "The folder /nowhere of SPARK_LOCAL_DIRS"),
        ("PYSPARK_PYTHON", "/nowhere/python", "is Python none that runs, and the driver's is"),
    ],
)
def test_what_cannot_work_is_told_in_one_line(
    launcher: Launcher, name: str, value: str, told: str
) -> None:
    """A fault of the environment exits with 2 and what to do, before Spark starts."""
    launcher.java("17")
    launcher.fake_spark()
    result = launcher.run("echo", **{name: value})
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert told in line


@pytest.mark.parametrize("name", ["thrift_server.sh", "cluster.sh"])
@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("TMPDIR=/nowhere", "The folder for temporary files, /nowhere, does not exist or"),
        ("JAVA_HOME=/nowhere", "JAVA_HOME (/nowhere) has none. Unset JAVA_HOME: the PATH has Java"),
        ("SPARK_HOME=/nowhere", "There is no Spark 4.2 in SPARK_HOME (/nowhere)"),
        ("HADOOP_CONF_DIR=/nowhere", "The folder /nowhere of HADOOP_CONF_DIR does not exist"),
        ("DRIVER_MEMORY=900g WORKER_MEMORY=900g", " is 900g, and this machine, or what this"),
    ],
)
def test_the_other_scripts_that_start_spark_look_too(
    launcher: Launcher, tmp_path: Path, name: str, variable: str, told: str
) -> None:
    """One line and exit code 2, as for a job; CDPATH leads none of them astray."""
    launcher.java("17")
    launcher.fake_spark()
    launcher.script(".venv/bin/python", "exit 1")
    cluster = launcher.tree / "deploy" / "standalone" / "cluster.sh"
    shutil.copytree(ROOT / "deploy" / "standalone", cluster.parent)
    through = cluster if name == "cluster.sh" else launcher.tree / "scripts" / name
    arguments = ("start", str(tmp_path / "c")) if through == cluster else ()
    environment = dict(each.split("=") for each in variable.split())
    result = launcher.run(*arguments, through=through, CDPATH="/:/tmp", **environment)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert told in line


def test_leftovers_in_the_environment_do_not_count(launcher: Launcher) -> None:
    """Neither a folder for cd, nor another Python's settings, nor another Spark's address."""
    launcher.java("17")
    names = "PYTHONHOME PYTHONPATH CDPATH SPARK_REMOTE"
    launcher.fake_spark(f'for name in {names}; do echo "${{!name:-unset}}"; done')
    values = dict.fromkeys(names.split(), "/")
    result = launcher.run("echo", **values)
    assert (result.returncode, result.stdout) == (0, "unset\n" * 4), result.stderr


@pytest.mark.parametrize("locale", [{}, {"LC_ALL": "C"}, {"LANG": "xx_YY.UTF-8"}])
def test_java_gets_a_locale_that_knows_all_letters(
    launcher: Launcher, locale: dict[str, str]
) -> None:
    """Cron sets none, and Java would read each other letter as a question mark."""
    launcher.java("17")
    launcher.fake_spark("locale charmap; printf '%s\\n' \"$@\"")
    result = launcher.run("echo", "--input", "données", **locale)
    assert result.stdout.startswith("UTF-8\n"), result.stderr
    assert "données" in result.stdout


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--driver-memory", "900g"), "The driver's memory is 900g, and this machine, or what"),
        (("--conf", "spark.driver.memory=900000"), "The driver's memory is 900000, and this mach"),
        (("--driver-memory=100m",), "The driver's memory is 100m; Spark needs at least 512m"),
        (("--properties-file", "/nowhere.conf"), "The Spark settings /nowhere.conf cannot be re"),
        (("--conf", "spark.local.dir=/nowhere"), "The folder /nowhere of SPARK_LOCAL_DIRS or sp"),
    ],
)
def test_spark_s_own_options_are_looked_at_too(
    launcher: Launcher, options: tuple[str, ...], told: str
) -> None:
    """What stands behind -- asks for the same things as the environment."""
    launcher.java("17")
    launcher.fake_spark()
    result = launcher.run("echo", "--", *options)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(told)


def test_a_java_without_room_for_the_heap_is_not_called_a_wrong_one(launcher: Launcher) -> None:
    """The remedy is memory, not another Java; the heap that is tried is the job's."""
    heap = "Could not reserve enough space for ${1#-Xmx} object heap"
    launcher.script("bin/java", f'echo "{heap}" >&2; exit 1')
    launcher.fake_spark()
    result = launcher.run("echo", DRIVER_MEMORY="600m")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "cannot start with a heap of 600m (Could not reserve enough space for 614400k" in line
    assert "give DRIVER_MEMORY less" in line


GENERATED = "spark.authenticate.secret X"
