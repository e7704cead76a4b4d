"""Which rows of a table are meant: by the values of their columns, for every implementation."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    Where: TypeAlias = Mapping[str, Sequence[str] | Sequence[date]]

BATCH_ROWS: Final = 10_000
"""Most rows that a function gets at a time; ``conf/spark-defaults.conf`` sets it for Spark."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:+-]*")
"""Identifiers of ours, which need no quoting in any dialect of SQL."""


@dataclass(frozen=True)
class Selection:
    """Rows of a table that a function is applied to.

    Attributes
    ----------
    table
        Its name.
    columns
        Those that the function needs.
    where
        Only rows whose columns hold one of these values each; data files that hold none are
        skipped.
    rows
        About how many there are, for the progress line.
    version
        The table as it was then; None: as it is.
    """

    table: str
    columns: tuple[str, ...]
    where: Mapping[str, Sequence[str] | Sequence[int]] = field(default_factory=dict)
    rows: int = 0
    version: int | None = None


@dataclass(frozen=True)
class Condition:
    """Rows that match one of some descriptions.

    Attributes
    ----------
    any_of
        Each names values by column; a row matches if it has one of the values in each column.
    """

    any_of: tuple[Where, ...]

    def __or__(self, other: Condition) -> Condition:
        """Return the rows that match either."""
        return Condition((*self.any_of, *other.any_of))

    @property
    def columns(self) -> list[str]:
        """Return all columns that are asked for."""
        return sorted({name for where in self.any_of for name in where})

    def sql(self) -> str:
        """Return the condition in the SQL that Spark and delta-rs understand."""
        return " OR ".join(f"({_all_of(where)})" for where in self.any_of) or "false"

    def mask(self, rows: pa.RecordBatch | pa.Table) -> pa.BooleanArray:
        """Return which rows match."""
        found = pa.repeat(pa.scalar(value=False), rows.num_rows)
        for where in self.any_of:
            is_match = pa.repeat(pa.scalar(value=True), rows.num_rows)
            for name, values in where.items():
                kind = rows.schema.field(name).type
                if pa.types.is_dictionary(kind):
                    kind = kind.value_type
                is_one = pc.is_in(rows.column(name), value_set=pa.array(values, kind))
                is_match = pc.and_(is_match, is_one)
            found = pc.or_(found, is_match)
        return found


def rows_where(**values: str | Collection[str] | Collection[date]) -> Condition:
    """Return the condition that each of these columns holds one of its values."""
    listed: dict[str, Sequence[Any]] = {
        name: [value] if isinstance(value, str) else sorted(value, key=str)
        for name, value in values.items()
    }
    return Condition((listed,))


def _all_of(where: Where) -> str:
    parts = (
        f"{name} IN ({', '.join(map(_quoted, values)) or 'NULL'})" for name, values in where.items()
    )
    return " AND ".join(parts)


def _quoted(value: str | date) -> str:
    if isinstance(value, date):
        return f"DATE '{value}'"
    if not _PLAIN.fullmatch(value):
        message = f"{value!r} is no identifier of a file, run or model"
        raise ValueError(message)
    return f"'{value}'"
