"""spark-submit.sh: what it refuses, what it passes on, and where output goes."""

from __future__ import annotations

import os
import re
import runpy
import shutil
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PRINT_ARGUMENTS = 'printf "%s\\n" "$@"'


def script(path: Path, body: str) -> Path:
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/usr/bin/env bash\n{body}\n")
    path.chmod(0o755)
    return path


@dataclass(frozen=True)
class Launcher:
    """A copy of what spark-submit.sh needs, with jobs, Java and Spark settings of our own."""

    tree: Path

    def java(self, version: str) -> None:
        """Put a java on the PATH that only knows its version."""
        script(self.tree / "bin" / "java", f"echo 'openjdk version \"{version}\" 2025' >&2")

    def fake_spark(self, body: str) -> None:
        """Replace spark-submit."""
        script(self.tree / "spark" / "bin" / "spark-submit", body)
        (self.tree / "spark" / "jars").mkdir(exist_ok=True)
        (self.tree / "spark" / "jars" / "spark-core_2.13-4.2.0.jar").touch()

    def run(
        self,
        *arguments: str,
        through: Path | None = None,
        **environment: str,
    ) -> subprocess.CompletedProcess[str]:
        """Run spark-submit.sh as a user would, in a clean environment."""
        variables = {
            "PATH": os.pathsep.join(
                [str(self.tree / "bin"), str(Path(sys.executable).parent), os.environ["PATH"]]
            ),
            "SPARK_PROPERTIES": str(self.tree / "plain.conf"),
            **environment,
        }
        if (self.tree / "spark").exists():
            variables.setdefault("SPARK_HOME", str(self.tree / "spark"))
        return subprocess.run(
            [through or self.tree / "spark-submit.sh", *arguments],
            cwd=through.parent if through else None,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )


@pytest.fixture
def launcher(tmp_path: Path) -> Launcher:
    """Return a launcher in a folder with a space in its name, with the one job ``echo``."""
    tree = tmp_path / "a tree"
    for name in ("conf", "scripts"):
        shutil.copytree(ROOT / name, tree / name)
    (tree / "lib" / "iotscore").mkdir(parents=True)
    (tree / "lib" / "iotscore" / "__init__.py").write_text('"""Stand-in."""\n')
    shutil.copy(ROOT / "spark-submit.sh", tree)
    (tree / "jobs").mkdir()
    (tree / "jobs" / "echo.py").write_text("")
    (tree / "plain.conf").write_text("spark.ui.enabled false\n")
    return Launcher(tree)


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


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.2", "25"])
def test_another_java_is_refused_in_one_line(launcher: Launcher, version: str) -> None:
    """A Java that Spark cannot use exits with 2, its number and what to type."""
    launcher.java(version)
    launcher.fake_spark(PRINT_ARGUMENTS)
    result = launcher.run("echo")
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    major = version.removeprefix("1.").split(".")[0]
    assert f"Java 17 or 21; the PATH has {major}. Type: " in line


def test_java_home_is_asked_first(launcher: Launcher) -> None:
    """JAVA_HOME wins over the PATH, as it does in Spark, so it gets the blame."""
    launcher.java("17.0.1")
    launcher.fake_spark(PRINT_ARGUMENTS)
    result = launcher.run("echo", JAVA_HOME="/nowhere")
    assert result.returncode == 2
    assert "JAVA_HOME (/nowhere) has none. Unset JAVA_HOME: the PATH has Java 17" in result.stderr


def test_arguments_arrive_unchanged(launcher: Launcher) -> None:
    """Blanks, globs, quotes and empty arguments reach the job; those after -- reach Spark."""
    launcher.java("17.0.1")
    launcher.fake_spark(PRINT_ARGUMENTS)
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
    launcher.fake_spark(PRINT_ARGUMENTS)
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
    result = launcher.run("echo")
    assert (result.returncode, result.stdout, result.stderr) == (3, "1\n", "2\n")


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


