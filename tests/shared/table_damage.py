"""Damage to tables of a warehouse, done behind its back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.compute as pc
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake

from iotscore.warehouse.delta_rs.table import data_files

if TYPE_CHECKING:
    from iotscore.warehouse.warehouse import Warehouse


def delta_table(warehouse: Warehouse, table: str) -> DeltaTable:
    """Return a table to damage."""
    return DeltaTable(f"{warehouse.root}/{table}")


def change(warehouse: Warehouse, table: str, where: str, **values: str) -> None:
    """Set columns of some rows to SQL expressions."""
    done = delta_table(warehouse, table).update(updates=values, predicate=where)
    assert done["num_updated_rows"] > 0


def remove(warehouse: Warehouse, table: str, where: str) -> None:
    """Delete some rows."""
    assert delta_table(warehouse, table).delete(where)["num_deleted_rows"] > 0


def duplicate(warehouse: Warehouse, table: str, file: str, row_no: int, **values: str) -> None:
    """Add a record once more, with some texts changed."""
    rows = delta_table(warehouse, table).to_pyarrow_table()
    is_it = pc.and_(pc.equal(rows["source_file"], file), pc.equal(rows["row_no"], row_no))
    for name, value in values.items():
        place = rows.schema.get_field_index(name)
        rows = rows.set_column(place, rows.schema.field(name), [[value] * rows.num_rows])
    write_deltalake(f"{warehouse.root}/{table}", rows.filter(is_it), mode="append")


def first_file(warehouse: Warehouse, table: str) -> Path:
    """Return a data file of a table."""
    return Path(data_files(f"{warehouse.root}/{table}", {})[0])


def flip_bit(path: Path, name: str) -> None:
    """Flip one bit of a column's first page."""
    group = pq.read_metadata(path).row_group(0)
    columns = (group.column(place) for place in range(group.num_columns))
    (page,) = (each for each in columns if each.path_in_schema == name)
    content = bytearray(path.read_bytes())
    content[page.data_page_offset + page.total_compressed_size - 9] ^= 1
    path.write_bytes(content)
