"""Data files that workers write: what is in them, what the log says of them, none left over."""

from __future__ import annotations

import errno
import json
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from iotscore.warehouse.delta_rs import data_files
from iotscore.warehouse.delta_rs.data_files import DataFile, DataFileWriter
from iotscore.warehouse.delta_rs.table import read_rows
from iotscore.warehouse.delta_rs.writes import create_table, exchange_files
from iotscore.warehouse.records import with_constants

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SCHEMA = pa.schema(
    [
        ("file_id", pa.string()),
        ("row_no", pa.int64()),
        ("label", pa.int32()),
        ("event_day", pa.date32()),
        ("note", pa.string()),
        ("value", pa.float64()),
    ]
)
INDEXED = ("file_id", "row_no", "label", "event_day", "note")
COLUMNS = SCHEMA.names


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of an empty table, with letters in its name that URIs have to encode."""
    path = tmp_path / "Zürich 北 100%" / "traffic"
    create_table(str(path), SCHEMA, INDEXED)
    return path


def rows(*records: dict[str, Any]) -> pa.Table:
    """Return records as a writer gets them; values that are not given are NULL."""
    return with_constants(pa.Table.from_pylist(list(records), SCHEMA), {}, SCHEMA)


def numbered(first: int, count: int, file_id: str = "f") -> pa.Table:
    """Return records that differ in their number."""
    numbers = pa.table({"row_no": pa.array(range(first, first + count), pa.int64())})
    return with_constants(numbers, {"file_id": file_id, "label": 0}, SCHEMA)


def written(folder: Path, *parts: pa.Table) -> DataFile:
    """Write one file and return its description."""
    with DataFileWriter(str(folder), INDEXED) as writer:
        for part in parts:
            writer.write(part)
        file = writer.close()
    assert file is not None
    return file


def test_delta_reads_what_was_written(folder: Path) -> None:
    """Every value comes back from the table as its type, NULL as NULL, and none before the add."""
    first = [
        {"file_id": "a", "row_no": 1, "label": 0, "event_day": date(2026, 11, 20), "value": 0.1},
        {"file_id": "a", "row_no": 2, "note": 'é 🐍 " \\ \n', "value": -0.0},
    ]
    second = [{"file_id": "b", "row_no": -(2**63), "note": "", "value": 1e308}]
    third = [{"file_id": "a", "row_no": 2**63 - 1, "note": "other", "label": -1}]
    files = [written(folder, rows(*first), rows(*second)), written(folder, rows(*third))]
    assert read_rows(str(folder), COLUMNS, {}).num_rows == 0
    exchange_files(str(folder), files)
    expected = pa.Table.from_pylist([*first, *second, *third], SCHEMA).sort_by("row_no")
    found = DeltaTable(folder).to_pyarrow_table()
    assert found.sort_by("row_no").cast(SCHEMA) == expected
    assert read_rows(str(folder), COLUMNS, {}).sort_by("row_no").cast(SCHEMA) == expected
    assert read_rows(str(folder), ["row_no"], {"note": ["", "other"]}).num_rows == 2


def test_a_file_is_described(folder: Path) -> None:
    """The description tells name, bytes, time and rows of the file that lies there."""
    file = written(folder, numbered(1, 3, "a"), numbered(1, 2, "b"), numbered(4, 1, "a"))
    found = (folder / file.name).stat()
    assert file.size == found.st_size
    assert abs(file.modified_ms - found.st_mtime * 1_000) < 2_000
    assert (file.rows, file.rows_of_file) == (6, {"a": 4, "b": 2})


def test_statistics_are_those_of_delta(folder: Path) -> None:
    """Minimum, maximum and NULLs of the indexed columns; all-NULL columns have no minimum."""
    first = {"file_id": "b", "row_no": 7, "event_day": date(2026, 11, 20)}
    third = {"file_id": "Ä", "row_no": -3, "event_day": date(1999, 1, 2), "value": 5.0}
    file = written(folder, rows(first, {"file_id": "b", "row_no": 2**60}), rows(third))
    assert json.loads(file.statistics) == {
        "numRecords": 3,
        "minValues": {"file_id": "b", "row_no": -3, "event_day": "1999-01-02"},
        "maxValues": {"file_id": "Ä", "row_no": 2**60, "event_day": "2026-11-20"},
        "nullCount": {"file_id": 0, "row_no": 0, "label": 3, "event_day": 1, "note": 3},
    }
    exchange_files(str(folder), [file])
    (action,) = pa.table(DeltaTable(folder).get_add_actions(flatten=True)).to_pylist()
    assert action["num_records"] == 3
    days = (action["min.event_day"], action["max.event_day"])
    assert days == (date(1999, 1, 2), date(2026, 11, 20))
    assert (action["min.row_no"], action["max.row_no"]) == (-3, 2**60)
    assert (action["null_count.label"], action.get("min.label")) == (3, None)


RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "file_id": st.sampled_from(["a", "b", "ü"]),
            "row_no": st.integers(-(2**63), 2**63 - 1),
            "label": st.none() | st.integers(0, 2),
            "event_day": st.none() | st.dates(),
            "note": st.none() | st.text(max_size=5),
        }
    ),
    max_size=8,
)


@settings(max_examples=60)
@given(parts=st.lists(RECORDS, max_size=4).filter(any), group_rows=st.integers(1, 10))
def test_statistics_are_those_of_all_rows(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[dict[str, Any]]], group_rows: int
) -> None:
    """However rows come and are grouped, statistics are those of Python over all of them."""
    folder = tmp_path_factory.mktemp("statistics")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_files, "ROW_GROUP_ROWS", group_rows)
        file = written(folder, *(rows(*part) for part in parts))
    records = [record for part in parts for record in part]
    found = json.loads(file.statistics)
    assert found["numRecords"] == file.rows == len(records)
    for name in INDEXED:
        values = [record[name] for record in records if record[name] is not None]
        plain = [str(value) if isinstance(value, date) else value for value in values]
        assert found["minValues"].get(name) == min(plain, default=None)
        assert found["maxValues"].get(name) == max(plain, default=None)
        assert found["nullCount"][name] == len(records) - len(values)
    assert pq.read_table(folder / file.name).to_pylist() == [
        record | {"value": None} for record in records
    ]


def test_rows_are_written_in_groups(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A group is written when enough rows wait; the rest is the last group."""
    monkeypatch.setattr(data_files, "ROW_GROUP_ROWS", 10)
    parts = [numbered(start, 4, name) for start, name in ((1, "a"), (5, "b"), (9, "c"), (13, "d"))]
    file = written(folder, *parts, numbered(17, 25), numbered(42, 1))
    metadata = pq.read_metadata(folder / file.name)
    groups = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
    assert groups == [12, 29, 1]
    assert pq.read_table(folder / file.name)["row_no"].to_pylist() == list(range(1, 43))
    assert json.loads(file.statistics)["maxValues"]["row_no"] == 42
    assert file.rows_of_file == {"a": 4, "b": 4, "c": 4, "d": 4, "f": 26}


