"""deploy/: the wrapper of a night, and schedules whose commands our jobs understand."""

from __future__ import annotations

import ast
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.cli import job
from kubernetes_files import documents, operator_template

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
JOBS = {path.stem for path in (ROOT / "jobs").glob("*.py")}


@pytest.fixture
def night(tmp_path: Path) -> Callable[..., subprocess.Popen[str]]:
    """Return a function that starts nightly.sh over a spark-submit.sh with the given body."""

    def start(body: str, *arguments: str, **environment: str) -> subprocess.Popen[str]:
        (tmp_path / "deploy").mkdir()
        shutil.copy(DEPLOY / "nightly.sh", tmp_path / "deploy")
        submit = tmp_path / "spark-submit.sh"
        submit.write_text(f'#!/usr/bin/env bash\ncd "{tmp_path}"\necho "$*" >>calls\n{body}\n')
        submit.chmod(0o755)
        return subprocess.Popen(
            [tmp_path / "deploy" / "nightly.sh", *arguments],
            env={**os.environ, "PAUSE": "0", "GRACE": "5", **environment},
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def calls(folder: Path) -> list[str]:
    """Return the arguments of each call of spark-submit.sh."""
    return (folder / "calls").read_text().splitlines()


ENDS_WITH = 'read -r code <codes; sed -i 1d codes; exit "$code"'


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        ("0", (0, 1)),
        ("2", (2, 1)),
        ("3", (3, 1)),
        ("129", (129, 1)),
        ("130", (130, 1)),
        ("143", (143, 1)),
        ("1 0", (0, 2)),
        ("137 1 0", (0, 3)),
        ("137 2", (2, 2)),
        ("1 1 1 0", (1, 3)),
    ],
)
def test_passing_faults_are_tried_again(
    codes: str,
    expected: tuple[int, int],
    night: Callable[..., subprocess.Popen[str]],
    tmp_path: Path,
) -> None:
    """Up to three times; what somebody has to mend is not."""
    (tmp_path / "codes").write_text(codes.replace(" ", "\n") + "\n")
    running = night(ENDS_WITH, "--input", "a b", "--", "--name", "x")
    _, told = running.communicate(timeout=60)
    assert (running.returncode, len(calls(tmp_path))) == expected, told
    assert set(calls(tmp_path)) == {"nightly --input a b -- --name x"}
    assert told.count("again in 0 s") == expected[1] - 1


LINGERS = """
(trap - INT; exec bash -c '
for one in HUP INT TERM; do trap "sleep 0.3; echo $one >end; exit 143" $one; done
touch ready
while :; do sleep 0.1; done') &
wait
"""
"""A job whose own process ends at once when it is stopped, and whose driver has a word to say."""


