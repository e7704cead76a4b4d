"""Reading records back from data files, in batches and as matrices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from iotscore.features import FEATURES
from iotscore.warehouse.delta_rs import data_files
from iotscore.warehouse.delta_rs import row_groups as reading
from iotscore.warehouse.delta_rs.data_files import DataFileWriter
from iotscore.warehouse.delta_rs.row_groups import RowGroup, read_batches, row_groups
from iotscore.warehouse.records import feature_matrix, with_constants

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

SCHEMA = pa.schema(
    [
        ("file_id", pa.string()),
        ("row_no", pa.int64()),
        ("attack", pa.string()),
        *((name, pa.float64()) for name in FEATURES),
        ("ingest_run", pa.string()),
    ]
)
DESCRIBED_BY = ("row_no", "file_id", "attack")
COLUMNS = (*DESCRIBED_BY, *FEATURES)
TEXTS = ("file_id", "attack")
CONTENT = (("a", 25), ("b", 5), ("c", 12))
"""File ids of each data file and their rows; batches of ten rows make row groups of mixed ids."""


def value_of(file_id: str, row_no: int, feature: int) -> float:
    """Return the value that a record has by its place."""
    return ord(file_id) * 1e6 + row_no * 1e3 + feature + 0.5


def records(file_id: str, first: int, count: int) -> pa.Table:
    """Return some records of one file; every third is of an attack."""
    numbers = range(first, first + count)
    columns = {"row_no": list(numbers), "attack": ["tcp" if n % 3 == 0 else None for n in numbers]}
    features = {
        name: [value_of(file_id, n, place) for n in numbers] for place, name in enumerate(FEATURES)
    }
    constants = {"file_id": file_id, "ingest_run": "run"}
    return with_constants(pa.table(columns | features), constants, SCHEMA)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return two data files; the second holds the rows of the first again, 100 numbers on."""
    folder = tmp_path_factory.mktemp("Zürich 北 100% a%20b")
    found = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data_files, "ROW_GROUP_ROWS", 10)
        for offset in (1, 101):
            with DataFileWriter(str(folder), ("file_id", "row_no")) as writer:
                for file_id, count in CONTENT:
                    for start in range(0, count, 5):
                        part = min(5, count - start)
                        writer.write(records(file_id, offset + start, part))
                file = writer.close()
            assert file is not None
            found.append(f"{folder}/{file.name}")
    return found


def of_files(groups: Sequence[RowGroup], file_ids: str) -> Iterator[pa.Table]:
    """Yield the records of some files."""
    return read_batches(groups, COLUMNS, {"file_id": list(file_ids)}, TEXTS)


KEYS = [
    (file_id, offset + row)
    for offset in (1, 101)
    for file_id, count in CONTENT
    for row in range(count)
]
"""File id and row number of all records, in the order of the files."""


def keys_of(batches: Sequence[pa.Table]) -> list[tuple[str, int]]:
    """Return file id and row number of each record."""
    return [
        (row["file_id"], row["row_no"])
        for batch in batches
        for row in batch.select(["file_id", "row_no"]).to_pylist()
    ]


def test_row_groups_are_listed_in_order(paths: list[str]) -> None:
    """Groups come with their sizes, file after file as they were given."""
    sizes = [10, 10, 10, 10, 2]
    first, second = ([RowGroup(path, n, rows) for n, rows in enumerate(sizes)] for path in paths)
    assert row_groups(paths) == [*first, *second]
    assert row_groups(paths[::-1]) == [*second, *first]
    assert row_groups([]) == []


def test_row_groups_of_a_label(tmp_path: Path) -> None:
    """Those whose labels lie elsewhere are left out; without statistics all may hold it."""
    rows = pa.table({"label": pa.array([1, 1, 0, 1, None, None], pa.int32())})
    known, unknown = str(tmp_path / "known.parquet"), str(tmp_path / "unknown.parquet")
    pq.write_table(rows, known, row_group_size=2)
    pq.write_table(rows, unknown, row_group_size=2, write_statistics=False)
    assert [group.group for group in row_groups([known], {"label": [0]})] == [1, 2]
    assert [group.group for group in row_groups([known], {"label": [1]})] == [0, 1, 2]
    assert len(row_groups([unknown], {"label": [0]})) == 3


@pytest.mark.parametrize("batch_rows", [1, 3, 10, 1000])
@pytest.mark.parametrize("wanted", ["abc", "b", "ac", "x"])
def test_the_wanted_records_are_read_in_order(
    paths: list[str], batch_rows: int, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Batches of any size hold each wanted record once, in the order of the files, no other."""
    monkeypatch.setattr(reading, "BATCH_ROWS", batch_rows)
    batches = list(of_files(row_groups(paths), wanted))
    assert keys_of(batches) == [key for key in KEYS if key[0] in wanted]
    assert max(batch.num_rows for batch in batches) <= batch_rows


def test_only_the_given_groups_are_read(paths: list[str]) -> None:
    """A task reads its own groups, in its order, and leaves the others to other tasks."""
    groups = row_groups(paths)
    batches = list(of_files([groups[7], groups[1]], "ab"))
    assert keys_of(batches) == [*KEYS[62:72], *KEYS[10:20]]
    assert list(of_files([], "a")) == []


def test_records_come_with_features_and_descriptions(paths: list[str]) -> None:
    """A record has the values of its own row; columns that nobody asked for are not read."""
    batches = list(of_files(row_groups(paths), "ac"))
    for batch in batches:
        assert set(batch.column_names) == {*DESCRIBED_BY, *FEATURES}
        assert pa.types.is_dictionary(batch.schema.field("file_id").type)
        assert pa.types.is_dictionary(batch.schema.field("attack").type)
        for row in batch.to_pylist():
            key = row["file_id"], row["row_no"]
            assert row["attack"] == ("tcp" if row["row_no"] % 3 == 0 else None)
            assert [row[name] for name in FEATURES] == [value_of(*key, n) for n in range(115)]


def test_features_make_a_matrix(paths: list[str]) -> None:
    """A record is a row of float64 with the features in their order, columns in one piece."""
    (batch,) = of_files(row_groups(paths[:1])[:1], "a")
    matrix = feature_matrix(batch)
    assert (matrix.shape, matrix.dtype) == ((10, 115), np.dtype(np.float64))
    assert matrix.flags.f_contiguous
    expected = [[value_of("a", row, place) for place in range(115)] for row in range(1, 11)]
    assert np.array_equal(matrix, expected)


def test_a_matrix_is_that_of_the_columns_names() -> None:
    """Order and chunks of the columns do not matter; no rows make a matrix of no rows."""
    parts = [records("a", 1, 2), records("b", 1, 3)]
    table = pa.concat_tables([part.select(FEATURES) for part in parts])
    matrix = feature_matrix(table)
    assert np.array_equal(feature_matrix(table.select(table.column_names[::-1])), matrix)
    assert matrix[4, 114] == value_of("b", 3, 114)
    assert feature_matrix(table.slice(0, 0)).shape == (0, 115)
