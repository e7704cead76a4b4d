"""spark-submit.sh: what it passes on, and where output goes."""

from __future__ import annotations

import os
import zipfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Launcher


def test_without_arguments_the_usage_is_told(launcher: Launcher) -> None:
    """No job is the user's fault: usage on standard error, exit code 2, no JVM."""
    result = launcher.run()
    assert result.returncode == 2
    assert result.stdout == ""
    assert "usage: ./spark-submit.sh JOB" in result.stderr
    assert "Jobs: echo" in result.stderr


def test_help_is_an_answer(launcher: Launcher) -> None:
    """--help prints the usage on standard output and succeeds."""
    result = launcher.run("--help")
    assert result.returncode == 0
    assert "DRIVER_MEMORY" in result.stdout
    assert "#" not in result.stdout


@pytest.mark.parametrize("job", ["nope", "../jobs/echo", "echo.py", "", "_private"])
def test_an_unknown_job_lists_the_known_ones(launcher: Launcher, job: str) -> None:
    """Anything that is not the name of a file in jobs/ exits with 2 and one line."""
    (launcher.tree / "jobs" / "_private.py").write_text("")
    result = launcher.run(job)
    assert result.returncode == 2
    assert result.stderr == f"There is no job named '{job}'. Choose one of: echo\n"


def test_arguments_arrive_unchanged(launcher: Launcher) -> None:
    """Blanks, globs, quotes and empty arguments reach the job; those after -- reach Spark."""
    launcher.java("17.0.1")
    launcher.fake_spark()
    query = "SELECT 'a  b', \"*\" FROM scores; $HOME"
    result = launcher.run("echo", query, "*", "", "--", "--conf", "spark.x=a b", MASTER="local[1]")
    assert result.returncode == 0, result.stderr
    arguments = result.stdout.splitlines()
    job = str(launcher.tree / "jobs" / "echo.py")
    assert arguments[arguments.index(job) :] == [job, query, "*", ""]
    assert arguments[arguments.index(job) - 2 : arguments.index(job)] == ["--conf", "spark.x=a b"]
    assert arguments[:2] == ["--master", "local[1]"]


def test_the_zip_is_built_and_passed(launcher: Launcher) -> None:
    """Executors get dist/iotscore.zip with the package at its root."""
    launcher.java("21")
    launcher.fake_spark()
    arguments = launcher.run("echo").stdout.splitlines()
    archive = launcher.tree / "dist" / "iotscore.zip"
    assert arguments[arguments.index("--py-files") + 1] == str(archive)
    assert zipfile.ZipFile(archive).namelist() == ["iotscore/__init__.py"]


def test_it_works_from_anywhere_through_a_link(launcher: Launcher, tmp_path: Path) -> None:
    """The root is found through symbolic links, and the caller's folder stays the current one."""
    launcher.java("17")
    launcher.fake_spark('pwd; echo "$IOTSCORE_HOME"')
    link = tmp_path / "elsewhere" / "link.sh"
    link.parent.mkdir()
    link.symlink_to("../a tree/spark-submit.sh")
    result = launcher.run("echo", through=link)
    assert result.stdout.splitlines() == [str(link.parent), str(launcher.tree)]


def test_the_two_streams_stay_apart(launcher: Launcher) -> None:
    """Spark joins a driver's standard error to its output; the launcher keeps it out again."""
    launcher.java("17")
    driver = "import sys; print(1); print(2, file=sys.stderr); sys.exit(3)"
    (launcher.tree / "jobs" / "echo.py").write_text(driver)
    launcher.fake_spark('"$PYSPARK_DRIVER_PYTHON" "$IOTSCORE_HOME/jobs/echo.py" >/dev/null 2>&1')
    assert launcher.run("echo").returncode == 3  # keeps Spark's classes, and says so
    result = launcher.run("echo")
    assert (result.returncode, result.stdout, result.stderr) == (3, "1\n", "2\n")


