"""A Delta table that is damaged or cannot be written: every fault names the table."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from iotscore.errors import DamagedFileError, WarehouseError
from iotscore.warehouse.delta_rs.data_files import DataFile
from iotscore.warehouse.delta_rs.parquet_files import reading
from iotscore.warehouse.delta_rs.table import column_names, data_files, is_table, read_rows
from iotscore.warehouse.delta_rs.writes import (
    append_rows,
    create_table,
    delete_rows,
    exchange_files,
)

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = pa.table({"file_id": ["a", "b"]})
READERS: dict[str, Callable[[str], object]] = {
    "column_names": column_names,
    "read_rows": partial(read_rows, columns=["file_id"], where={}),
    "data_files": partial(data_files, where={}),
}
WRITERS: dict[str, Callable[[str], object]] = {
    "exchange_files": partial(exchange_files, added=[]),
    "create_table": partial(create_table, schema=ROWS.schema, indexed=["file_id"]),
    "append_rows": partial(append_rows, rows=ROWS),
    "delete_rows": partial(delete_rows, condition="file_id = 'a'"),
}


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the folder of a table with one data file."""
    folder = str(tmp_path / "traffic")
    create_table(folder, ROWS.schema, ["file_id"])
    append_rows(folder, ROWS)
    return folder


def garble_log(path: str) -> None:
    """Cut the newest commit short."""
    commit = Path(path, "_delta_log", f"{1:020}.json")
    commit.write_bytes(commit.read_bytes()[:40])


def lose_log(path: str) -> None:
    """Lose the commit that made the table."""
    Path(path, "_delta_log", f"{0:020}.json").unlink()


def block_log(path: str) -> None:
    """Put a file in the place of the log's folder."""
    shutil.rmtree(Path(path, "_delta_log"))
    Path(path, "_delta_log").touch()


def block_folder(path: str) -> None:
    """Put a file in the place of the table's folder."""
    shutil.rmtree(path)
    Path(path).touch()


FAULTS = [garble_log, lose_log, block_log, block_folder]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_table_is_not_read(path: str, fault: Callable[[str], None], reader: str) -> None:
    """The message names the table and says what to do; the cause is kept for the traceback."""
    fault(path)
    with pytest.raises(WarehouseError) as caught:
        READERS[reader](path)
    assert str(caught.value).startswith(f"cannot read the table {path}: ")
    assert str(caught.value).endswith("restore the folder or give --warehouse another one")
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("writer", WRITERS)
def test_a_damaged_table_is_not_written(
    path: str, fault: Callable[[str], None], writer: str
) -> None:
    """Nothing is added to a table that cannot be read; the message names it."""
    fault(path)
    before = sorted(Path(path).rglob("*"))
    with pytest.raises(WarehouseError) as caught:
        WRITERS[writer](path)
    assert str(caught.value).startswith(f"cannot write the table {path}: ")
    assert "\n" not in str(caught.value)
    assert sorted(Path(path).rglob("*")) == before


def test_a_file_in_the_place_of_the_folder_is_a_fault(path: str) -> None:
    """It is neither a table nor a place for one."""
    block_folder(path)
    with pytest.raises(WarehouseError, match=f"cannot read the table {path}: "):
        is_table(path)


@pytest.mark.parametrize("writer", WRITERS)
def test_a_warehouse_that_is_a_file_is_a_fault(tmp_path: Path, writer: str) -> None:
    """No table can be made below a file; the message names the table that was wanted."""
    path = str(tmp_path / "warehouse" / "traffic")
    Path(path).parent.touch()
    with pytest.raises(WarehouseError, match=f"cannot write the table {path}: "):
        WRITERS[writer](path)


def test_a_commit_that_cannot_be_written_is_a_fault(path: str) -> None:
    """What stands in the next commit's way leaves the table as it was."""
    Path(path, "_delta_log", f"{2:020}.json").mkdir()
    statistics = '{"numRecords": 1}'
    file = DataFile("x.parquet", 1, 1, 1, statistics, {"a": 1})
    with pytest.raises(WarehouseError, match=f"cannot write the table {path}: .*nothing of it"):
        exchange_files(path, [file])
    assert len(data_files(path, {})) == 1


def test_a_refused_data_file_is_not_damaged() -> None:
    """What a store does not let a job read is whole; nothing is to be restored."""
    refusal = OSError("When reading: AWS Error ACCESS_DENIED during HeadObject operation")
    with pytest.raises(OSError, match="ACCESS_DENIED"), reading("s3://b/scores/1.parquet"):
        raise refusal


@pytest.mark.parametrize(
    "damage",
    [
        Path.unlink,
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"no Parquet at all, yet long enough to be"),
        lambda file: file.write_bytes(file.read_bytes()[:-20]),
    ],
    ids=["lost", "empty", "other", "cut"],
)
def test_a_damaged_data_file_is_a_fault(path: str, damage: Callable[[Path], object]) -> None:
    """The log is fine but not the rows: the message names the file."""
    (file,) = Path(path).glob("*.parquet")
    damage(file)
    with pytest.raises(DamagedFileError, match=f"the data file {file} is "):
        read_rows(path, ["file_id"], {})
