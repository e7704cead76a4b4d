"""Tables of a warehouse for pandas, read as the stages read them: without a query of Spark's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from iotscore.warehouse.warehouse import Warehouse


def frame_of(warehouse: Warehouse, table: str, **where: str) -> pd.DataFrame:
    """Return the rows of a table, in no order."""
    columns = TABLES[table].schema.fieldNames()
    return warehouse.table(table, columns, **where).to_pandas()