def test_classes_are_kept_once_for_a_spark(launcher: Launcher) -> None:
    """The first job in local mode keeps them, the next map them; another Spark has others."""
    launcher.java("17")
    launcher.fake_spark('cat "$6"')
    assert "SharedArchiveFile" not in launcher.run("echo", MASTER="spark://x:1").stdout
    first, second = launcher.run("echo"), launcher.run("echo")
    assert "Keeping Spark's classes" in first.stderr
    assert second.stderr == ""
    (kept,) = (launcher.tree / ".tools" / "classes").iterdir()
    for result in (first, second):
        assert f'"-XX:SharedArchiveFile={kept}"\n' in result.stdout
    (launcher.tree / "other.conf").write_text("spark.ui.enabled true\n")
    other = launcher.run("echo", SPARK_PROPERTIES=str(launcher.tree / "other.conf"))
    assert other.stderr == ""
    (launcher.tree / "spark" / "jars" / "another.jar").touch()
    assert "Keeping Spark's classes" in launcher.run("echo").stderr


def test_classes_that_cannot_be_kept_stop_nothing(launcher: Launcher) -> None:
    """It is told, with where the reason lies, and tried again once that note is removed."""
    launcher.java("17")
    launcher.fake_spark('cat "$6"')
    fails = 'if [[ "$*" == *exercise.py* ]]; then echo no space; exit 1; fi; cat "$6"'
    launcher.script("spark/bin/spark-submit", fails)
    result = launcher.run("echo")
    assert result.returncode == 0
    assert "SharedArchiveFile" not in result.stdout
    (note,) = (launcher.tree / ".tools" / "classes").iterdir()
    assert f"jobs start more slowly; {note} says why" in result.stderr
    assert note.read_text() == "no space\n"
    assert launcher.run("echo").stderr == ""
    launcher.fake_spark('cat "$6"')
    note.unlink()
    assert "SharedArchiveFile" in launcher.run("echo").stdout


def test_every_byte_of_an_argument_arrives(launcher: Launcher) -> None:
    """Whatever Java and the shell of Spark would make of it."""
    launcher.java("17")
    driver = "import os, sys; print([os.fsencode(each) for each in sys.argv[1:]])"
    (launcher.tree / "jobs" / "echo.py").write_text(driver)
    launcher.fake_spark('"$PYSPARK_DRIVER_PYTHON" "$IOTSCORE_HOME/jobs/echo.py" mangled')
    given = [b"", b"a b", b"\r\n", b"donn\xe9es", "données".encode(), b"'\"$*\\"]
    result = launcher.run("echo", *map(os.fsdecode, given))
    assert result.stdout == f"{given}\n", result.stderr


def test_nothing_stays_behind_if_spark_never_starts(launcher: Launcher, tmp_path: Path) -> None:
    """When Spark dies before Python starts, the copying of standard error ends and is removed."""
    launcher.java("17")
    launcher.fake_spark("exit 1")
    (tmp_path / "scratch").mkdir()
    # Captured pipes are read until every writer is gone: a process left behind would hang here.
    assert launcher.run("echo", TMPDIR=str(tmp_path / "scratch")).returncode == 1
    assert list((tmp_path / "scratch").iterdir()) == []


@pytest.mark.parametrize("option", [("--deploy-mode", "cluster"), ("--deploy-mode=cluster",)])
def test_a_driver_on_the_cluster_gets_no_local_python(
    launcher: Launcher, option: tuple[str, ...]
) -> None:
    """In cluster mode a driver's Python set here would be looked for on another machine."""
    launcher.java("17")
    launcher.fake_spark('echo "${PYSPARK_DRIVER_PYTHON:-unset}"')
    assert launcher.run("echo", "--", *option).stdout == "unset\n"
    assert launcher.run("echo").stdout != "unset\n"


@pytest.mark.e2e
@pytest.mark.parametrize("code", [0, 1, 2])
def test_exit_codes_pass_through_the_real_spark_submit(launcher: Launcher, code: int) -> None:
    """A job's exit code is the script's, and standard output holds what the job prints."""
    launcher.real_spark()
    (launcher.tree / "jobs" / "echo.py").write_text(
        "import sys, iotscore\n"
        "print(sys.argv[1:], iotscore.__doc__)\n"
        "print('told', file=sys.stderr)\n"
        f"sys.exit({code})\n"
    )
    result = launcher.run("echo", "a b", JAVA_HOME="", TMPDIR=str(launcher.tree))
    assert result.returncode == code, result.stderr
    assert result.stdout == "['a b'] Stand-in.\n"
    assert "told\n" in result.stderr
