"""A warehouse as the next run will find it: what killed stages left half done is not in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from iotscore.runs.undo import versions_before

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import DataFrame

    from iotscore.warehouse.results import Proof
    from iotscore.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Settled:
    """Reads tables, those of killed stages at the versions that the next run restores."""

    warehouse: Warehouse
    before: Mapping[str, int]

    def prove(self, table: str, by: Sequence[str]) -> Proof:
        """Read every value of a table and sum its rows up."""
        return self.warehouse.prove(table, by, self.before.get(table))

    def read(self, table: str) -> DataFrame:
        """Return a table."""
        return self.warehouse.read(table, self.before.get(table))


def versions_to_read(warehouse: Warehouse, starts: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Return the versions that tables must go back to, from the starts of stages without an end.

    The newest comes first; of a table the oldest start counts.
    """
    before: dict[str, int] = {}
    for start in starts:
        for table, version in versions_before(warehouse, start).items():
            if warehouse.exists(table):
                before[table] = version or 0
    return before
