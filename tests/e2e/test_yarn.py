"""A night on a real YARN, with the options of deploy/yarn: `make test-storage`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark
import pytest
from py4j.java_gateway import GatewayParameters, JavaGateway, JVMView, launch_gateway

from spark_fixtures import SHORT_LIVED
from storage_runs import make_test_storage
from warehouse_content import content

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = [pytest.mark.e2e, pytest.mark.cluster, make_test_storage]

ROOT = Path(__file__).resolve().parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
YARN = {
    "yarn.resourcemanager.hostname": "localhost",
    "yarn.minicluster.yarn.nodemanager.resource.memory-mb": "12288",
    "yarn.scheduler.capacity.root.queues": "default",
    "yarn.scheduler.capacity.root.default.capacity": "100",
    "yarn.scheduler.capacity.maximum-am-resource-percent": "1.0",
}
OF_CLIENTS = {
    "core-site.xml": ["fs.defaultFS"],
    "yarn-site.xml": ["yarn.resourcemanager.address", "yarn.resourcemanager.scheduler.address"],
}
PROPERTY = "<property><name>{}</name><value>{}</value></property>"
FEWER = ("--num-executors=2", "--executor-cores=1")
ON_LOOPBACK = (
    "--conf=spark.yarn.appMasterEnv.SPARK_LOCAL_IP=127.0.0.1",
    "--conf=spark.executorEnv.SPARK_LOCAL_IP=127.0.0.1",
)


@pytest.fixture
def java(tmp_path: Path) -> Iterator[JVMView]:
    """Run a Java process that has what Hadoop's servers need, and yield its classes."""
    found = subprocess.run(
        [ROOT / "scripts/jars.sh", Path(__file__).with_name("minicluster.conf")],
        env={**os.environ, "SPARK_HOME": str(SPARK_HOME)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    (py4j,) = (SPARK_HOME / "jars").glob("py4j-*.jar")
    with (tmp_path / "log").open("w") as log:
        port, token, process = launch_gateway(
            jarpath=str(py4j),
            classpath=os.pathsep.join([*found.stdout.strip().split(","), f"{SPARK_HOME}/jars/*"]),
            javaopts=["-Xmx768m"],
            enable_auth=True,
            redirect_stdout=log,
            redirect_stderr=log,
            cwd=str(tmp_path),
            return_proc=True,
        )
        gateway = JavaGateway(gateway_parameters=GatewayParameters(port=port, auth_token=token))
        try:
            yield gateway.jvm
        finally:
            gateway.shutdown()
            with process:
                process.kill()


@pytest.fixture
def hadoop_conf(java: JVMView, tmp_path: Path) -> Iterator[Path]:
    """Run a name node, a data node, a resource manager and a node manager; yield their settings.

    They listen where this machine's own name leads.
    """
    if not socket.gethostbyname(socket.gethostname()).startswith("127."):
        pytest.skip("the name of this machine is no loopback address, where YARN would listen")
    hadoop = java.org.apache.hadoop
    settings = hadoop.yarn.conf.YarnConfiguration()
    for name, value in YARN.items():
        settings.set(name, value)
    settings.set("hdfs.minidfs.basedir", str(tmp_path / "hdfs"))
    hadoop.hdfs.MiniDFSCluster.Builder(settings).numDataNodes(1).build()
    yarn = hadoop.yarn.server.MiniYARNCluster("night", 1, 1, 1)
    yarn.init(settings)
    yarn.start()
    try:
        assert yarn.waitForNodeManagersToConnect(60_000)
        folder = tmp_path / "conf"
        folder.mkdir()
        for file, names in OF_CLIENTS.items():
            said = "".join(PROPERTY.format(name, yarn.getConfig().get(name)) for name in names)
            (folder / file).write_text(f"<configuration>{said}</configuration>")
        yield folder
    finally:
        yarn.stop()  # and all containers with it


@pytest.mark.proves_storage(
    place="a local folder that executors on YARN 3.5 share with the driver, by the options of "
    "`deploy/yarn`: one resource manager, one node manager, HDFS for what Spark sends",
    data="260 records",
    compared="every table with the local night's, to the last bit",
)
def test_a_night_there_is_the_local_night(
    hadoop_conf: Path, first_night: Path, tmp_path: Path
) -> None:
    """With the options of deploy/yarn, but for its size, every table is equal to the last bit."""
    subprocess.run(
        [sys.executable, ROOT / "scripts/build_environment.py", "dist/environment.tar.gz"],
        cwd=ROOT,
        check=True,
    )
    options = (ROOT / "deploy/yarn/options.txt").read_text(encoding="utf-8").split()
    where = ("--input", first_night / "in", "--warehouse", tmp_path / "warehouse")
    done = subprocess.run(
        [
            *(ROOT / "deploy/nightly.sh", *where, "--set", "detectors.lstm.min_updates=0"),
            *("--", *SHORT_LIVED, *options, *FEWER, *ON_LOOPBACK),
        ],
        cwd=ROOT,
        env={
            **os.environ,
            "HADOOP_CONF_DIR": str(hadoop_conf),
            "MASTER": "yarn",
            "PYSPARK_PYTHON": "./environment/bin/python",
            "EXECUTOR_MEMORY": "1g",
            "SPARK_LOCAL_IP": "127.0.0.1",
            "TRIES": "1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert content(tmp_path / "warehouse") == content(first_night / "warehouse")
    logs = [log.read_text() for log in tmp_path.glob("target/**/container_*/stderr")]
    assert sum("Running task" in log for log in logs) == 2
    assert all("authentication enabled" in log for log in logs)
