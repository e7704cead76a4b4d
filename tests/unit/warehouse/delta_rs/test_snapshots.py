"""Tables on S3 are opened once, and are always what they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from iotscore.errors import WarehouseError
from iotscore.warehouse.compaction import CompactionOptions
from iotscore.warehouse.delta_rs import files, snapshots, writes
from iotscore.warehouse.delta_rs import table as delta
from iotscore.warehouse.delta_rs.compaction import compact
from iotscore.warehouse.delta_rs.data_files import DataFileWriter

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = pa.table({"file_id": ["a"], "x": [1.0]})


@pytest.fixture
def path(bucket: str) -> str:
    """Return a table of four rows on S3."""
    found = f"{bucket}/warehouse/t"
    writes.create_table(found, ROW.schema, ["file_id"])
    for _ in range(4):
        writes.append_rows(found, ROW)
    return found


def write_file(path: str) -> None:
    """Add a data file as workers do."""
    with DataFileWriter(path, ("file_id",)) as writer:
        writer.write(ROW)
        file = writer.close()
    assert file is not None
    writes.exchange_files(path, [file])


@pytest.mark.parametrize(
    ("write", "rows"),
    [
        (lambda path: writes.append_rows(path, ROW), 5),
        (write_file, 5),
        (lambda path: writes.replace_rows(path, ROW, "file_id = 'a'"), 1),
        (lambda path: writes.delete_rows(path, "file_id = 'a'"), 0),
        (lambda path: writes.restore(path, 2), 2),
        (lambda path: writes.set_properties(path, {"iotscore.x": "y"}), 4),
        (lambda path: compact(path, ROW.schema, ["file_id"], CompactionOptions(1.0, 2, 0)), 4),
    ],
    ids=["append", "exchange", "replace", "delete", "restore", "properties", "compact"],
)
def test_what_is_opened_is_up_to_date_after_each_kind_of_commit(
    path: str, write: Callable[[str], object], rows: int
) -> None:
    """Without opening the table again, or with."""
    before = snapshots.opened(path)
    write(path)
    fresh = DeltaTable(path, storage_options=files.delta_options(path))
    assert delta.version(path) == fresh.version() > 4
    assert delta.read_rows(path, ["x"], {}).num_rows == rows
    assert snapshots.opened(path) is before
    write_file(path)
    assert delta.read_rows(path, ["x"], {}).num_rows == rows + 1


def test_a_refused_commit_has_the_table_opened_anew(path: str) -> None:
    """Nobody knows what it left of the opened one."""
    before = snapshots.opened(path)
    with pytest.raises(WarehouseError):
        writes.delete_rows(path, "no_such_column = 1")
    assert snapshots.opened(path) is not before


def test_a_warehouse_is_forgotten_whole(path: str) -> None:
    """Its tables are; another one's, whose name begins alike, are not."""
    other = f"{path}2"
    writes.create_table(other, ROW.schema, ["file_id"])
    mine, others = snapshots.opened(path), snapshots.opened(other)
    snapshots.forget(path)
    assert snapshots.opened(path) is not mine
    assert snapshots.opened(other) is others


def test_logs_are_summed_up_every_ten_commits(path: str) -> None:
    """Also those of data files, so that nobody has to read them one by one."""
    for _ in range(10):
        write_file(path)
    names = {file.base_name for file in files.listed(f"{path}/_delta_log")}
    assert "_last_checkpoint" in names
