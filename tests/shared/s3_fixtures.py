"""A server of S3's protocol on loopback, one for each process of tests that asks for it.

``IOTSCORE_TEST_S3=versitygw`` chooses another one than moto: it checks every signature, and keeps
its objects in files.

Every client of S3 in the tests is pointed there from the start, so that none asks an address beyond
this machine, whatever a test does.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyarrow import fs

from iotscore import s3

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SERVER = os.environ.get("IOTSCORE_TEST_S3", "moto")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


PORT = _free_port()
os.environ |= {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{PORT}",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@pytest.fixture(scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    installed = subprocess.run(
        [ROOT / "scripts" / "s3_server.sh", SERVER], stdout=subprocess.PIPE, text=True, check=True
    )
    arguments = ["-H", "127.0.0.1", "-p", str(PORT)]
    environment = dict(os.environ)
    if SERVER == "versitygw":
        arguments = ["posix", str(tmp_path_factory.mktemp("objects"))]
        environment |= {
            "VGW_PORT": f"127.0.0.1:{PORT}",
            "ROOT_ACCESS_KEY": os.environ["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
        }
    with subprocess.Popen(
        [installed.stdout.strip(), *arguments],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait(server)
            yield
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        assert server.poll() is None, "the server of S3 ended"
        time.sleep(0.1)
    pytest.fail("the server of S3 does not answer")


@pytest.fixture
def bucket(_s3_server: None) -> str:
    """Return the URI of a new, empty bucket."""
    name = f"bucket-{uuid.uuid4().hex[:12]}"
    client = fs.S3FileSystem(
        endpoint_override=s3.endpoint(), region="us-east-1", allow_bucket_creation=True
    )
    client.create_dir(name)
    return f"s3://{name}"
