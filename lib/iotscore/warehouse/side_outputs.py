"""Side outputs: what one pass over records makes for later stages, beside its own rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

    from iotscore.warehouse.record_sums import RecordSum
    from iotscore.warehouse.selection import Condition

    SideFunction = Callable[[pa.Table, pa.Table], pa.Table]


@dataclass(frozen=True)
class SideOutput:
    """What a pass makes of its records for a later stage.

    Attributes
    ----------
    stage
        Whose it is, for messages.
    load
        Called once a task; returns a function from records and the rows that the pass has made of
        them, one for each, to further rows.
    into
        The table of these rows, which is made at once; None: they are few, and go to the driver.
    stamp
        Columns of the table that are the same in every row.
    fold
        Reduces what a task has for the driver to one small table.
    """

    stage: str
    load: Callable[[], SideFunction]
    into: str | None = None
    stamp: Mapping[str, Any] = field(default_factory=dict)
    fold: Callable[[Iterator[pa.Table]], pa.Table] | None = None


@dataclass(frozen=True)
class Prepared:
    """A side output of some records that is complete.

    Attributes
    ----------
    commit
        Makes its rows part of the table, once, in one commit in which other rows may go; returns
        what :attr:`Mapped.sums` says. Before, its data files lie in the table's folder without
        being part of the table; those that nobody commits are deleted like a failed task's.
    tables
        What the tasks had for the driver.
    """

    commit: Callable[[Condition | None], dict[str, RecordSum]]
    tables: tuple[pa.Table, ...]


class Mapped(NamedTuple):
    """What a pass over records has written, and what it has prepared.

    Attributes
    ----------
    sums
        Written rows and, for tables whose content is proved, the sum of their hashes; by file id.
    prepared
        The side outputs, in their order. None: it was not made, and its stage makes a pass itself.
    """

    sums: dict[str, RecordSum]
    prepared: tuple[Prepared | None, ...] = ()
