"""A real cluster: daemons that know nothing of the project run a night and lose processes."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from deltalake import DeltaTable

from iotscore import failpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Submit = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy" / "standalone" / "cluster.sh"
SHORT_LIVED = "--conf=spark.executor.extraJavaOptions=-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"


@dataclass(frozen=True)
class Cluster:
    """A master and two workers of one core each."""

    folder: Path
    url: str
    archive: Path

    def run(
        self,
        submit: Submit,
        *arguments: str | Path,
        options: tuple[str, ...] = (),
        is_packed: bool = True,
    ) -> None:
        """Run a job there; executors get code from the driver, and so their packages if packed.

        Else they use this Python, which spares each of them to unpack 700 MB.
        """
        packed = (f"--archives={self.archive}#environment",) if is_packed else ()
        done = submit(
            *arguments,
            environment={
                "MASTER": self.url,
                "SPARK_SECRETS": str(self.folder / "secret.conf"),
                "PYSPARK_PYTHON": "./environment/bin/python" if is_packed else sys.executable,
                "PYTHONPATH": "",
                "SPARK_LOCAL_IP": "127.0.0.1",
            },
            options=(SHORT_LIVED, *packed, *options),
        )
        assert done.returncode == 0, done.stderr[-3000:]

    def verb(self, verb: str) -> subprocess.CompletedProcess[str]:
        """Ask the script to do something about the cluster."""
        return subprocess.run(
            [SCRIPT, verb, self.folder], capture_output=True, text=True, check=False
        )


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster whose PATH has Java and a Python without any package of ours."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    if not base.exists():
        pytest.skip(f"this Python has no {base} that a node could have")
    java = Path(shutil.which("java") or "/usr/bin/java").parent
    path = os.pathsep.join(map(str, (base.parent, java, "/usr/bin", "/bin")))
    bare = {**os.environ, "PATH": path, "PYTHONPATH": "", "WORKERS": "2"}
    foreign = subprocess.run(
        [base, "-c", "import iotscore"], env=bare, capture_output=True, check=False
    )
    assert foreign.returncode == 1
    archive = tmp_path_factory.mktemp("archive") / "environment.tar.gz"
    subprocess.run([sys.executable, ROOT / "scripts/build_environment.py", archive], check=True)
    folder = tmp_path_factory.mktemp("cluster")
    started = subprocess.run(
        [SCRIPT, "start", folder],
        env=bare,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    running = Cluster(folder, started.stdout.strip(), archive)
    yield running
    assert running.verb("stop").returncode == 0
    assert not {"scratch", "secret.conf"} & {each.name for each in folder.iterdir()}
    assert running.verb("status").stdout == f"no cluster in {folder}\n"


def scores(warehouse: Path) -> pd.DataFrame:
    """Return all scores in order, without what tells of the run."""
    frame = DeltaTable(str(warehouse / "scores")).to_pandas()
    kept = frame.drop(columns=["run_id", "scored_at"])
    return kept.sort_values(["file_id", "row_no"], ignore_index=True)


def test_only_who_knows_the_secret_is_answered(cluster: Cluster) -> None:
    """The master's port takes no message without it, and the process list does not tell it."""
    host, _, port = cluster.url.removeprefix("spark://").partition(":")
    with socket.create_connection((host, int(port)), 10) as client:
        client.sendall(struct.pack(">qbqi4s", 25, 3, 1, 4, b"ping"))
        assert b"Expected SaslMessage" in client.recv(4096)
    file = cluster.folder / "secret.conf"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    secret = file.read_bytes().split()[-1]
    assert len(secret) == 64
    for found in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            assert secret not in found.read_bytes()
    for log in cluster.folder.glob("*.log"):
        assert secret not in log.read_bytes()


def test_a_cluster_that_is_not_whole_is_stopped(tmp_path: Path) -> None:
    """A worker that cannot start takes the master with it, and its log is shown."""
    started = subprocess.run(
        [SCRIPT, "start", tmp_path],
        env={**os.environ, "WORKER_MEMORY": "nonsense"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert started.returncode == 2
    assert "The worker1 did not start" in started.stderr
    status = subprocess.run(
        [SCRIPT, "status", tmp_path], capture_output=True, text=True, check=False
    )
    assert status.stdout == f"no cluster in {tmp_path}\n"


def test_a_night_there_gives_the_scores_of_local_mode(
    cluster: Cluster, sample_night: Path, nbaiot: Path, tmp_path: Path, submit: Submit
) -> None:
    """Model, scores and flags of real records are equal to the last bit."""
    warehouse = tmp_path / "warehouse"
    quick = ("--set", "detectors.lstm.min_updates=0")
    where = ("--input", nbaiot / "sample", "--warehouse", warehouse)
    cluster.run(submit, "nightly", *where, *quick)
    found = scores(warehouse)
    assert len(found) == 35_600
    pd.testing.assert_frame_equal(found, scores(sample_night / "warehouse"), check_exact=True)
    applications = list(cluster.folder.glob("work*/app-*/*/environment/contents.txt"))
    assert len(applications) == 2


def test_killed_processes_change_nothing(
    cluster: Cluster,
    sample_night: Path,
    copy_unscored: Callable[[Path, Path], Path],
    tmp_path: Path,
    submit: Submit,
) -> None:
    """In mid-job an executor dies, then a worker daemon with its executor: the same scores."""
    warehouse = copy_unscored(sample_night / "warehouse", tmp_path / "warehouse")
    once = tmp_path / "once"
    fault = {
        failpoints.POINT: "score batch",
        failpoints.HOW: "executor",
        failpoints.ONCE: str(once),
    }
    options = tuple(f"--conf=spark.executorEnv.{name}={value}" for name, value in fault.items())
    with ThreadPoolExecutor(1) as pool:
        score = ("score", "--warehouse", warehouse)
        job = pool.submit(cluster.run, submit, *score, options=options, is_packed=False)
        while not once.exists():
            assert not job.done(), job.result()
            time.sleep(0.02)
        os.kill(int((cluster.folder / "worker1.pid").read_text()), signal.SIGKILL)
        assert not job.done()
        job.result()
    status = cluster.verb("status")
    assert status.returncode == 1
    assert "worker1 does not run" in status.stdout
    pd.testing.assert_frame_equal(
        scores(warehouse), scores(sample_night / "warehouse"), check_exact=True
    )
    ledger = DeltaTable(str(warehouse / "scored_files")).to_pandas()
    assert int(ledger["rows_scored"].sum()) == 35_600
