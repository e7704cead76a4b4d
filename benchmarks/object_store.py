"""The jobs with their warehouse on S3: a server of its protocol, on this machine's loopback."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from pyarrow import fs

from processes import BenchmarkError, run
from stages import MODEL, ROOT, measure_job

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from stages import Place

_BUCKET: Final = "bench"
_START_SECONDS: Final = 30.0


def measure_s3(place: Place) -> list[dict[str, Any]]:
    """Ingest and score into a new warehouse on S3; the model is the one that all share.

    Without Go, which compiles the server, nothing is measured, and that is said.
    """
    if shutil.which("go") is None:
        sys.stderr.write("bench: nothing is measured on S3: its server needs Go on the PATH\n")
        return []
    objects = place.fresh_scratch() / "objects"
    objects.mkdir()
    with _server(place, objects) as environment:
        client = fs.S3FileSystem(
            access_key=environment["AWS_ACCESS_KEY_ID"],
            secret_key=environment["AWS_SECRET_ACCESS_KEY"],
            endpoint_override=environment["AWS_ENDPOINT_URL"],
            region=environment["AWS_REGION"],
            allow_bucket_creation=True,
        )
        client.create_dir(_BUCKET)
        uri, folder = f"s3://{_BUCKET}/warehouse", objects / _BUCKET / "warehouse"
        ingest = measure_job(place, "ingest", uri, folder, environment)
        for table in MODEL:
            fs.copy_files(
                str(place.warehouse / table),
                f"{_BUCKET}/warehouse/{table}",
                fs.LocalFileSystem(),
                client,
            )
        score = measure_job(place, "score", uri, folder, environment)
    return [ingest, {"what": "score_s3", **score}]


@contextmanager
def _server(place: Place, objects: Path) -> Iterator[Mapping[str, str]]:
    """Run versitygw over a folder, whose files are the objects; yield what clients need."""
    program = run([ROOT / "scripts" / "s3_server.sh", "versitygw"], place.log).stdout.strip()
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{one.getsockname()[1]}"
    clients = {
        "AWS_ENDPOINT_URL": f"http://{address}",
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench-secret",
        "AWS_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    own = {
        "VGW_PORT": address,
        "ROOT_ACCESS_KEY": clients["AWS_ACCESS_KEY_ID"],
        "ROOT_SECRET_KEY": clients["AWS_SECRET_ACCESS_KEY"],
    }
    with subprocess.Popen(  # noqa: S603 - the program that our script has compiled
        [program, "posix", str(objects)],
        env={**os.environ, **own},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            _wait(server, address)
            yield clients
        finally:
            server.terminate()


def _wait(server: subprocess.Popen[bytes], address: str) -> None:
    host, _, port = address.partition(":")
    started = time.monotonic()
    while server.poll() is None and time.monotonic() - started < _START_SECONDS:
        with socket.socket() as one:
            if one.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    message = f"versitygw does not answer at {address}"
    raise BenchmarkError(message)
