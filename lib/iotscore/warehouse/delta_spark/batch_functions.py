"""Functions from Arrow table to Arrow table, applied to a frame's rows in batches of 10,000.

Where a function returns a row for each row, it may run as a pandas UDF (transport ``pandas``);
``arrow`` hands over Arrow's own memory, for which NumPy needs no copy. The results are the same.
"""

from __future__ import annotations

from collections.abc import Iterator  # noqa: TC003 - Spark reads the UDF's signature
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import pandas as pd  # noqa: TC002 - the same
import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql.pandas.functions import pandas_udf
from pyspark.sql.pandas.types import from_arrow_schema, to_arrow_schema

from iotscore.warehouse.records import plain

if TYPE_CHECKING:
    from collections.abc import Callable

    from pyspark.sql import DataFrame

    from iotscore.warehouse.warehouse import TableFunction

Transport: TypeAlias = Literal["arrow", "pandas"]


def encoded(batch: pa.RecordBatch) -> pa.Table:
    """Return rows with texts as dictionaries, as data files are read elsewhere."""
    columns = [
        column.dictionary_encode() if pa.types.is_string(column.type) else column
        for column in batch.columns
    ]
    return pa.table(columns, names=batch.schema.names)


def mapped(
    frame: DataFrame, load: Callable[[], TableFunction], schema: pa.Schema, transport: Transport
) -> DataFrame:
    """Apply a function that returns rows with all columns of a schema.

    By ``pandas`` it must return a row for each row.
    """
    if transport == "pandas":
        return _by_pandas_udf(frame, load, schema)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        function = load()
        for batch in batches:
            yield from plain(function(encoded(batch))).cast(schema).to_batches()

    return frame.mapInArrow(run, from_arrow_schema(schema))


def _by_pandas_udf(
    frame: DataFrame, load: Callable[[], TableFunction], schema: pa.Schema
) -> DataFrame:
    given = to_arrow_schema(frame.schema, timezone="UTC")

    def run(batches: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        function = load()
        for batch in batches:
            rows = pa.Table.from_pandas(batch, given, preserve_index=False)
            made = plain(function(encoded(rows.combine_chunks().to_batches()[0])))
            yield made.cast(schema).to_pandas(date_as_object=True)

    udf: Any = pandas_udf(run, from_arrow_schema(schema))  # type: ignore[call-overload]
    return frame.select(udf(F.struct(*frame.columns)).alias("row")).select("row.*")


def packed_parts(
    frame: DataFrame, function: Callable[[Iterator[pa.Table]], Iterator[pa.Table]]
) -> Iterator[pa.Table]:
    """Yield what a function makes of each partition; the driver holds two tasks' at a time."""

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for table in function(map(encoded, batches)):
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as writer:
                writer.write_table(table)
            yield pa.record_batch({"part": [sink.getvalue().to_pybytes()]})

    for row in frame.mapInArrow(run, "part binary").toLocalIterator(prefetchPartitions=True):
        yield pa.ipc.open_stream(bytes(row["part"])).read_all()
