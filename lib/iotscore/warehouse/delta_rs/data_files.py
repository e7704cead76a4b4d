"""Parquet data files of a Delta table, written by the process that has the rows.

A row that stays in Arrow's memory costs a tenth of one that passes through Spark's rows and its
Parquet writer (``docs/decisions/0004-workers-write-data-files.md``).
"""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from iotscore.warehouse.delta_rs import files
from iotscore.warehouse.record_sums import RecordSum, added, record_sums

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from types import TracebackType

    from iotscore.warehouse.record_sums import Sums

ROW_GROUP_ROWS: Final = 50_000
"""Rows that are written together: 46 MB of features, what a worker holds at a time."""


@dataclass(frozen=True)
class DataFile:
    """A finished data file.

    Attributes
    ----------
    name
        File name within the table's folder.
    size
        Bytes.
    modified_ms
        Time of writing, milliseconds since 1970.
    rows
        Number of rows.
    statistics
        Delta's statistics, JSON: number of rows; minimum, maximum, and number of NULLs of the
        indexed columns.
    rows_of_file
        Rows by ``file_id``.
    hash_of_file
        Sum of record hashes by ``file_id`` (:mod:`iotscore.warehouse.record_sums`); empty if none
        were wanted.
    """

    name: str
    size: int
    modified_ms: int
    rows: int
    statistics: str
    rows_of_file: dict[str, int]
    hash_of_file: dict[str, int] = field(default_factory=dict)


def sums_of_file(files: Sequence[DataFile]) -> dict[str, RecordSum]:
    """Return rows in some data files by file id, and their hash sum if the writers kept one."""
    parts: Iterable[Sums] = (
        {(name,): RecordSum(rows, file.hash_of_file.get(name, 0))}
        for file in files
        for name, rows in file.rows_of_file.items()
    )
    return {name: total for (name,), total in added(*parts).items()}


class DataFileWriter:
    """Writes one data file; as a context manager it deletes the file if the body fails.

    Parameters
    ----------
    folder
        The table's folder, a local path or a URI.
    indexed
        Columns that statistics are kept of.
    hashed
        Whether the sum of record hashes is wanted.
    """

    def __init__(self, folder: str, indexed: Sequence[str], *, hashed: bool = False) -> None:
        self._name = f"part-{uuid.uuid4()}.parquet"
        self._path = f"{folder}/{self._name}"
        self._statistics = _Statistics(indexed)
        self._is_hashed = hashed
        self._sums: Sums = {}
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._stream: pa.NativeFile | None = None
        self._writer: pq.ParquetWriter | None = None

    def write(self, rows: pa.Table) -> None:
        """Add rows as :func:`with_constants` makes them: all columns of the table, in its order."""
        self._waiting.append(rows)
        self._waiting_rows += rows.num_rows
        if self._waiting_rows >= ROW_GROUP_ROWS:
            self._flush()

    def close(self) -> DataFile | None:
        """Finish the file and describe it; None if there were no rows, then there is no file."""
        self._flush()
        if self._writer is None or self._stream is None:
            return None
        self._writer.close()
        size = self._stream.tell()
        self._stream.close()
        return DataFile(
            name=self._name,
            size=size,
            modified_ms=time.time_ns() // 1_000_000,
            rows=self._statistics.rows,
            statistics=self._statistics.to_json(),
            rows_of_file=dict(self._statistics.rows_of_file),
            hash_of_file={file_id: found.records_hash for (file_id,), found in self._sums.items()},
        )

    def __enter__(self) -> Self:
        """Return the writer."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Delete what was written if the body failed."""
        if error is not None:
            self.discard()

    def discard(self) -> None:
        """Delete what was written."""
        if self._writer is not None:
            files.delete(self._path)  # first: closing fails too if the disk is full
            self._writer.close()

    def _flush(self) -> None:
        if not self._waiting_rows:
            return
        rows = pa.concat_tables(self._waiting).unify_dictionaries()
        self._waiting, self._waiting_rows = [], 0
        if self._writer is None:
            self._stream = files.created(self._path)
            self._writer = _open(self._stream, rows.schema, self._statistics.names)
        self._writer.write_table(rows, row_group_size=rows.num_rows)
        self._statistics.add(rows)
        if self._is_hashed:
            self._sums = added(self._sums, record_sums(rows))


def _open(stream: pa.NativeFile, schema: pa.Schema, indexed: list[str]) -> pq.ParquetWriter:
    """Open a file with the encodings that ``conf/spark-defaults.conf`` sets for Spark's writer."""
    return pq.ParquetWriter(
        stream,
        schema,
        compression="lz4",
        use_dictionary=[f.name for f in schema if pa.types.is_dictionary(f.type)],
        write_statistics=indexed,
        store_schema=False,
        write_page_checksum=True,
    )


class _Statistics:
    """What Delta's log says about the indexed columns of a data file."""

    def __init__(self, indexed: Sequence[str]) -> None:
        self.names = list(indexed)
        self.rows = 0
        self._low: dict[str, Any] = {}
        self._high: dict[str, Any] = {}
        self._nulls = dict.fromkeys(self.names, 0)
        self.rows_of_file: Counter[str] = Counter()

    def add(self, rows: pa.Table) -> None:
        self.rows += rows.num_rows
        for count in pc.value_counts(rows.column("file_id")).to_pylist():
            self.rows_of_file[count["values"]] += count["counts"]
        for name in self.names:
            column = rows.column(name)
            self._nulls[name] += column.null_count
            if pa.types.is_dictionary(column.type):
                column = column.unique().cast(pa.string())
            ends = pc.min_max(column).as_py()
            if ends["min"] is not None:
                self._low[name] = min(self._low.get(name, ends["min"]), ends["min"])
                self._high[name] = max(self._high.get(name, ends["max"]), ends["max"])

    def to_json(self) -> str:
        found = {
            "numRecords": self.rows,
            "minValues": self._low,
            "maxValues": self._high,
            "nullCount": self._nulls,
        }
        return json.dumps(found, default=_iso)


def _iso(value: date) -> str:
    return value.isoformat()
