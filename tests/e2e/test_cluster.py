"""A real cluster: daemons that know nothing of the project run a night and lose processes."""

from __future__ import annotations

import os
import signal
import socket
import stat
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from deltalake import DeltaTable

from iotscore import failpoints
from standalone_cluster import ROOT, SCRIPT, Cluster, started

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Submit = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.e2e, pytest.mark.cluster]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Start a cluster whose PATH has Java and a Python without any package of ours."""
    archive = tmp_path_factory.mktemp("archive") / "environment.tar.gz"
    subprocess.run([sys.executable, ROOT / "scripts/build_environment.py", archive], check=True)
    folder = tmp_path_factory.mktemp("cluster")
    with started(folder, archive=archive) as running:
        yield running
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
    done = cluster.run(submit, "nightly", *where, *quick)
    assert done.returncode == 0, done.stderr[-3000:]
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
            assert not job.done(), job.result().stderr[-3000:]
            time.sleep(0.02)
        os.kill(int((cluster.folder / "worker1.pid").read_text()), signal.SIGKILL)
        assert not job.done()
        assert job.result().returncode == 0, job.result().stderr[-3000:]
    status = cluster.verb("status")
    assert status.returncode == 1
    assert "worker1 does not run" in status.stdout
    pd.testing.assert_frame_equal(
        scores(warehouse), scores(sample_night / "warehouse"), check_exact=True
    )
    ledger = DeltaTable(str(warehouse / "scored_files")).to_pandas()
    assert int(ledger["rows_scored"].sum()) == 35_600
