"""Tables in a Hive metastore, and JDBC clients that find them there by name."""

from __future__ import annotations

import csv
import os
import re
import signal
import socket
import subprocess
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyspark
import pytest
from deltalake import DeltaTable, write_deltalake

from iotscore.query.catalogue import check_plain
from iotscore.query.views import VIEWS
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[2]
SPARK_HOME = Path(pyspark.__file__).parent
NIGHT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
FEW = {
    "models": [{"model_version": "new", "manifest": '{"normalisation": "tail"}'}],
    "model_aliases": [{"alias": "champion", "model_version": "new", "promoted_at": NIGHT}],
    "scores": [
        {
            "device": device,
            "file_id": device,
            "row_no": row_no,
            "event_day": NIGHT.date(),
            "is_anomaly": row_no > rows - flags,
        }
        for device, rows, flags in (("Bell", 5, 2), ("Camera", 4, 1))
        for row_no in range(1, rows + 1)
    ],
}


@pytest.fixture
def few(tmp_path: Path) -> Path:
    """Return a warehouse of a few scores, with nothing in most of its tables."""
    import pyarrow as pa

    for table, rows in FEW.items():
        values = [{**row, "model_version": "new"} for row in rows]
        filled = pa.Table.from_pylist(values, schema=TABLES[table].arrow_schema)
        write_deltalake(tmp_path / "it's" / table, filled)
    return tmp_path / "it's"


def metastore(folder: Path) -> tuple[str, ...]:
    """Return the options of a Hive metastore in a folder, which one process at a time may open."""
    place = f"jdbc:derby:;databaseName={folder}/metastore;create=true"
    return (
        "--conf=spark.sql.catalogImplementation=hive",
        f"--conf=spark.sql.warehouse.dir={folder}/managed",
        f"--conf=spark.hadoop.javax.jdo.option.ConnectionURL={place}",
        "--driver-java-options",
        f"-XX:TieredStopAtLevel=1 -Dderby.system.home={folder}",
    )


@contextmanager
def thrift_server(folder: Path) -> Iterator[str]:
    """Run the server on a free port and yield its JDBC address."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (folder / "server.log").open("w") as log:
        server = subprocess.Popen(
            [ROOT / "scripts/thrift_server.sh", *metastore(folder)],
            env={**os.environ, "THRIFT_PORT": str(port), "MASTER": "local[2]"},
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while not answers(port):
                assert server.poll() is None, (folder / "server.log").read_text()[-3000:]
                time.sleep(0.2)
            yield f"jdbc:hive2://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def answers(port: int) -> bool:
    """Say whether somebody listens on a port."""
    with closing(socket.socket()) as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def ask(address: str, statement: str) -> list[dict[str, str]]:
    """Ask over JDBC, with the client that comes with Spark."""
    done = subprocess.run(
        [
            *(SPARK_HOME / "bin/beeline", "-u", address, "--silent=true", "--outputformat=csv2"),
            *("-e", statement),
        ],
        env={**os.environ, "SPARK_HOME": str(SPARK_HOME)},
        capture_output=True,
        text=True,
        check=True,
    )
    # The client writes its prompt before the first line.
    lines = re.sub(r"(?m)^\d+: jdbc:\S+> ", "", done.stdout).splitlines()
    return list(csv.DictReader(line for line in lines if line))


@pytest.mark.e2e
def test_jdbc_clients_find_tables_and_views_by_name(
    few: Path, tmp_path: Path, submit: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """The job registers all of them, and what they hold comes over JDBC."""
    options = metastore(tmp_path)
    done = submit("register", "--warehouse", few, "--schema", "iot", options=options)
    assert (done.returncode, done.stdout) == (0, "spark_catalog.iot\n"), done.stderr[-3000:]
    told = f"{len(TABLES)} tables ({len(TABLES)} new) and {len(VIEWS)} views in spark_catalog.iot"
    assert told in done.stderr
    assert all(DeltaTable.is_deltatable(str(few / name)) for name in TABLES)
    with thrift_server(tmp_path) as address:
        nights = ask(
            address,
            "SELECT device, flagged, (SELECT count(*) FROM iot.scores) AS n "
            "FROM iot.v_device_day ORDER BY device",
        )
        assert nights == [
            {"device": "Bell", "flagged": "2", "n": "9"},
            {"device": "Camera", "flagged": "1", "n": "9"},
        ]


@pytest.mark.parametrize("name", ["", "1iot", "a.b", "a b", "a`b", "iöt", "x" * 129, "a;b", "a\n"])
def test_names_that_need_quotes_are_refused(name: str) -> None:
    """They would be cut or run as SQL somewhere on the way."""
    from iotscore.errors import CatalogueError

    with pytest.raises(CatalogueError, match="give a plain name"):
        check_plain("--schema", name)
    assert check_plain("--schema", "_iot_2") == "_iot_2"
