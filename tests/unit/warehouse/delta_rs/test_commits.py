"""Whose the commits of a table are, as its log tells."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

from iotscore.warehouse.delta_rs.commits import Author, commits_between
from iotscore.warehouse.delta_rs.data_files import DataFileWriter
from iotscore.warehouse.delta_rs.table import version
from iotscore.warehouse.delta_rs.writes import (
    append_rows,
    create_table,
    delete_rows,
    exchange_files,
    replace_rows,
    restore,
    set_properties,
)
from iotscore.warehouse.records import with_constants
from iotscore.warehouse.results import Commit

if TYPE_CHECKING:
    from iotscore.warehouse.delta_rs.data_files import DataFile

SCHEMA = pa.schema([("file_id", pa.string()), ("row_no", pa.int64())])


def some_rows(file_id: str) -> pa.Table:
    """Return a row of a file."""
    return pa.table({"file_id": [file_id], "row_no": [1]}, SCHEMA)


def data_file(path: str) -> DataFile:
    """Write a data file that is not in the table yet."""
    with DataFileWriter(path, ["file_id"]) as writer:
        writer.write(with_constants(some_rows("c"), {}, SCHEMA))
        file = writer.close()
    assert file is not None
    return file


@pytest.fixture
def path(tmp_path: Path) -> str:
    """Return the folder of a table that every kind of commit was made in, each by another run."""
    folder = str(tmp_path / "traffic")
    create_table(folder, SCHEMA, ["file_id"], author=Author("run 0"))
    append_rows(folder, some_rows("a"), Author("run 1"))
    replace_rows(folder, some_rows("b"), "file_id = 'a' OR file_id = 'b'", Author("run 2"))
    exchange_files(folder, [data_file(folder)], author=Author("run 3"))
    assert delete_rows(folder, "file_id = 'b'", Author("run 4"))
    restore(folder, 2, Author("run 5"))
    set_properties(folder, {"iotscore.layout": "1"}, Author("run 6"))
    append_rows(folder, some_rows("d"))
    return folder


def test_every_commit_names_who_wrote_it(path: str) -> None:
    """All ways of writing pass the mark on; a commit without one has none."""
    assert commits_between(path, -1, version(path)) == [
        Commit(0, "CREATE TABLE", "run 0"),
        Commit(1, "WRITE", "run 1"),
        Commit(2, "WRITE", "run 2"),
        Commit(3, "WRITE", "run 3"),
        Commit(4, "DELETE", "run 4"),
        Commit(5, "RESTORE", "run 5", restored=2),
        Commit(6, "SET TBLPROPERTIES", "run 6"),
        Commit(7, "WRITE"),
    ]
    assert [commit.version for commit in commits_between(path, 4, 6)] == [5, 6]
    assert commits_between(path, 7, 7) == []


@pytest.mark.parametrize("content", [None, "", "no JSON\n", '{"add": {}}\n', '{"commitInfo": {}}'])
def test_a_commit_that_the_log_does_not_describe_is_nobodys(path: str, content: str | None) -> None:
    """A file of the log that is gone, empty or damaged names nobody, so nobody takes it for his."""
    file = Path(path) / "_delta_log" / f"{1:020}.json"
    file.unlink()
    if content is not None:
        file.write_text(content)
    [commit] = commits_between(path, 0, 1)
    assert commit == Commit(1, "a commit that the log does not describe")
