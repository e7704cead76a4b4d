"""The layout of a warehouse: which version of the project wrote it, and how an older one is kept.

Each table states a number as a property in its own log, where every storage has it. A newer number
is refused. An older table gets the columns that came after it, if NULL is true of its rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from iotscore.errors import WarehouseError
from iotscore.warehouse.schemas import LAYOUT, TABLES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PROPERTY: Final = "iotscore.layout"
STATED: Final[dict[str, str]] = {PROPERTY: str(LAYOUT)}
"""The property of a table that is made now."""
FIRST: Final = "1"
"""What tables have that were made before there was a number."""


def check_version(table: str, root: str, properties: Mapping[str, str]) -> None:
    """Refuse a table that a newer version has written.

    Raises
    ------
    WarehouseError
        Its layout is above ours.
    """
    stated = properties.get(PROPERTY, FIRST)
    if not stated.isdecimal() or int(stated) > LAYOUT:
        message = (
            f"the table {table} in {root} has the layout {stated} and this version of iotscore "
            f"knows layouts up to {LAYOUT}: update iotscore, then run the same command again"
        )
        raise WarehouseError(message)


def check_columns(table: str, root: str, columns: Collection[str]) -> None:
    """Refuse a table that lacks columns, except those that may be added to it.

    Raises
    ------
    WarehouseError
        NULL would not be true of its rows.
    """
    definition = TABLES[table]
    if missing := set(definition.schema.fieldNames()) - {*columns, *definition.late}:
        message = (
            f"the table {table} in {root} lacks the columns {sorted(missing)}, which cannot be "
            "added to it: it was written by another version. Ingest into a new warehouse: "
            "./spark-submit.sh nightly --input DIR --warehouse NEW_DIR"
        )
        raise WarehouseError(message)


def late_columns(table: str, columns: Collection[str]) -> list[str]:
    """Return the columns that an older table lacks and that read as NULL until it has them."""
    return [name for name in TABLES[table].late if name not in columns]
