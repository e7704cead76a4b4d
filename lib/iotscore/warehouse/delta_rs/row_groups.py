"""Rows of a table, read from its data files in batches, without Spark."""

from __future__ import annotations

from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from iotscore.warehouse.delta_rs.parquet_files import batches, open_file, reading
from iotscore.warehouse.selection import BATCH_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pyarrow.parquet as pq

    Where = Mapping[str, Sequence[str] | Sequence[int]]


class RowGroup(NamedTuple):
    """A row group of a data file: what is read at a time, and its size."""

    path: str
    group: int
    rows: int


def row_groups(paths: Sequence[str], where: Where | None = None) -> list[RowGroup]:
    """Return the row groups of some data files, in order.

    Those are left out whose statistics say that they hold none of the wanted numbers.
    """
    numbers = {name: values for name, values in (where or {}).items() if _are_numbers(values)}
    found = []
    for path in paths:
        metadata = open_file(path).metadata
        with reading(path):
            for number in range(metadata.num_row_groups):
                group = metadata.row_group(number)
                if not numbers or _may_hold(group, numbers):
                    found.append(RowGroup(path, number, group.num_rows))
    return found


def _are_numbers(values: Sequence[str] | Sequence[int]) -> bool:
    return bool(values) and all(isinstance(value, int) for value in values)


def _may_hold(group: pq.RowGroupMetaData, numbers: Where) -> bool:
    for column in (group.column(place) for place in range(group.num_columns)):
        wanted = numbers.get(column.path_in_schema)
        if wanted is None or column.physical_type != "INT32" or not column.is_stats_set:
            continue
        found = column.statistics
        if found.has_min_max and not any(found.min <= value <= found.max for value in wanted):
            return False
    return True


def read_batches(
    groups: Sequence[RowGroup], columns: Sequence[str], where: Where, texts: Sequence[str]
) -> Iterator[pa.Table]:
    """Yield columns of the rows that hold, for each name in ``where``, one of its values.

    No table has more than :data:`iotscore.warehouse.selection.BATCH_ROWS` rows; columns of
    ``texts`` are dictionaries.
    """
    wanted = {
        name: pa.array(values, pa.int32() if _are_numbers(values) else pa.string())
        for name, values in where.items()
    }
    read = list(dict.fromkeys([*columns, *where]))
    for path, of_file in groupby(groups, key=attrgetter("path")):
        source = open_file(path, read, texts, memory_map=True)
        of_path = [each.group for each in of_file]
        for batch in batches(source, path, BATCH_ROWS, row_groups=of_path, columns=read):
            kept = batch
            for name, values in wanted.items():
                is_wanted = pc.is_in(kept.column(name), value_set=values)
                if not pc.all(is_wanted).as_py():
                    kept = kept.filter(is_wanted)
            yield pa.Table.from_batches([kept]).select(list(columns))
