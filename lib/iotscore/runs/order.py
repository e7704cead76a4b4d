"""What is the newest row: the order in which rows were committed, whatever the clock said.

A clock may be ahead for a while, and what was written then would be the newest until it catches
up. So the writer numbers rows, under the lock. Rows of a layout without numbers came before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from iotscore.warehouse.warehouse import Warehouse

SEQUENCE: Final = "sequence"
"""Column with the number."""


def next_number(warehouse: Warehouse, table: str) -> int:
    """Return one more than the highest number in a table; 1 if there is none."""
    return max((number or 0 for number in warehouse.values(table, SEQUENCE)), default=0) + 1


def place(row: Mapping[str, Any], time: str) -> tuple[int, Any]:
    """Return what rows are sorted by, the oldest first; ``time`` is the column for older ones."""
    return row[SEQUENCE] or 0, row[time]


def in_order(rows: Iterable[dict[str, Any]], time: str) -> list[dict[str, Any]]:
    """Return rows in the order of :func:`place`."""
    return sorted(rows, key=lambda row: place(row, time))
