"""Lines and files that cannot be records: each becomes a row of ``quarantine`` with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from iotscore.ingest.chunk_reader import deal_chunks
from iotscore.warehouse.delta_rs.data_files import DataFileWriter, with_constants
from iotscore.warehouse.schemas import TABLES
from iotscore.warehouse.tasks import numbered, numbers, rows_of_file, run_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.ingest.chunk_reader import ChunkReader, Piece, ReadNews
    from iotscore.landing.folder import LandingFile
    from iotscore.landing.parse import ParsedChunk
    from iotscore.landing.scan import Survey
    from iotscore.warehouse.delta_rs.data_files import DataFile
    from iotscore.warehouse.tables import Warehouse

    _Surveyed = tuple[LandingFile, Survey]


def quarantine(
    warehouse: Warehouse,
    folder: str,
    damaged: Sequence[_Surveyed],
    refusals: Sequence[Mapping[str, Any]],
    stamp: Mapping[str, Any],
    text_limit: int,
    news: ReadNews,
) -> dict[str, int]:
    """Write refused lines and files, in one commit.

    Parameters
    ----------
    warehouse
        Where to.
    folder
        Landing folder.
    damaged
        Files of which lines were refused.
    refusals
        Rows for files that were refused as a whole.
    stamp
        Columns that are the same in every row.
    text_limit
        Bytes of a line that are kept.
    news
        What the tasks tell.

    Returns
    -------
    dict
        Refused lines by file id.
    """
    rows = [{**row, **stamp} for row in refusals]
    if not damaged:
        warehouse.append_rows("quarantine", rows)
        return {}
    spark = warehouse.spark
    if not warehouse.is_direct:
        lines = _quarantine_frame(spark, folder, damaged, stamp, text_limit, news)
        warehouse.append("quarantine", warehouse.to_frame("quarantine", rows).unionByName(lines))
        of_run = f"run_id = '{stamp['run_id']}' AND row_no IS NOT NULL"
        return warehouse.count_by_file("quarantine", of_run)
    warehouse.create("quarantine")
    target = warehouse.local_path("quarantine")
    written = _write_lines(spark, folder, damaged, target, stamp, text_limit, news)
    warehouse.add_files("quarantine", [*written, *_write_refusals(rows, target)])
    return rows_of_file(written)


def _write_refusals(rows: Sequence[Mapping[str, Any]], target: str) -> list[DataFile]:
    table = TABLES["quarantine"]
    with DataFileWriter(target, table.indexed) as writer:
        told = pa.Table.from_pylist(list(rows), table.arrow_schema)
        writer.write(with_constants(told, {}, table.arrow_schema))
        file = writer.close()
    return [file] if file else []


def _quarantine_frame(
    spark: SparkSession,
    folder: str,
    files: Sequence[_Surveyed],
    stamp: Mapping[str, Any],
    text_limit: int,
    news: ReadNews,
) -> DataFrame:
    """Return the refused lines of some files with the columns of ``quarantine``.

    Parameters
    ----------
    stamp
        Columns that are the same in every row.
    text_limit
        Bytes of a line that are kept.
    """
    reader = deal_chunks(spark, folder, files, news)

    def refused(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for file_id, parsed in reader.read_numbered(numbers(batches)):
            yield from _refused_lines(reader, file_id, parsed, stamp, text_limit).to_batches()

    schema = TABLES["quarantine"].schema
    return numbered(spark, len(reader.tasks)).mapInArrow(refused, schema)


def _write_lines(
    spark: SparkSession,
    folder: str,
    files: Sequence[_Surveyed],
    target: str,
    stamp: Mapping[str, Any],
    text_limit: int,
    news: ReadNews,
) -> list[DataFile]:
    """Let the tasks write the refused lines of some files as data files of ``quarantine``."""
    reader = deal_chunks(spark, folder, files, news)
    schema, indexed = TABLES["quarantine"].arrow_schema, TABLES["quarantine"].indexed

    def write(pieces: list[Piece]) -> Iterator[DataFile]:
        with DataFileWriter(target, indexed) as writer:
            for file_id, parsed in reader.read(pieces):
                lines = _refused_lines(reader, file_id, parsed, stamp, text_limit)
                if lines.num_rows:
                    writer.write(with_constants(lines, {}, schema))
            if file := writer.close():
                yield file

    return run_tasks(spark, reader.tasks, write)


def _refused_lines(
    reader: ChunkReader, file_id: str, parsed: ParsedChunk, stamp: Mapping[str, Any], limit: int
) -> pa.Table:
    rows = [
        {
            "file_id": file_id,
            "source_file": reader.paths[file_id],
            "row_no": line.row_no,
            "reason": line.reason,
            "detail": line.detail,
            "raw_text": line.raw[:limit].decode("utf-8", "backslashreplace"),
            **stamp,
        }
        for line in parsed.refused
    ]
    return pa.Table.from_pylist(rows, TABLES["quarantine"].arrow_schema)
