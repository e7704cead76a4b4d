"""Reading a table's rows a few at a time, without Spark."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake

from iotscore.errors import WarehouseError
from iotscore.warehouse.delta_rs import table as local_table

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def table(tmp_path: Path) -> str:
    """Return a table of three data files: 40 rows of four files and two kinds."""
    path = str(tmp_path / "table")
    for start in (0, 15, 30):
        numbers = range(start, min(start + 15, 40))
        rows = [{"file_id": f"f{n % 4}", "kind": "ab"[n % 2], "n": n} for n in numbers]
        write_deltalake(path, pa.Table.from_pylist(rows), mode="append")
    return path


@pytest.mark.parametrize(
    "where",
    [
        {},
        {"kind": ["a"]},
        {"kind": ["a"], "file_id": ["f0", "f3"]},
        {"file_id": ["f1", "f2"]},
        {"file_id": ["none such"]},
    ],
)
@pytest.mark.parametrize("batch_rows", [3, 1000])
def test_a_scan_finds_the_rows_that_reading_at_once_finds(
    table: str, where: dict[str, Any], batch_rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All conditions hold for every row, columns of conditions need not be asked for."""
    monkeypatch.setattr(local_table, "_BATCH_ROWS", batch_rows)
    batches = list(local_table.scan(table, ["n"], where))
    found = [row for batch in batches for row in batch.to_pylist()]
    expected = local_table.read_rows(table, ["n"], where).to_pylist()
    assert sorted(row["n"] for row in found) == sorted(row["n"] for row in expected)
    assert all(batch.num_rows <= batch_rows for batch in batches)
    assert all(batch.schema.names == ["n"] for batch in batches)


def test_a_lost_data_file_is_told_in_one_line(table: str, tmp_path: Path) -> None:
    """A data file that the log names and the folder lacks is the user's to mend."""
    next((tmp_path / "table").glob("*.parquet")).unlink()
    with pytest.raises(WarehouseError, match=r"the data file .* is not there; restore it"):
        list(local_table.scan(table, ["n"], {}))


@pytest.mark.parametrize("columns", [["n", "late", "text"], ["late"]])
@pytest.mark.parametrize("where", [{}, {"text": ["a"]}])
def test_columns_that_came_later_are_null_in_earlier_data_files(
    table: str, columns: list[str], where: dict[str, Any]
) -> None:
    """As when the rows are read at once."""
    rows = [{"file_id": "f9", "kind": "a", "n": n, "late": 0.5, "text": "a"} for n in range(40, 43)]
    later = pa.Table.from_pylist(rows)
    write_deltalake(table, later, mode="append", schema_mode="merge")
    found = [row for one in local_table.scan(table, columns, where) for row in one.to_pylist()]
    expected = local_table.read_rows(table, columns, where).to_pylist()
    assert len(found) == (3 if where else 43)
    assert sorted(map(str, found)) == sorted(map(str, expected))
