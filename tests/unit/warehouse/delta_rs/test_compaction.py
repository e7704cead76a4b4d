"""Compaction of a table: fewer files, the same rows, and nobody who reads loses what he reads."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, TableFeatures
from deltalake.exceptions import DeltaError

from iotscore import failpoints
from iotscore.errors import WarehouseError
from iotscore.warehouse.compaction import Compaction, CompactionOptions
from iotscore.warehouse.delta_rs.compaction import compact
from iotscore.warehouse.delta_rs.writes import append_rows, create_table

SCHEMA: Final = pa.schema(
    [("file_id", pa.string()), ("row_no", pa.int64()), ("value", pa.float64())]
)
INDEXED: Final = ("file_id", "row_no")
WEEK: Final = CompactionOptions(file_megabytes=128.0, small_files=4, vacuum_hours=168)
AT_ONCE: Final = CompactionOptions(file_megabytes=128.0, small_files=4, vacuum_hours=0)


def append(path: Path, first: int, times: int, rows: int = 10) -> None:
    """Add so many commits of a few rows each."""
    for start in range(first, first + times * rows, rows):
        numbers = pa.array(range(start, start + rows))
        values = {"file_id": pa.array([f"f{start}"] * rows), "row_no": numbers}
        values["value"] = numbers.cast(pa.float64())
        append_rows(str(path), pa.table(values, schema=SCHEMA))


def age(path: Path, days: int) -> None:
    """Make every file look so many days older."""
    for file in path.rglob("*"):
        when = file.stat().st_mtime - days * 86_400
        os.utime(file, (when, when))


def upkeep(path: Path, options: CompactionOptions = WEEK) -> Compaction:
    """Keep the table up."""
    return compact(str(path), SCHEMA, INDEXED, options)


def numbers(table: DeltaTable) -> list[int]:
    """Return the row numbers that a table holds, in order."""
    return sorted(table.to_pyarrow_table(columns=["row_no"]).column("row_no").to_pylist())


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a table of 12 commits of 10 rows, each a data file, all of them a year old."""
    path = tmp_path / "table"
    create_table(str(path), SCHEMA, INDEXED)
    append(path, 0, 12)
    age(path, 365)
    return path


def test_many_small_files_become_one(table: Path) -> None:
    """The rows are the same, and statistics still tell which files need not be read."""
    done = upkeep(table)
    assert (done.files_before, done.files_after) == (12, 1)
    now = DeltaTable(str(table))
    assert numbers(now) == list(range(120))
    (action,) = pa.table(now.get_add_actions(flatten=True)).to_pylist()
    assert (action["num_records"], action["min.row_no"], action["max.row_no"]) == (120, 0, 119)
    assert (action["min.file_id"], action["max.file_id"]) == ("f0", "f90")


def test_a_second_time_there_is_nothing_to_do(table: Path) -> None:
    """A table that is in order gets no commit and no other file."""
    upkeep(table)
    version, files = DeltaTable(str(table)).version(), sorted(table.rglob("*"))
    done = upkeep(table)
    assert (done.files_before, done.files_after, done.files_deleted) == (1, 1, 0)
    assert DeltaTable(str(table)).version() == version
    assert sorted(table.rglob("*")) == files


@pytest.mark.parametrize(("least", "left"), [(12, 1), (13, 12)])
def test_few_files_are_left_alone(table: Path, least: int, left: int) -> None:
    """Rewriting must pay: there have to be enough files."""
    assert upkeep(table, CompactionOptions(128.0, least, 168)).files_after == left


@pytest.mark.parametrize(("more", "is_left"), [(0, False), (1, True)])
def test_files_of_half_the_wanted_size_are_large(table: Path, more: int, is_left: bool) -> None:
    """Only files below half the wanted size count as small."""
    sizes = sorted(file.stat().st_size for file in table.glob("*.parquet"))
    small = sum(size < sizes[6] for size in sizes)
    done = upkeep(table, CompactionOptions(2e-6 * sizes[6], small + more, 168))
    assert (done.files_after == 12) is is_left


def test_files_are_encoded_as_all_others(table: Path) -> None:
    """Texts are dictionaries, measurements are not, and no feature of Delta is switched on."""
    upkeep(table)
    now = DeltaTable(str(table))
    assert now.protocol().reader_features is None
    assert now.protocol().min_reader_version == 1
    (file,) = now.file_uris()
    group = pq.read_metadata(file.removeprefix("file://")).row_group(0)
    columns = [group.column(position) for position in range(3)]
    assert ["RLE_DICTIONARY" in column.encodings for column in columns] == [True, False, False]
    assert [column.is_stats_set for column in columns] == [True, True, False]
    assert {column.compression for column in columns} == {"LZ4"}


def test_who_reads_goes_on_reading(table: Path) -> None:
    """Files are there for a week after they are merged, however old they are themselves."""
    reader = DeltaTable(str(table))
    done = upkeep(table)
    assert (done.files_after, done.files_deleted, done.bytes_freed) == (1, 0, 0)
    assert numbers(reader) == list(range(120))
    assert numbers(DeltaTable(str(table), version=12)) == list(range(120))


