"""The lease in an object store: of two writers one works, and a dead one keeps nobody away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import obstore
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from iotscore.errors import BusyError, UnsupportedStorageError, WarehouseError
from iotscore.warehouse.delta_rs import files, writes
from iotscore.warehouse.delta_rs import lease as lease_module
from iotscore.warehouse.delta_rs import table as delta
from iotscore.warehouse.delta_rs.commits import Author, commit_properties
from iotscore.warehouse.delta_rs.lease import held_lease
from iotscore.warehouse.open import open_warehouse
from iotscore.warehouse.writer_lock import no_writer, writer_lock
from storage_fixtures import STORES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT = Path(__file__).resolve().parents[4]
ONE_ROW = pa.table({"file_id": ["a"], "x": [1.0]})
HOLDING = """
import sys, time
from iotscore.warehouse.writer_lock import writer_lock
with writer_lock(sys.argv[1]) as lock:
    print(lock.epoch, flush=True)
    time.sleep(600)
"""


@pytest.fixture(params=STORES)
def bucket(request: pytest.FixtureRequest, new_bucket: Callable[[str], str]) -> str:
    """Return the URI of a new bucket in each object store."""
    return new_bucket(request.param)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew often, so that a test sees it."""
    monkeypatch.setattr(lease_module, "_RENEWAL_SECONDS", 0.3)
    monkeypatch.setattr(lease_module, "_POLL_SECONDS", 0.1)


def test_holders_are_counted_and_begin_at_once(bucket: str) -> None:
    """A lease that was given back keeps nobody waiting; each holder has the next number."""
    epochs = []
    for _ in range(3):
        began = time.monotonic()
        with writer_lock(f"{bucket}/warehouse") as lock:
            assert lock.epoch is not None
            epochs.append(lock.epoch)
            lock.require()
            assert lock.is_fenced == (len(epochs) > 1)
            lock.fenced()
        assert time.monotonic() - began < lease_module.EXPIRY_SECONDS / 2
    assert epochs == [epochs[0], epochs[0] + 1, epochs[0] + 2]


def test_a_second_writer_is_refused_while_the_first_renews(bucket: str) -> None:
    """It waits for a renewal, and says who writes; so does whoever wants no writer."""
    with writer_lock(bucket):
        says_who = f"another job is writing.*process {os.getpid()}"
        with pytest.raises(BusyError, match=says_who), writer_lock(bucket):
            pass
        with pytest.raises(BusyError), no_writer(bucket):
            pass
    with no_writer(bucket):
        pass


def test_of_many_at_once_one_writes_at_a_time(bucket: str) -> None:
    """Whoever is let in is alone, however many come."""
    inside: list[int] = []

    def write(number: int) -> bool:
        try:
            with held_lease(bucket) as lease:
                inside.append(number)
                assert len(inside) == 1
                time.sleep(0.2)
                lease.require()
                inside.remove(number)
        except BusyError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert any(pool.map(write, range(8)))
    with held_lease(bucket) as lease:
        assert not lease.is_fenced  # nobody wrote it


@pytest.fixture
def holder(bucket: str) -> Iterator[subprocess.Popen[str]]:
    """Return another process that holds the lease of the bucket."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, bucket],
        env={**os.environ, "PYTHONPATH": str(ROOT / "lib")},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        yield process
        process.kill()


def test_a_killed_holder_is_replaced_after_its_lease_has_expired(
    bucket: str, holder: subprocess.Popen[str]
) -> None:
    """Not before: until then nobody can know that it is dead."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    began = time.monotonic()
    with held_lease(bucket, expiry=2.0) as lease:
        assert time.monotonic() - began > 2.0
        assert not lease.is_fenced


def test_what_a_reader_took_over_the_next_writer_fences(
    bucket: str, holder: subprocess.Popen[str]
) -> None:
    """Whoever only reads writes into no table, so the killed one's commit may still come."""
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with held_lease(bucket, expiry=1.0):
        pass
    with writer_lock(bucket) as lock:
        assert not lock.is_fenced
        lock.fenced()
    with writer_lock(bucket) as lock:
        assert lock.is_fenced


