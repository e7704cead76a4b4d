"""Servers of object stores on loopback, one of each for each process of tests that asks for it.

Every client in the tests is pointed there from the start, so that none asks an address beyond this
machine, whatever a test does. ``IOTSCORE_TEST_S3=versitygw`` chooses another server of S3 than
moto: it checks every signature, and keeps its objects in files.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyarrow import fs

from iotscore import object_stores
from storage_runs import IS_LONG_RUN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
S3_SERVER = os.environ.get("IOTSCORE_TEST_S3", "moto")
STORES = ("s3", "abfss", "gs")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


S3_PORT, AZURE_PORT, GOOGLE_PORT = (_free_port() for _ in range(3))
AZURE_ACCOUNT = "devstoreaccount1"
os.environ |= {
    "AWS_ENDPOINT_URL": f"http://127.0.0.1:{S3_PORT}",
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test-secret",
    "AWS_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{AZURE_PORT}/{AZURE_ACCOUNT}",
    "AZURE_STORAGE_ACCOUNT_NAME": AZURE_ACCOUNT,
    # Azurite's own, which its manual prints.
    "AZURE_STORAGE_ACCOUNT_KEY": "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq"
    "/K1SZFPTOtr/KBHBeksoGMGw==",
    "STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{GOOGLE_PORT}",
    "GOOGLE_CLOUD_PROJECT": "test",
}


def _installed(script: str, *arguments: str) -> str:
    """Return the command of a server, which is installed if need be."""
    command = [ROOT / "scripts" / f"{script}.sh", *arguments]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


@contextmanager
def _running(
    port: int, *command: str | Path, environment: Mapping[str, str] | None = None
) -> Iterator[None]:
    """Run a server while the body runs."""
    with subprocess.Popen(
        command,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait(server, port)
            yield
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(600):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, f"{server.args} ended"
        time.sleep(0.1)
    pytest.fail(f"{server.args} does not answer")


def _require(verb: str, place: str, needed: str) -> None:
    """Skip a test whose server is neither installed nor asked for."""
    if not IS_LONG_RUN and not list((ROOT / ".tools").glob(place)):
        pytest.skip(f"its server is not installed: make {verb}, with {needed}, does that")


@pytest.fixture(scope="session")
def _s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    arguments = ["-H", "127.0.0.1", "-p", str(S3_PORT)]
    environment: dict[str, str] = {}
    if S3_SERVER == "versitygw":
        arguments = ["posix", str(tmp_path_factory.mktemp("objects"))]
        environment = {
            "VGW_PORT": f"127.0.0.1:{S3_PORT}",
            "ROOT_ACCESS_KEY": os.environ["AWS_ACCESS_KEY_ID"],
            "ROOT_SECRET_KEY": os.environ["AWS_SECRET_ACCESS_KEY"],
        }
    installed = _installed("s3_server", S3_SERVER)
    with _running(S3_PORT, installed, *arguments, environment=environment):
        yield


@pytest.fixture(scope="session")
def _abfss_server() -> Iterator[None]:
    _require("azurite", "azurite-*/complete", "Node.js")
    quiet = ("--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck")
    where = ("--blobHost", "127.0.0.1", "--blobPort", str(AZURE_PORT))
    with _running(AZURE_PORT, _installed("azurite"), *where, *quiet):
        yield


@pytest.fixture(scope="session")
def _gs_server() -> Iterator[None]:
    _require("gcs-server", "fake-gcs-server-*/fake-gcs-server", "Go")
    behind, public = _free_port(), f"127.0.0.1:{GOOGLE_PORT}"
    where = ("-scheme", "http", "-host", "127.0.0.1", "-port", str(behind))
    named = ("-public-host", public, "-external-url", f"http://{public}")
    front = (sys.executable, Path(__file__).with_name("gcs_xml.py"), str(GOOGLE_PORT), str(behind))
    with (
        _running(behind, _installed("gcs_server"), "-backend", "memory", *where, *named),
        _running(GOOGLE_PORT, *front),
    ):
        yield


@pytest.fixture
def new_bucket(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Return a maker of new, empty buckets, in the store of a scheme; it returns the URI."""

    def make(scheme: str) -> str:
        request.getfixturevalue(f"_{scheme}_server")
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        host = f"@{AZURE_ACCOUNT}.dfs.core.windows.net" if scheme == "abfss" else ""
        uri = f"{scheme}://{name}{host}"
        if scheme == "s3":
            client = fs.S3FileSystem(
                endpoint_override=os.environ["AWS_ENDPOINT_URL"], allow_bucket_creation=True
            )
        else:
            client = object_stores.filesystem(uri)
        client.create_dir(name)
        return uri

    return make


@pytest.fixture
def bucket(new_bucket: Callable[[str], str]) -> str:
    """Return the URI of a new, empty bucket of S3."""
    return new_bucket("s3")
