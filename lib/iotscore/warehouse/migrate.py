"""Tables of an older layout get the present one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.warehouse.schema_version import (
    FIRST,
    PROPERTY,
    STATED,
    check_columns,
    late_columns,
)
from iotscore.warehouse.schemas import LAYOUT, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from iotscore.warehouse.warehouse import Warehouse


def migrate(warehouse: Warehouse) -> Iterator[str]:
    """Give older tables the layout of this version; say what was done, a line for each table.

    No row is written. All tables are checked before the first is changed, and a table's number
    comes last, so a migration that was killed goes on in the next run. Call it only while holding
    the lock.

    Raises
    ------
    WarehouseError
        A table cannot be migrated, or a newer version has written it.
    """
    present = [table for table in TABLES if warehouse.exists(table)]
    columns = {table: warehouse.columns(table) for table in present}
    for table in present:
        check_columns(table, warehouse.root, columns[table])
    for table in present:
        stated = warehouse.properties(table).get(PROPERTY, FIRST)
        if int(stated) < LAYOUT:
            added = late_columns(table, columns[table])
            if added:
                warehouse.add_columns(table)
            warehouse.set_properties(table, STATED)
            what = f"column(s) {', '.join(added)} added" if added else "no column to add"
            yield f"the table {table} has layout {LAYOUT} now, was {stated}: {what}"
