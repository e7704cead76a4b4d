"""spark-submit.sh: settings, secrets and scratch of a run are its own."""

from __future__ import annotations

import os
import re
import runpy
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Launcher


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
    launcher.fake_spark()
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
    launcher.real_spark()
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
