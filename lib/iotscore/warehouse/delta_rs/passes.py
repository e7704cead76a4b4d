"""A pass over records in a task: batch by batch into the data files of one or several tables."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from iotscore import failpoints
from iotscore.errors import first_line
from iotscore.warehouse.delta_rs.data_files import DataFileWriter
from iotscore.warehouse.records import with_constants
from iotscore.warehouse.schemas import definition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    import pyarrow as pa
    from pyspark import Accumulator

    from iotscore.warehouse.delta_rs.data_files import DataFile
    from iotscore.warehouse.delta_rs.row_groups import RowGroup
    from iotscore.warehouse.side_outputs import SideFunction, SideOutput
    from iotscore.warehouse.warehouse import TableFunction


@dataclass(frozen=True)
class Target:
    """A table that a task makes rows of.

    Attributes
    ----------
    folder
        The table's folder.
    table
        Its name.
    stamp
        Columns that are the same in every row.
    """

    folder: str
    table: str
    stamp: Mapping[str, Any]

    def open(self) -> DataFileWriter:
        """Return a new data file."""
        made_of = definition(self.table)
        return DataFileWriter(self.folder, made_of.indexed, hashed=made_of.is_proved)

    def add(self, rows: pa.Table, writer: DataFileWriter) -> None:
        """Write rows, with the columns that they lack."""
        if rows.num_rows:
            schema = definition(self.table).arrow_schema
            writer.write(with_constants(rows, self.stamp, schema))

    def written(self, parts: Iterable[pa.Table]) -> Iterator[DataFile]:
        """Yield the data file of some rows, none if there are none."""
        with self.open() as writer:
            for rows in parts:
                self.add(rows, writer)
            if file := writer.close():
                yield file


class SideReport(NamedTuple):
    """A side output of one task: a data file or a table for the driver, or why it failed."""

    file: DataFile | None = None
    table: pa.Table | None = None
    fault: str | None = None


class PassReport(NamedTuple):
    """What one task has made."""

    file: DataFile | None
    sides: list[SideReport]


class _Side:
    """A side output in a task; what fails there is no fault of the task's own rows."""

    def __init__(self, output: SideOutput, target: Target | None, held: ExitStack) -> None:
        self._output, self._target = output, target
        self._writer = None if target is None else held.enter_context(target.open())
        self._function: SideFunction | None = None
        self._parts: list[pa.Table] = []
        self._fault: str | None = None

    def add(self, records: pa.Table, rows: pa.Table) -> None:
        if self._fault is None:
            self._tried(lambda: self._add(records, rows))

    def _add(self, records: pa.Table, rows: pa.Table) -> None:
        self._function = self._function or self._output.load()
        made = self._function(records, rows)
        if self._target is None or self._writer is None:
            self._parts.append(made)
        else:
            self._target.add(made, self._writer)

    def report(self) -> SideReport:
        found = None if self._fault else self._tried(self._closed)
        return found or SideReport(fault=self._fault)

    def _closed(self) -> SideReport:
        file = None if self._writer is None else self._writer.close()
        fold = self._output.fold
        return SideReport(file, None if fold is None else fold(iter(self._parts)))

    def _tried(self, action: Callable[[], SideReport | None]) -> SideReport | None:
        try:
            return action()
        except Exception as error:  # noqa: BLE001 - it is told, and raised by the stage's own pass
            self._fault = f"{type(error).__name__}: {first_line(error)}"
            if self._writer is not None:
                self._writer.discard()
        return None


@dataclass(frozen=True)
class Pass:
    """What each task of a pass does with its records.

    Attributes
    ----------
    read
        Yields the records of row groups.
    load, target
        What makes rows, and of which table.
    sides
        Side outputs, each with its table if it has one.
    done
        Counts records.
    point
        Where a test may kill the worker.
    """

    read: Callable[[Sequence[RowGroup]], Iterator[pa.Table]]
    load: Callable[[], TableFunction]
    target: Target
    sides: Sequence[tuple[SideOutput, Target | None]]
    done: Accumulator[int]
    point: str

    def run(self, groups: Sequence[RowGroup]) -> Iterator[PassReport]:
        """Write what is made of some row groups and yield what the driver should know."""
        make = self.load()
        with ExitStack() as held:
            writer = held.enter_context(self.target.open())
            sides = [_Side(output, target, held) for output, target in self.sides]
            for records in self.read(groups):
                rows = make(records)
                self.target.add(rows, writer)
                for side in sides:
                    side.add(records, rows)
                self.done.add(records.num_rows)
                failpoints.hit_in_worker(self.point)
            yield PassReport(writer.close(), [side.report() for side in sides])
