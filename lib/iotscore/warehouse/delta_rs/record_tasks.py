"""What tasks over records read, and how records are cut into tasks where landing files count."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from iotscore.warehouse.delta_rs.rewrite import file_ids_of
from iotscore.warehouse.delta_rs.row_groups import read_batches
from iotscore.warehouse.records import by_file, plain
from iotscore.warehouse.schemas import definition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from iotscore.warehouse.delta_rs.row_groups import RowGroup
    from iotscore.warehouse.selection import Selection
    from iotscore.warehouse.warehouse import TableFunction

_MOST_FILE_TASKS: Final = 200
"""A task that folds landing files holds all rows of its files; very many tasks cost more."""


def reader(chosen: Selection) -> Callable[[Sequence[RowGroup]], Iterator[pa.Table]]:
    """Return what reads the chosen rows of row groups."""
    schema = definition(chosen.table).arrow_schema
    names = {*chosen.columns, *chosen.where}
    texts = [name for name in names if pa.types.is_string(schema.field(name).type)]
    return partial(read_batches, columns=chosen.columns, where=chosen.where, texts=texts)


def folded(tables: Iterator[pa.Table], fold: TableFunction) -> Iterator[pa.Table]:
    """Yield what a function makes of the rows of each landing file."""
    parts: defaultdict[str, list[pa.Table]] = defaultdict(list)
    for rows in tables:
        for file_id, is_its in by_file(rows):
            parts[file_id].append(plain(rows.filter(pa.array(is_its))))
    for file_id in sorted(parts):
        yield fold(pa.concat_tables(parts.pop(file_id)))


def by_landing_file(groups: Sequence[RowGroup]) -> list[tuple[list[str], list[RowGroup]]]:
    """Return tasks of landing files, and the row groups that hold rows of each task's files."""
    holding: defaultdict[str, list[RowGroup]] = defaultdict(list)
    for group in groups:
        for file_id in file_ids_of(group):
            holding[file_id].append(group)
    files = sorted(holding)
    size = -(-len(files) // _MOST_FILE_TASKS)
    chunks = [files[start : start + size] for start in range(0, len(files), size)]
    return [
        (chunk, list(dict.fromkeys(group for file_id in chunk for group in holding[file_id])))
        for chunk in chunks
    ]
