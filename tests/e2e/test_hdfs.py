"""Nights whose landing folder and warehouse are in a real HDFS: `make test-storage`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pyspark
import pytest
from deltalake import DeltaTable
from pyarrow import fs

from iotscore.landing.filesystems import open_storage
from storage_runs import make_test_storage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.e2e, make_test_storage]

ROOT = Path(__file__).resolve().parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
QUICK = ("--set", "detectors.lstm.min_updates=0")
OF_THE_RUN = ["run_id", "scored_at", "explained_at", "found_at"]


@pytest.fixture(scope="module")
def hdfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a name node and a data node, and yield the address."""
    folder = tmp_path_factory.mktemp("hdfs")
    found = subprocess.run(
        [ROOT / "scripts/jars.sh", Path(__file__).with_name("minicluster.conf")],
        env={**os.environ, "SPARK_HOME": str(SPARK_HOME)},
        capture_output=True,
        text=True,
        check=True,
    )
    jars = [*found.stdout.strip().split(","), str(SPARK_HOME / "jars/*")]
    details = folder / "details.json"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                *("java", "-Xmx512m", "-cp", os.pathsep.join(jars)),
                *("org.apache.hadoop.mapreduce.MiniHadoopClusterManager", "-format", "-nomr"),
                *("-nnport", "0", "-writeDetails", details),
            ],
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not (details.exists() and details.read_text().endswith("}")):
                assert server.poll() is None, (folder / "log").read_text()[-3000:]
                time.sleep(0.2)
            yield f"hdfs://localhost:{json.loads(details.read_text())['namenode_port']}"
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def rows(warehouse: Path, table: str, order: list[str]) -> pd.DataFrame:
    """Return a table in order, without what differs between any two runs."""
    frame = DeltaTable(str(warehouse / table)).to_pandas()
    return frame.drop(columns=OF_THE_RUN, errors="ignore").sort_values(order, ignore_index=True)


@pytest.mark.proves_storage(
    place="`hdfs:` warehouse and landing folder: HDFS 3.5, a name node and a data node over the "
    "network stack",
    data="260 records",
    compared="scores, explanations, incidents with the local night's, to the last bit; a second "
    "night adds nothing; `verify` holds",
)
def test_a_night_in_hdfs_is_the_local_night(
    hdfs: str,
    landing: Path,
    tmp_path: Path,
    submit: Callable[..., subprocess.CompletedProcess[str]],
) -> None:
    """Scores, explanations and incidents are equal; the next night and verify find all in order."""
    storage, _ = open_storage(f"{hdfs}/")
    fs.copy_files(str(landing), "/landing", fs.LocalFileSystem(), storage)
    night = ("nightly", "--input", f"{hdfs}/landing", "--warehouse", f"{hdfs}/warehouse", *QUICK)
    for command in (
        ("nightly", "--input", landing, "--warehouse", tmp_path / "local", *QUICK),
        night,
        night,
        ("verify", "--warehouse", f"{hdfs}/warehouse"),
    ):
        done = submit(*command)
        assert done.returncode == 0, done.stderr[-3000:] + done.stdout[-3000:]
        if command is night:
            told = done.stderr
    assert "ingest: 0 new files of 5" in told
    assert "score: 0 rows of 0 files" in told
    fs.copy_files("/warehouse", str(tmp_path / "hdfs"), storage, fs.LocalFileSystem())
    for table, order in (
        ("scores", ["file_id", "row_no"]),
        ("explanations", ["file_id", "row_no"]),
        ("incidents", ["incident_id"]),
    ):
        expected = rows(tmp_path / "local", table, order)
        assert len(expected)
        found = rows(tmp_path / "hdfs", table, order)
        pd.testing.assert_frame_equal(found, expected, check_exact=True, obj=table)


def test_odd_names_and_times_in_hdfs(hdfs: str) -> None:
    """Names are taken as they are, and times of change are those of HDFS."""
    storage, root = open_storage(f"{hdfs}/odd%20names")
    assert root == "/odd names"
    storage.create_dir(root)
    before = time.time_ns()
    for name in ("1.benign.csv", "a#b.csv", "ä ö.csv"):
        # fsspec itself would cut the name at "#".
        with storage.handler.fs.client.create(f"{root}/{name}") as stream:
            stream.write(name.encode())
    found = {info.base_name: info for info in storage.get_file_info(fs.FileSelector(root))}
    assert set(found) == {"1.benign.csv", "a#b.csv", "ä ö.csv"}
    for name, info in found.items():
        assert info.size == len(name.encode())
        assert abs(info.mtime_ns - before) < 60e9
        with storage.open_input_file(info.path) as source:
            assert source.read_at(2, 0) == name.encode()[:2]
    assert storage.get_file_info(f"{root}/none").type == fs.FileType.NotFound
