"""Rows of some landing files leave a table and others come, in one commit; no other row changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from iotscore.warehouse.delta_rs.data_files import DataFile, DataFileWriter
from iotscore.warehouse.delta_rs.rewrite import rewritten
from iotscore.warehouse.delta_rs.table import data_files, schema
from iotscore.warehouse.delta_rs.writes import append_rows, create_table, exchange_files
from iotscore.warehouse.records import with_constants
from iotscore.warehouse.selection import rows_where

if TYPE_CHECKING:
    from pathlib import Path

SCHEMA = pa.schema([("file_id", pa.string()), ("row_no", pa.int64()), ("note", pa.string())])
INDEXED = ("file_id", "row_no")


def rows(*keys: tuple[str, int]) -> pa.Table:
    """Return rows by file and number; every second note is NULL."""
    return pa.Table.from_pylist(
        [{"file_id": f, "row_no": n, "note": f"{f}{n}" if n % 2 else None} for f, n in keys], SCHEMA
    )


def written(folder: str, *keys: tuple[str, int]) -> list[DataFile]:
    """Write a data file that is not in the table yet."""
    with DataFileWriter(folder, INDEXED) as writer:
        writer.write(with_constants(rows(*keys), {}, SCHEMA))
        file = writer.close()
    return [file] if file else []


def exchange(folder: str, added: list[DataFile], file_ids: set[str]) -> list[str]:
    """Exchange the rows of landing files and return the data files that went."""
    paths = data_files(folder, {"file_id": sorted(file_ids)})
    removed, rest = rewritten(paths, rows_where(file_id=file_ids), schema(folder), INDEXED)
    exchange_files(folder, [*added, *rest], removed)
    return removed


def content(folder: str) -> list[tuple[str, int, str | None]]:
    """Return all rows, sorted."""
    found = DeltaTable(folder).to_pyarrow_table().to_pylist()
    return sorted((row["file_id"], row["row_no"], row["note"]) for row in found)


def expected(*keys: tuple[str, int]) -> list[tuple[str, int, str | None]]:
    """Return the same of some keys."""
    return sorted((row["file_id"], row["row_no"], row["note"]) for row in rows(*keys).to_pylist())


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """Return the folder of an empty table."""
    path = str(tmp_path / "table")
    create_table(path, SCHEMA, INDEXED)
    return path


def test_one_commit_takes_and_gives(folder: str) -> None:
    """Rows of the landing file go wherever they lie; data files without such rows stay."""
    exchange_files(folder, written(folder, ("a", 1), ("b", 1), ("c", 1)))
    exchange_files(folder, written(folder, ("a", 2), ("c", 2)))
    append_rows(folder, rows(("b", 2)))
    before = DeltaTable(folder).version()
    removed = exchange(folder, written(folder, ("b", 7), ("b", 8)), {"b"})
    assert len(removed) == 2
    assert DeltaTable(folder).version() == before + 1
    kept = [("a", 1), ("c", 1), ("a", 2), ("c", 2)]
    assert content(folder) == expected(*kept, ("b", 7), ("b", 8))


def test_nothing_comes(folder: str) -> None:
    """A landing file without records leaves no row, and a data file of its rows alone just goes."""
    exchange_files(folder, written(folder, ("a", 1)))
    exchange_files(folder, written(folder, ("b", 1)))
    exchange(folder, [], {"b"})
    assert content(folder) == expected(("a", 1))


def test_columns_that_came_later_are_kept(folder: str) -> None:
    """A data file from before a column was added has NULL there after it was written anew."""
    exchange_files(folder, written(folder, ("a", 1), ("b", 1)))
    append_rows(folder, rows(("c", 1)).append_column("more", pa.array([5], pa.int64())))
    exchange(folder, [], {"b"})
    found = DeltaTable(folder).to_pyarrow_table().sort_by("file_id").to_pylist()
    assert [(row["file_id"], row["more"]) for row in found] == [("a", None), ("c", 5)]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parts=st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), max_size=4),
    gone=st.sets(st.sampled_from("abc"), min_size=1),
)
def test_any_rows_in_any_files(
    tmp_path_factory: pytest.TempPathFactory, parts: list[list[str]], gone: set[str]
) -> None:
    """Whatever lies where, exactly the rows of the chosen landing files are exchanged."""
    folder = str(tmp_path_factory.mktemp("any") / "table")
    create_table(folder, SCHEMA, INDEXED)
    keys = [[(file, 10 * place + n) for n, file in enumerate(p)] for place, p in enumerate(parts)]
    for part in keys:
        exchange_files(folder, written(folder, *part))
    exchange(folder, written(folder, ("a", 1000)), gone)
    kept = [key for part in keys for key in part if key[0] not in gone]
    assert content(folder) == expected(*kept, ("a", 1000))
