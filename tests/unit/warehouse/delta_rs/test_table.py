"""One local Delta table without Spark: paths, rows, data files, and what goes wrong with them."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from iotscore.errors import WarehouseError
from iotscore.warehouse.delta_rs.data_files import DataFile, DataFileWriter
from iotscore.warehouse.delta_rs.files import local_path
from iotscore.warehouse.delta_rs.table import column_names, data_files, is_table, read_rows, scan
from iotscore.warehouse.delta_rs.writes import (
    append_rows,
    create_table,
    delete_rows,
    exchange_files,
)
from iotscore.warehouse.records import with_constants

SCHEMA = pa.schema([("file_id", pa.string()), ("row_no", pa.int64()), ("event_day", pa.date32())])
COLUMNS = SCHEMA.names
DAY = date(2026, 11, 20)


def some_rows(file_id: str, *numbers: int, day: date | None = DAY) -> pa.Table:
    """Return rows of one file."""
    rows = [{"file_id": file_id, "row_no": number, "event_day": day} for number in numbers]
    return pa.Table.from_pylist(rows, SCHEMA)


def data_file(path: str, *parts: pa.Table, indexed: tuple[str, ...] = ("file_id",)) -> DataFile:
    """Write a data file that is not in the table yet."""
    with DataFileWriter(path, indexed) as writer:
        for part in parts:
            writer.write(with_constants(part, {}, SCHEMA))
        file = writer.close()
    assert file is not None
    return file


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the folder of an empty table."""
    folder = str(tmp_path / "traffic")
    create_table(folder, SCHEMA, ["file_id", "row_no", "event_day"])
    return folder


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("/data/warehouse", "/data/warehouse"),
        ("data/warehouse", "data/warehouse"),
        ("/data/a b/Zürich 100%/q?u#e/x:y", "/data/a b/Zürich 100%/q?u#e/x:y"),
        ("file:/data/warehouse", "/data/warehouse"),
        ("file:///data/warehouse", "/data/warehouse"),
        ("file://localhost/data/warehouse", "/data/warehouse"),
        ("file:///data/a b/Zürich 100%/q?u#e/x:y", "/data/a b/Zürich 100%/q?u#e/x:y"),
        ("s3a://bucket/warehouse", None),
        ("hdfs://name:8020/file:/warehouse", None),
        ("abfss://container@account/warehouse", None),
        ("gs://bucket/file:/warehouse", None),
    ],
)
def test_local_folders_are_told_from_other_storage(uri: str, expected: str | None) -> None:
    """Only plain paths and ``file:`` URIs have a path, the one that Hadoop makes of them."""
    assert local_path(uri) == expected


@pytest.mark.parametrize("prefix", ["", "file:", "file://"])
@pytest.mark.parametrize("name", ["a%20b", "%41", "50%ff", "[x]", "a|b", "a^b", "a\\b", "a\nb"])
def test_names_that_delta_rs_misreads_are_left_to_spark(prefix: str, name: str) -> None:
    """Percent codes, brackets and the like would lead delta-rs to another folder, or to panic."""
    assert local_path(f"{prefix}/data/{name}/warehouse") is None


@pytest.mark.parametrize(
    "name",
    ["a b", "100%", "%zz", "Zürich 北京 🐍", "q?u#e", "a+b&c=d;e,f", 'it\'s "x"', "x:1@y~$!*"],
)
def test_a_folder_may_have_any_other_name(tmp_path: Path, name: str) -> None:
    """All that a table goes through happens in the very folder that was named."""
    folder = tmp_path / name / "traffic"
    path = local_path(str(folder))
    assert path == str(folder)
    create_table(path, SCHEMA, ["file_id"])
    append_rows(path, some_rows("a", 1))
    exchange_files(path, [data_file(path, some_rows("b", 2))])
    assert is_table(path)
    assert column_names(path) == COLUMNS
    assert read_rows(path, ["row_no"], {"file_id": ["b"]})["row_no"].to_pylist() == [2]
    found = {Path(file) for file in data_files(path, {})}
    assert found == set(folder.glob("*.parquet"))
    assert len(found) == 2
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_a_table_is_made_once(path: str) -> None:
    """A new table has the columns and no rows; making it again leaves its rows alone."""
    assert DeltaTable(path).metadata().configuration == {
        "delta.dataSkippingStatsColumns": "file_id,row_no,event_day"
    }
    assert pa.schema(DeltaTable(path).schema().to_arrow()) == SCHEMA
    append_rows(path, some_rows("a", 1, 2))
    create_table(path, SCHEMA, ["file_id"])
    assert DeltaTable(path).version() == 1
    assert read_rows(path, COLUMNS, {}).num_rows == 2


def test_a_folder_is_a_table_by_its_log(path: str, tmp_path: Path) -> None:
    """Folders without a log, or none at all, are no tables yet."""
    assert is_table(path)
    assert not is_table(str(tmp_path / "absent"))
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "x.parquet").touch()
    assert not is_table(str(tmp_path / "empty"))


def test_rows_are_chosen_by_values(path: str) -> None:
    """A row is returned if it has, in every column named, one of the values."""
    append_rows(path, some_rows("a", 1, 2, 3))
    append_rows(path, pa.concat_tables([some_rows("b", 1, 2), some_rows("c", 9, day=None)]))

    def found(**where: list[Any]) -> list[tuple[str, int]]:
        rows = read_rows(path, ["row_no", "file_id"], where)
        assert rows.column_names == ["row_no", "file_id"]
        return sorted((row["file_id"], row["row_no"]) for row in rows.to_pylist())

    assert found(file_id=["a", "x"]) == [("a", 1), ("a", 2), ("a", 3)]
    assert found(file_id=["a", "b"], row_no=[2, 9]) == [("a", 2), ("b", 2)]
    assert found(event_day=[DAY], row_no=[9]) == []
    assert len(found()) == 6


