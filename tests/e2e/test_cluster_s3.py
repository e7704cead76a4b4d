"""A standalone cluster whose warehouse is on S3: credentials are in the workers' environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from standalone_cluster import started
from storage_fixtures import S3_SERVER
from storage_runs import make_test_storage
from warehouse_content import content, copied

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    Submit = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.cluster,
    pytest.mark.xdist_group("object_store"),
]

QUICK = ("--set", "detectors.lstm.min_updates=0")
BARE = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
NOBODY = {**BARE, "AWS_EC2_METADATA_DISABLED": "true"}
WHERE_CREDENTIALS_MUST_BE = "credentials that allow it must be in the environment of the workers"


@pytest.fixture
def profile(tmp_path: Path) -> dict[str, str]:
    """Return an environment that names a file of credentials."""
    file = tmp_path / "credentials"
    key, secret = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
    file.touch(mode=0o600)
    file.write_text(f"[night]\naws_access_key_id={key}\naws_secret_access_key={secret}\n")
    return {**NOBODY, "AWS_SHARED_CREDENTIALS_FILE": str(file), "AWS_PROFILE": "night"}


def assert_refused(done: subprocess.CompletedProcess[str]) -> None:
    """See that a job says what was refused, in one line, and where credentials must be."""
    assert done.returncode == 2, done.stderr[-3000:]
    assert WHERE_CREDENTIALS_MUST_BE in done.stderr.splitlines()[-1]
    assert "AWS Error" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


def assert_no_secret(folder: Path, *jobs: subprocess.CompletedProcess[str]) -> None:
    """See that no file of a cluster, logs of executors among them, and no job tells the secret."""
    secret = os.environ["AWS_SECRET_ACCESS_KEY"]
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert any(file.match("work*/app-*/*/stderr") for file in files)
    for file in files:
        assert secret.encode() not in file.read_bytes(), file
    for done in jobs:
        assert secret not in done.stdout + done.stderr


@pytest.mark.proves_storage(
    place="`s3:` warehouse, from a standalone cluster (moto, versitygw)",
    data="260 records",
    compared="scores with the local night's, to the last bit; where workers have no credentials, "
    "exit code 2 and a sentence",
)
@make_test_storage
def test_tasks_sign_their_requests_or_the_job_says_why_not(
    bucket: str,
    first_night: Path,
    copy_unscored: Callable[[Path, Path], Path],
    tmp_path: Path,
    profile: dict[str, str],
    submit: Submit,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Workers that know a file of credentials score what workers that know none may not read."""
    unscored = copy_unscored(first_night / "warehouse", tmp_path / "unscored")
    warehouse = copied(str(unscored), f"{bucket}/warehouse")
    score = ("score", "--warehouse", warehouse)
    with started(tmp_path / "none", NOBODY) as cluster:
        refused = cluster.run(submit, *score)
    assert_refused(refused)
    with started(tmp_path / "some", profile) as cluster:
        done = cluster.run(submit, *score)
    handed = "AWS_SHARED_CREDENTIALS_FILE AWS_PROFILE AWS_EC2_METADATA_DISABLED"
    assert f"The workers inherit {handed}.\n" in capfd.readouterr().err
    assert done.returncode == 0, done.stderr[-3000:]
    assert_no_secret(tmp_path / "none", refused)
    assert_no_secret(tmp_path / "some", done)
    found = content(Path(copied(warehouse, str(tmp_path / "copy"))))
    assert found["scores"] == content(first_night / "warehouse")["scores"]


@pytest.mark.proves_storage(
    place="`s3:` warehouse and landing folder, from a standalone cluster (versitygw)",
    data="260 records",
    compared="every table with the local night's, to the last bit; no log of the cluster holds the "
    "secret",
)
@make_test_storage
def test_a_night_there_is_the_local_night(
    bucket: str, first_night: Path, tmp_path: Path, submit: Submit
) -> None:
    """Every table is the local night's, to the last bit; no log tells the secret."""
    landing = copied(str(first_night / "in"), f"{bucket}/landing")
    where = ("--input", landing, "--warehouse", f"{bucket}/warehouse")
    with started(tmp_path / "cluster") as cluster:
        done = cluster.run(submit, "nightly", *where, *QUICK)
    assert done.returncode == 0, done.stderr[-3000:]
    assert_no_secret(tmp_path / "cluster", done)
    found = content(Path(copied(f"{bucket}/warehouse", str(tmp_path / "copy"))))
    assert found == content(first_night / "warehouse")


@pytest.mark.proves_storage(
    place="`s3:` warehouse, landing folder there or local, from a standalone cluster without "
    "credentials (versitygw)",
    data="260 records",
    compared="exit code 2 and a sentence; no log of the cluster holds the secret",
)
@make_test_storage
@pytest.mark.skipif(S3_SERVER == "moto", reason="moto lets anybody list and write")
def test_a_night_without_credentials_says_so(
    bucket: str, first_night: Path, tmp_path: Path, submit: Submit
) -> None:
    """Whether tasks may not read landing files or not write tables, it is one sentence."""
    landing = copied(str(first_night / "in"), f"{bucket}/landing")
    with started(tmp_path / "cluster", NOBODY) as cluster:
        jobs = [
            cluster.run(submit, "ingest", "--input", place, "--warehouse", f"{bucket}/warehouse")
            for place in (landing, first_night / "in")
        ]
    for done in jobs:
        assert_refused(done)
    assert_no_secret(tmp_path / "cluster", *jobs)