def test_unreadable_settings_are_named(launcher: Launcher) -> None:
    """A wrong SPARK_PROPERTIES is told before anything starts."""
    launcher.java("17")
    launcher.fake_spark(PRINT_ARGUMENTS)
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
    launcher.fake_spark(PRINT_ARGUMENTS)
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
    launcher.fake_spark(PRINT_ARGUMENTS)
    script(launcher.tree / ".venv" / "bin" / "python", "exit 1")
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
    launcher.fake_spark("locale charmap; " + PRINT_ARGUMENTS)
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
    launcher.fake_spark(PRINT_ARGUMENTS)
    result = launcher.run("echo", "--", *options)
    assert (result.returncode, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert line.startswith(told)


def test_a_java_without_room_for_the_heap_is_not_called_a_wrong_one(launcher: Launcher) -> None:
    """The remedy is memory, not another Java; the heap that is tried is the job's."""
    heap = "Could not reserve enough space for ${1#-Xmx} object heap"
    script(launcher.tree / "bin" / "java", f'echo "{heap}" >&2; exit 1')
    launcher.fake_spark(PRINT_ARGUMENTS)
    result = launcher.run("echo", DRIVER_MEMORY="600m")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "cannot start with a heap of 600m (Could not reserve enough space for 614400k" in line
    assert "give DRIVER_MEMORY less" in line


GENERATED = "spark.authenticate.secret X"
SHOW_SETTINGS = """
while [[ "$1" != --properties-file ]]; do shift; done
stat -c %a "$2" "$(dirname "$2")"
cat "$2"
"""


def test_the_settings_of_a_run_are_private_and_protect_it(launcher: Launcher) -> None:
    """Whatever file was chosen: XML stays shut, local ports ask for a secret."""
    launcher.java("17")
    launcher.fake_spark(SHOW_SETTINGS)
    mine = launcher.tree / "mine.conf"
    mine.write_text("spark.executor.defaultJavaOptions  -Dx=y\nspark.x 1")
    modes, _, text = launcher.run("echo", "--", "--properties-file", str(mine)).stdout.partition(
        "spark"
    )
    lines = f"spark{text}".splitlines()
    assert modes.split()[1] == "700"
    xml = "-Djavax.xml.accessExternalDTD= -Djavax.xml.accessExternalSchema="
    options = [line for line in lines if line.startswith("spark.executor.defaultJavaOptions")]
    assert options[-1].startswith(f"spark.executor.defaultJavaOptions {xml}")
    assert options[-1].endswith(" -Dx=y")
    assert any(line.startswith(f"spark.driver.defaultJavaOptions {xml}") for line in lines)
    assert "spark.authenticate true" in lines
    assert "spark.x 1" in lines


@pytest.mark.parametrize(
    ("master", "secret", "told"),
    [
        ("local[2]", None, ["spark.authenticate true"]),
        (
            "local-cluster[1,1,1024]",
            None,
            ["spark.authenticate true", GENERATED],
        ),
        ("spark://a:1", "spark.authenticate.secret Z", ["spark.authenticate.secret Z"]),
        ("spark://a:1", None, []),
    ],
)
def test_secrets_are_told_in_a_file(
    launcher: Launcher, master: str, secret: str | None, told: list[str]
) -> None:
    """Processes that find each other by a secret get it there; the command line shows none."""
    launcher.java("17")
    launcher.fake_spark(SHOW_SETTINGS)
    environment = {"MASTER": master}
    if secret is not None:
        file = launcher.tree / "secret.conf"
        file.write_text(secret)
        file.chmod(0o600)
        environment["SPARK_SECRETS"] = str(file)
    lines = launcher.run("echo", **environment).stdout.splitlines()
    found = [re.sub("[0-9a-f]{64}$", "X", line) for line in lines if "authenticate" in line]
    assert found == told


def test_a_file_of_secrets_that_others_can_read_is_refused(launcher: Launcher) -> None:
    """Before anything starts."""
    launcher.java("17")
    launcher.fake_spark(PRINT_ARGUMENTS)
    file = launcher.tree / "secret.conf"
    file.touch(0o644)
    result = launcher.run("echo", SPARK_SECRETS=str(file))
    assert result.returncode == 2
    assert "must be a file that you can read and nobody else" in result.stderr


def test_scratch_is_private_and_that_of_killed_runs_goes(
    launcher: Launcher, tmp_path: Path
) -> None:
    """The next run removes what has neither Spark nor its server any more, and nothing else."""
    launcher.java("17")
    scratch = tmp_path / "scratch"
    disk = tmp_path / "disk"
    for folder in (scratch, disk):
        folder.mkdir()
    old = {}
    for name in ("dead", "alive", "shared", "foreign"):
        old[name] = scratch / (f"iotscore.{name}" if name != "foreign" else "other.dead")
        old[name].mkdir(0o755 if name == "shared" else 0o700)
        os.mkfifo(old[name] / "end")
    (disk / "iotscore.dead").mkdir(0o700)
    (disk / "precious").mkdir(0o700)
    listed = [disk / "iotscore.dead", disk / "precious"]
    (old["dead"] / "elsewhere").write_text("".join(f"{each}\0" for each in listed))
    (scratch / "iotscore.link").symlink_to(disk)
    streams = runpy.run_path(str(launcher.tree / "scripts" / "streams.py"))
    streams["remove_dead"].__globals__["_YOUNG"] = 0.0
    reader = os.open(old["alive"] / "end", os.O_RDONLY | os.O_NONBLOCK)
    try:
        streams["remove_dead"](scratch)
    finally:
        os.close(reader)
    left = {each.name for each in scratch.iterdir()}
    assert left == {"iotscore.alive", "iotscore.shared", "other.dead", "iotscore.link"}
    assert {each.name for each in disk.iterdir()} == {"precious"}

    shown = 'stat -c %a "$TMPDIR" "$TMPDIR/.." "$SPARK_LOCAL_DIRS"; echo "$SPARK_SUBMIT_OPTS"'
    launcher.fake_spark(f'touch "$SPARK_LOCAL_DIRS/x"; {shown}')
    result = launcher.run(
        "echo", TMPDIR=os.path.relpath(scratch), SPARK_LOCAL_DIRS=os.path.relpath(disk)
    )
    *modes, options = result.stdout.splitlines()
    assert modes[1:] == ["700", "700"], result.stderr
    assert f'-Djava.io.tmpdir="{scratch}/iotscore.' in options
    assert {each.name for each in scratch.iterdir()} == left
    assert {each.name for each in disk.iterdir()} == {"precious"}


@pytest.mark.e2e
def test_ports_need_a_secret_and_a_kill_leaves_nothing(launcher: Launcher, tmp_path: Path) -> None:
    """A client without the secret is refused by the driver's real port; then Java is killed."""
    (tmp_path / "scratch").mkdir()
    (launcher.tree / "jobs" / "echo.py").write_text(
        "import os, socket, struct, tempfile\n"
        "from pyspark import SparkContext\n"
        "conf = SparkContext().getConf()\n"
        "port = int(conf.get('spark.driver.port'))\n"
        "with socket.create_connection(('127.0.0.1', port), 10) as client:\n"
        "    client.sendall(struct.pack('>qbqi4s', 25, 3, 1, 4, b'ping'))\n"
        "    print(b'Expected SaslMessage' in client.recv(4096))\n"
        "print(tempfile.gettempdir(), sorted(os.listdir(tempfile.gettempdir())), flush=True)\n"
        "os.kill(os.getppid(), 9)\n"
    )
    result = launcher.run("echo", JAVA_HOME="", TMPDIR=str(tmp_path / "scratch"))
    refused, told = result.stdout.splitlines()
    assert refused == "True", result.stderr
    assert told.startswith(f"{tmp_path}/scratch/iotscore.")
    assert "blockmgr-" in told
    assert "spark-" in told
    assert result.returncode == -9
    assert list((tmp_path / "scratch").iterdir()) == []
    assert "incubator" not in result.stderr


@pytest.mark.e2e
@pytest.mark.parametrize("code", [0, 1, 2])
def test_exit_codes_pass_through_the_real_spark_submit(launcher: Launcher, code: int) -> None:
    """A job's exit code is the script's, and standard output holds what the job prints."""
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