def test_merged_files_go_after_the_horizon(table: Path) -> None:
    """Once nobody may read them, their disk space is free again."""
    size = sum(file.stat().st_size for file in table.glob("*.parquet"))
    done = upkeep(table, AT_ONCE)
    assert (done.files_deleted, done.bytes_freed) == (12, size)
    assert len(list(table.glob("*.parquet"))) == 1
    assert numbers(DeltaTable(str(table))) == list(range(120))


def test_files_of_killed_tasks_go(table: Path) -> None:
    """A data file that no version names is deleted after the horizon, and not before."""
    dead, young = table / "part-dead.parquet", table / "part-young.parquet"
    for file, days in ((dead, 8), (young, 6)):
        file.write_bytes(b"half a file")
        when = time.time() - days * 86_400
        os.utime(file, (when, when))
    done = upkeep(table)
    assert (done.files_deleted, done.bytes_freed) == (1, 11)
    assert (dead.exists(), young.exists()) == (False, True)


def test_the_log_is_summed_up_and_cut(table: Path) -> None:
    """Whoever opens the table reads a checkpoint; what lies before one 30 days ago is deleted."""
    log = table / "_delta_log"
    done = upkeep(table)
    assert (done.log_files_before, done.log_files_after) == (13, 16)
    assert (log / f"{13:020}.checkpoint.parquet").exists()
    append(table, 120, 9)
    age(table, 31)
    done = upkeep(table)
    assert (done.log_files_before, done.log_files_after) == (25, 14)
    assert min(file.name for file in log.iterdir()) == f"{13:020}.checkpoint.parquet"
    assert numbers(DeltaTable(str(table))) == list(range(210))


def test_versions_of_a_month_stay_readable(table: Path) -> None:
    """A log entry goes only if no version that may still be asked for begins with it."""
    append(table, 120, 12)
    upkeep(table)
    assert numbers(DeltaTable(str(table), version=13)) == list(range(130))
    age(table, 29)
    upkeep(table)
    assert numbers(DeltaTable(str(table), version=13)) == list(range(130))
    age(table, 2)
    upkeep(table)
    with pytest.raises(DeltaError):
        DeltaTable(str(table), version=13)


def test_checksums_of_deleted_files_go(table: Path) -> None:
    """What Spark keeps beside each of its files does not outlive it."""
    upkeep(table)
    age(table, 31)
    (merged,) = DeltaTable(str(table)).file_uris()
    kept = {f".{Path(merged).name}.crc", f".{13:020}.json.crc"}
    gone = {".part-gone.parquet.crc", f".{1:020}.json.crc", f"{1:020}.crc", f".{1:020}.crc.crc"}
    for name in kept | gone:
        folder = table if "part" in name else table / "_delta_log"
        (folder / name).write_bytes(b"crc")
    upkeep(table)
    assert {file.name for file in table.rglob("*.crc")} == kept


def test_growth_is_flat(table: Path) -> None:
    """Month after month of nights, a table that is kept up has no more files than before."""
    counts = []
    for month in range(1, 9):
        append(table, 1_000 * month, 30)
        age(table, 31)
        upkeep(table, AT_ONCE)
        counts.append(len(list(table.rglob("*"))))
    assert max(counts[4:]) <= max(counts[:4]) < 60
    assert len(numbers(DeltaTable(str(table)))) == 120 + 8 * 300


@pytest.mark.parametrize("point", ["compact", "vacuum", "checkpoint"])
def test_killed_between_two_steps(table: Path, point: str) -> None:
    """Whenever it is killed, no row is lost, and the next time does the rest."""
    code = (
        "import sys, pyarrow as pa; from iotscore.warehouse.delta_rs.compaction import *\n"
        "schema = pa.schema([('file_id', 'str'), ('row_no', 'i8'), ('value', 'f8')])\n"
        "compact(sys.argv[1], schema, ('file_id', 'row_no'), CompactionOptions(100.0, 4, 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, table],
        env={**os.environ, "PYTHONPATH": "lib", failpoints.POINT: f"{point} table"},
        cwd=Path(__file__).resolve().parents[4],
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert numbers(DeltaTable(str(table))) == list(range(120))
    upkeep(table, AT_ONCE)
    assert numbers(DeltaTable(str(table))) == list(range(120))
    assert len(list(table.glob("*.parquet"))) == 1


def test_features_that_must_be_known_are_refused(table: Path) -> None:
    """A table with deletion vectors is not rewritten by who does not know them."""
    DeltaTable(str(table)).alter.add_feature(
        TableFeatures.DeletionVectors, allow_protocol_versions_increase=True
    )
    with pytest.raises(WarehouseError, match="uses deletionVectors, so its files are not"):
        upkeep(table)


def test_a_table_that_cannot_be_read(table: Path) -> None:
    """A damaged log is told in one line that names the table."""
    (table / "_delta_log" / f"{3:020}.json").write_text("damaged\n")
    with pytest.raises(WarehouseError, match=f"the table {table} cannot be compacted: "):
        upkeep(table)