def test_new_columns_are_added(path: str) -> None:
    """Rows may bring columns and lack others; what a row does not have is NULL."""
    append_rows(path, some_rows("a", 1))
    append_rows(path, pa.table({"file_id": ["b"], "lstm_score": [0.5]}))
    assert column_names(path) == [*COLUMNS, "lstm_score"]
    assert read_rows(path, column_names(path), {}).sort_by("file_id").to_pylist() == [
        {"file_id": "a", "row_no": 1, "event_day": DAY, "lstm_score": None},
        {"file_id": "b", "row_no": None, "event_day": None, "lstm_score": 0.5},
    ]


def test_files_are_added_in_one_commit(path: str) -> None:
    """Files that lie in the folder are nothing to readers until all of them are added at once."""
    append_rows(path, some_rows("a", 1))
    files = [data_file(path, some_rows(name, 2, 3)) for name in "bc"]
    assert read_rows(path, COLUMNS, {}).num_rows == 1
    exchange_files(path, files)
    assert DeltaTable(path).version() == 2
    rows = read_rows(path, ["file_id"], {})["file_id"].to_pylist()
    assert sorted(rows) == ["a", "b", "b", "c", "c"]


def test_data_files_are_skipped_by_their_statistics(path: str) -> None:
    """A file counts if its range of every column has room for a value, or nothing is known."""
    files = {
        "a-b": data_file(path, some_rows("a", 1), some_rows("b", 9), indexed=("file_id", "row_no")),
        "d": data_file(path, some_rows("d", 5), indexed=("file_id", "row_no", "event_day")),
        "null": data_file(path, some_rows("e", 5, day=None), indexed=("file_id", "event_day")),
        "unknown": data_file(path, some_rows("f", 5), indexed=()),
    }
    exchange_files(path, list(files.values()))
    names = {f"{path}/{file.name}": name for name, file in files.items()}

    def found(**where: list[Any]) -> list[str]:
        return sorted(names[file] for file in data_files(path, where))

    everything = sorted(files)
    assert found() == everything
    assert found(file_id=["a"]) == found(file_id=["b"]) == ["a-b", "unknown"]
    assert found(file_id=["aa", "d"]) == ["a-b", "d", "unknown"]
    assert found(file_id=["c", "x", ""]) == ["unknown"]
    assert found(row_no=[10]) == ["null", "unknown"]
    assert found(row_no=[5], file_id=["a", "d"]) == ["a-b", "d", "unknown"]
    assert found(row_no=[4], file_id=["d"]) == ["unknown"]
    assert found(event_day=[date(2026, 11, 19)]) == ["a-b", "null", "unknown"]
    assert found(event_day=[date(2026, 11, 19), DAY]) == everything


def test_names_of_data_files_are_decoded(tmp_path: Path) -> None:
    """The log encodes names as in URIs; the paths returned are those of the files."""
    path = str(tmp_path / "traffic")
    days = pa.table({"file_id": ["a b", "100%", "c%20d", "é"], "row_no": [1, 2, 3, 4]})
    write_deltalake(path, days, partition_by=["file_id"])
    found = data_files(path, {})
    assert {Path(file) for file in found} == set(Path(path).glob("*/*.parquet"))
    assert len(found) == 4


@pytest.mark.parametrize(
    ("setting", "feature"),
    [
        ({"delta.enableDeletionVectors": "true"}, "deletionVectors"),
        ({"delta.columnMapping.mode": "name"}, "columnMapping"),
    ],
)
def test_files_with_unknown_features_are_not_read(
    tmp_path: Path, setting: dict[str, str], feature: str
) -> None:
    """Rows marked as deleted, or columns by another name, must not be read as they lie there."""
    path = str(tmp_path / "traffic")
    DeltaTable.create(path, schema=SCHEMA, configuration=setting)
    with pytest.raises(WarehouseError) as caught:
        data_files(path, {})
    assert str(caught.value).startswith(f"the table {path} uses ")
    assert feature in str(caught.value)
    assert str(caught.value).endswith("set storage.direct to never")


def test_rows_behind_unknown_features_are_not_read(tmp_path: Path) -> None:
    """Nor are the rows of such a ledger; the message names the table and the feature."""
    path = str(tmp_path / "runs")
    setting = {"delta.enableDeletionVectors": "true"}
    DeltaTable.create(path, schema=SCHEMA, configuration=setting)
    with pytest.raises(WarehouseError, match=f"the table {path} uses .*deletionVectors"):
        read_rows(path, COLUMNS, {})


def test_what_delta_rs_rewrote_is_scanned(path: str) -> None:
    """A data file that delta-rs wrote anew for a deletion reads like any other."""
    append_rows(path, some_rows("a", 1, 2, 3))
    append_rows(path, some_rows("b", 4))
    delete_rows(path, "row_no = 2")
    batches = list(scan(path, ["file_id", "row_no"], {"file_id": ["a"]}))
    assert pa.Table.from_batches(batches).to_pydict() == {
        "file_id": ["a", "a"],
        "row_no": [1, 3],
    }