def test_only_texts_have_dictionaries(folder: Path) -> None:
    """Texts are written once each, numbers plainly; only indexed columns carry statistics."""
    file = written(folder, numbered(1, 1000))
    group = pq.read_metadata(folder / file.name).row_group(0)
    columns = {name: group.column(place) for place, name in enumerate(COLUMNS)}
    with_dictionary = {name for name, column in columns.items() if column.has_dictionary_page}
    assert with_dictionary == {"file_id", "note"}
    assert {name for name, column in columns.items() if column.is_stats_set} == {*INDEXED}


@pytest.mark.parametrize("count", [None, 0])
def test_no_rows_make_no_file(folder: Path, count: int | None) -> None:
    """Neither a writer that got nothing nor one that got empty batches leaves a file."""
    with DataFileWriter(str(folder), INDEXED) as writer:
        if count is not None:
            writer.write(numbered(1, count))
        assert writer.close() is None
    assert list(folder.glob("*.parquet")) == []


def fail_after(writer: DataFileWriter, count: int, event: Callable[[], object]) -> None:
    """Write rows into a file, ten of which make a group; then something happens; then fail."""
    with pytest.MonkeyPatch.context() as patch, writer:
        patch.setattr(data_files, "ROW_GROUP_ROWS", 10)
        writer.write(numbered(1, count))
        event()
        message = "the task was killed"
        raise RuntimeError(message)


@pytest.mark.parametrize("is_finished", [False, True])
@pytest.mark.parametrize(("count", "files"), [(0, 0), (3, 0), (25, 1)])
def test_a_body_that_fails_leaves_no_file(
    folder: Path, count: int, files: int, is_finished: bool
) -> None:
    """Whether its first group waits or is on disk, or the file is finished: it is deleted."""
    writer = DataFileWriter(str(folder), INDEXED)
    seen: list[int] = []

    def event() -> None:
        seen.append(len(list(folder.glob("*.parquet"))))
        if is_finished:
            writer.close()

    with pytest.raises(RuntimeError, match="the task was killed"):
        fail_after(writer, count, event)
    assert seen == [files]
    assert list(folder.glob("*.parquet")) == []


def test_a_full_disk_leaves_no_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is deleted even if the end of it cannot be written either."""
    close = pq.ParquetWriter.close

    def fail(writer: pq.ParquetWriter) -> None:
        if writer.is_open:
            close(writer)
            raise OSError(errno.ENOSPC, "No space left on device")

    fill_disk = partial(monkeypatch.setattr, pq.ParquetWriter, "close", fail)
    with pytest.raises(OSError, match="No space left on device"):
        fail_after(DataFileWriter(str(folder), INDEXED), 10, fill_disk)
    assert list(folder.glob("*.parquet")) == []