def test_a_deleted_lease_is_made_again_with_a_higher_number(bucket: str) -> None:
    """Tables know the numbers of earlier holders and would refuse a lower one."""
    with held_lease(bucket) as lease:
        before = lease.epoch
        obstore.delete(lease._store, lease_module._NAME)
        lease._renewed -= 3_600
        with pytest.raises(WarehouseError, match="was taken over"):
            lease.require()
    with held_lease(bucket) as lease:
        assert lease.epoch > before


def test_a_holder_that_slept_writes_nothing_more(bucket: str) -> None:
    """Its lease was taken over meanwhile; it is stopped before its next commit."""
    with held_lease(bucket) as first:
        first._is_over.set()  # it sleeps: nothing is renewed
        first._thread.join()
        with held_lease(bucket, expiry=0.5) as second:
            first._renewed -= 3_600
            with pytest.raises(WarehouseError, match="was taken over"):
                first.require()
            second.require()


def test_a_holder_that_slept_between_check_and_commit_is_refused_by_the_table(bucket: str) -> None:
    """Commits carry the holder's number: a later one's keeps an earlier one's out."""
    table = f"{bucket}/warehouse/t"
    first, second = Author("first", 1), Author("second", 2)
    writes.create_table(table, ONE_ROW.schema, ["file_id"], {}, first)
    writes.append_rows(table, ONE_ROW, first)
    stale = DeltaTable(table, storage_options=files.delta_options(table))
    writes.append_rows(table, ONE_ROW, second)
    for write in (
        lambda: writes.append_rows(table, ONE_ROW, first),
        lambda: writes.delete_rows(table, "TRUE", first),
        lambda: writes.restore(table, 0, first),
        lambda: writes.replace_rows(table, ONE_ROW, "TRUE", first),
        lambda: writes.exchange_files(table, [], delta.data_files(table, {}), first),
    ):
        with pytest.raises(WarehouseError, match="another job has taken over"):
            write()
    with pytest.raises(Exception, match=r"(?i)transaction|conflict|concurrent"):
        stale.delete(commit_properties=commit_properties(first))
    assert delta.read_rows(table, ["x"], {}).num_rows == 2
    assert delta.version(table) == 2


def test_whoever_takes_over_keeps_the_earlier_holder_out_of_every_table(bucket: str) -> None:
    """Also out of one that it has only read: that holder's commit may have been on its way."""
    root = f"{bucket}/warehouse"
    with held_lease(root) as first:
        opened = open_warehouse(None, root, lock=first)
        opened.keep_out_earlier_writers()
        assert first.is_fenced
        opened.append("suppressions", [{"suppression_id": "one"}])
        table = opened.uri("suppressions")
        on_its_way = DeltaTable(table, storage_options=files.delta_options(table))
        first._is_over.set()
        first._thread.join()
        with held_lease(root, expiry=0.5) as second:
            assert not second.is_fenced
            later = open_warehouse(None, root, lock=second)
            later.keep_out_earlier_writers()
            assert second.is_fenced
            late = commit_properties(Author("first", first.epoch))
            with pytest.raises(Exception, match=r"(?i)transaction|conflict|concurrent"):
                on_its_way.delete(commit_properties=late)
            assert len(later.rows("suppressions")) == 1


def test_an_answer_that_was_lost_on_its_way_loses_no_lease(bucket: str) -> None:
    """The object says whose it is: a renewal that arrived is found again."""
    with held_lease(bucket) as lease:
        with lease._guard:
            real = lease._version
            lease._renew()
            lease._version = real  # as if the answer had not come back
        lease._renewed -= 3_600
        lease.require()
        lease.require()


def test_a_store_that_takes_every_write_is_refused(
    bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without conditional writes there is no lease."""
    real = lease_module._put

    def put(store: Any, content: Any, mode: Any) -> str:  # noqa: ANN401 - as there
        return real(store, content, "overwrite" if isinstance(mode, dict) else mode)

    monkeypatch.setattr(lease_module, "_put", put)
    refused = pytest.raises(UnsupportedStorageError, match="does not honour conditional writes")
    with refused, held_lease(bucket):
        pass


def test_what_cannot_be_reached_is_one_sentence(bucket: str) -> None:
    """A missing bucket is no traceback, and what to check is named."""
    missing = bucket.replace("bucket-", "missing-")
    told = r"cannot write the warehouse .*(?:AWS_|AZURE_|GOOGLE_)"
    with pytest.raises(WarehouseError, match=told) as fault, held_lease(missing):
        pass
    assert "\n" not in str(fault.value)