def test_the_limit_stops_the_whole_job(
    night: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """Exit code 124, no second try, and the driver had time to tell how it went."""
    running = night(LINGERS, LIMIT="1")
    _, told = running.communicate(timeout=60)
    assert running.returncode == 124
    assert "not done within 1 s" in told
    assert (tmp_path / "end").read_text() == "TERM\n"
    assert len(calls(tmp_path)) == 1


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_stop_is_passed_on(
    number: signal.Signals, night: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    """By a service manager or Ctrl-C: the job ends first, by the same signal, then the script."""
    before = signal.signal(number, signal.SIG_DFL)  # whoever runs the tests may ignore it
    running = night(LINGERS)
    signal.signal(number, before)
    while not (tmp_path / "ready").exists():
        time.sleep(0.02)
    running.send_signal(number)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 128 + number, told
    assert (tmp_path / "end").read_text() == f"{number.name.removeprefix('SIG')}\n"


def test_a_deaf_job_is_killed(night: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    """After GRACE seconds; the code is that of the limit, which is not tried again."""
    deaf = 'trap "" TERM; while :; do sleep 0.1; done'
    running = night(deaf, LIMIT="1", GRACE="1")
    running.communicate(timeout=60)
    assert running.returncode == 124
    assert len(calls(tmp_path)) == 1


def commands() -> dict[str, list[str]]:
    """Return each schedule's command: a job and its arguments."""
    found = {}
    texts = [("cron", line) for line in (DEPLOY / "cron" / "crontab").read_text().splitlines()]
    for unit in (DEPLOY / "systemd").glob("*.service"):
        texts += [(unit.name, line) for line in unit.read_text().splitlines()]
    for place, line in texts:
        if command := re.search(r"/opt/iotscore/((?:deploy/nightly|spark-submit)\.sh) (.*)", line):
            words = shlex.split(command[2].partition(">>")[0])
            given = ["nightly"] if command[1] == "deploy/nightly.sh" else []
            found[f"{place} {(given + words)[0]}"] = given + words
    [cronjob] = documents("cronjob.yaml")
    [container] = cronjob["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    assert container["command"][-1] == "/opt/iotscore/deploy/nightly.sh"
    arguments = container["args"]
    found["cronjob"] = ["nightly", *arguments[: arguments.index("--")]]
    found["operator"] = ["nightly", *operator_template()["arguments"]]
    return found


@pytest.mark.parametrize(("place", "command"), commands().items())
def test_the_jobs_understand_their_schedules(
    place: str, command: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real parser of the job takes the arguments that a schedule gives."""
    name, *arguments = command
    assert name in JOBS, place
    given: dict[str, Any] = {}
    monkeypatch.setattr(job, "_run", lambda _, parsed, *__: given.update(vars(parsed)))
    monkeypatch.setattr("iotscore.cli.recorder.Recorder.write", lambda *_: None)
    main = runpy.run_path(str(ROOT / "jobs" / f"{name}.py"))["main"]
    assert main(arguments) == 0
    assert given["warehouse"] == "/data/warehouse"


def test_every_way_to_schedule_has_a_night() -> None:
    """The test above looks at them all."""
    assert {place for place, command in commands().items() if command[0] == "nightly"} == {
        "cron nightly",
        "iotscore-nightly.service nightly",
        "cronjob",
        "operator",
    }


def test_times_of_cron_are_times() -> None:
    """Five fields of numbers in their ranges, or stars."""
    lines = (DEPLOY / "cron" / "crontab").read_text().splitlines()
    jobs = [line.split(maxsplit=5) for line in lines if line[:1].isdigit()]
    assert len(jobs) == 2
    limits = (59, 23, 31, 12, 7)
    for *times, command in jobs:
        assert command.startswith("/opt/iotscore/")
        assert "%" not in command  # cron would end the line there
        for time_, limit in zip(times, limits, strict=True):
            assert time_ == "*" or 0 <= int(time_) <= limit


def test_systemd_understands_its_units(tmp_path: Path) -> None:
    """The real systemd-analyze has nothing to say about them, with our scripts in their place."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze")
    units = []
    for unit in sorted((DEPLOY / "systemd").iterdir()):
        units.append(tmp_path / unit.name)
        units[-1].write_text(unit.read_text().replace("/opt/iotscore", str(ROOT)))
    assert len(units) == 4
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_operator_gets_our_spark_settings() -> None:
    """All but the jars, which are in the image."""
    lines = (ROOT / "conf" / "spark-defaults.conf").read_text().splitlines()
    pairs = [line.split(None, 1) for line in lines if line.strip() and line[0] != "#"]
    ours = {key: value.strip() for key, value in pairs if not key.startswith("spark.jars.")}
    assert operator_template()["sparkConf"] == ours


def test_the_dags_are_two() -> None:
    """Their syntax and names; ``make check-airflow`` runs them in the real Airflow."""
    tree = ast.parse((DEPLOY / "airflow" / "iotscore_dags.py").read_text())
    made = [
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "DAG"
        and isinstance(node.args[0], ast.Constant)
    ]
    assert made == ["iotscore_nightly", "iotscore_maintain"]


def test_a_cluster_script_refuses_nonsense() -> None:
    """A verb that is none gets the usage and exit code 2."""
    script = DEPLOY / "standalone" / "cluster.sh"
    done = subprocess.run([script, "fly", "x"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "usage: deploy/standalone/cluster.sh start|stop|status FOLDER" in done.stderr


def test_the_environment_is_packed_from_the_extra(tmp_path: Path) -> None:
    """It holds what the extra ``executor`` names and what that needs, and no TensorFlow."""
    build = runpy.run_path(str(ROOT / "scripts" / "build_environment.py"))
    listed = build["contents"](build["needed"]()).splitlines()
    names = {line.partition("==")[0].lower() for line in listed[2:]}
    assert listed[0] == f"python {sys.version_info[0]}.{sys.version_info[1]}"
    assert {"numpy", "numba", "llvmlite", "pandas", "pyarrow", "deltalake", "xxhash"} <= names
    assert not {"tensorflow", "tensorflow-cpu", "scikit-learn", "scipy", "pyspark"} & names
    assert not build["is_current"](tmp_path / "missing.tar.gz", "")
