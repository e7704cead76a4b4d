"""Real jobs in object stores: a night, two at once, and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from iotscore import failpoints
from spark_fixtures import SHORT_LIVED
from storage_fixtures import STORES
from storage_runs import IS_LONG_RUN, make_test_storage
from warehouse_content import content, copied

if TYPE_CHECKING:
    from collections.abc import Callable

    Submit = Callable[..., subprocess.CompletedProcess[str]]

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("object_store")]

ROOT = Path(__file__).resolve().parents[2]
QUICK = ("--set", "detectors.lstm.min_updates=0")
IN_STORES = STORES if IS_LONG_RUN else ("s3",)
RACES = (*IN_STORES, *("s3",) * 19) if IS_LONG_RUN else IN_STORES


@pytest.fixture(params=IN_STORES)
def bucket(request: pytest.FixtureRequest, new_bucket: Callable[[str], str]) -> str:
    """Return the URI of a new bucket in each object store."""
    return new_bucket(request.param)


@pytest.fixture
def command(bucket: str, first_night: Path) -> tuple[str | Path, ...]:
    """Return a night on the files of the first one, with a warehouse in an object store."""
    night = ("nightly", "--input", first_night / "in", "--warehouse", f"{bucket}/warehouse")
    return (*night, *QUICK)


@pytest.fixture
def holds_one_night(
    bucket: str, first_night: Path, submit: Submit, tmp_path: Path
) -> Callable[[], None]:
    """Return a function that sees that all checks hold and the tables are those of one night."""

    def see() -> None:
        done = submit("verify", "--warehouse", f"{bucket}/warehouse")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        found = copied(f"{bucket}/warehouse", str(tmp_path / "copy"))
        assert content(Path(found)) == content(first_night / "warehouse")

    return see


@pytest.mark.proves_storage(
    place="`s3:` (moto, versitygw), `abfss:` (Azurite) and `gs:` (fake-gcs-server) landing folder "
    "and warehouse",
    data="260 records",
    compared="every table with those of local folders, to the last bit; a second night adds "
    "nothing; all checks of `verify`",
)
@make_test_storage
def test_a_night_in_a_store_is_the_local_night(
    bucket: str, first_night: Path, submit: Submit, holds_one_night: Callable[[], None]
) -> None:
    """Landing folder and warehouse lie there; the second night finds nothing to do."""
    copied(str(first_night / "in"), f"{bucket}/landing")
    night = ("nightly", "--input", f"{bucket}/landing", "--warehouse", f"{bucket}/warehouse")
    for new in (5, 0):
        done = submit(*night, *QUICK)
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"ingest: {new} new files of 5" in done.stderr
    assert "score: 0 rows of 0 files" in done.stderr
    holds_one_night()


@pytest.mark.proves_storage(
    place="`s3:` warehouse (moto, versitygw); in `make test-storage` also `abfss:` (Azurite) and "
    "`gs:` (fake-gcs-server)",
    data="260 records",
    compared="of two nights at once one ends with 2, and the tables are those of one night; all "
    "checks of `verify`; on `s3:` 20 times in `make test-storage`",
)
@pytest.mark.parametrize("bucket", RACES, indirect=True)
def test_of_two_nights_at_once_one_writes(
    bucket: str,
    command: tuple[str | Path, ...],
    holds_one_night: Callable[[], None],
) -> None:
    """The other ends with 2 and says who does; the tables are those of one night."""
    whole = (ROOT / "spark-submit.sh", *command, "--", *SHORT_LIVED)
    nights = [
        subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    told = [night.communicate()[1] for night in nights]
    codes = [night.returncode for night in nights]
    assert sorted(codes) == [0, 2], told
    assert f"another job is writing the warehouse {bucket}/" in told[codes.index(2)]
    holds_one_night()


@pytest.mark.proves_storage(
    place="`s3:` warehouse (moto, versitygw)",
    data="260 records",
    compared="a night that is killed, and the next one: the tables are those of one night; all "
    "checks of `verify`",
)
def test_a_killed_night_is_done_by_the_next(
    command: tuple[str | Path, ...],
    submit: Submit,
    holds_one_night: Callable[[], None],
) -> None:
    """It waits until the dead one's lease has expired, undoes what that left, and goes on."""
    killed = subprocess.run(
        [ROOT / "spark-submit.sh", *command, "--", *SHORT_LIVED],
        env={**os.environ, failpoints.POINT: "append scores"},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,  # its own process group, which dies as a whole
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr[-2000:]
    began = time.monotonic()
    done = submit(*command)
    assert done.returncode == 0, done.stderr[-3000:]
    assert time.monotonic() - began > 30, done.stderr
    assert "has expired; taking it over" in done.stderr
    assert "was interrupted; what it left half done is undone" in done.stderr
    holds_one_night()
