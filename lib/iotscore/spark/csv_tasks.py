"""The tasks that read landing files on the executors: survey, parse, quarantine.

A task gets file positions, opens the file itself and returns Arrow batches. Large files are cut
into chunks of whole lines, so that few uneven files keep all cores busy.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql import types as T

from iotscore.landing.discover import open_folder
from iotscore.landing.parse import parse_chunk
from iotscore.landing.survey import Chunk, Survey, survey_file
from iotscore.spark.schemas import RECORD_COLUMNS, TABLES
from iotscore.spark.session import core_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark import RDD, Accumulator
    from pyspark.sql import DataFrame, SparkSession

    from iotscore.landing.discover import LandingFile
    from iotscore.landing.parse import ParsedChunk

    _Surveyed = tuple[LandingFile, Survey]
    _Task = tuple[str, Chunk]
    """A file's id and one of its chunks."""

_BATCH_ROWS: Final = 10_000
_TASK_BYTES: Final = 64 << 20
"""About the CSV bytes of one task; they become a Parquet file of about 20 MB."""


def survey_all(
    spark: SparkSession, folder: str, files: Sequence[LandingFile], chunk_bytes: int
) -> dict[str, Survey]:
    """Read every file once, in parallel, and return what was found by file id."""
    if not files:
        return {}

    def survey(file: LandingFile) -> tuple[str, Survey]:
        filesystem, root = open_folder(folder)
        return file.file_id, survey_file(filesystem, f"{root}/{file.source_file}", chunk_bytes)

    by_size = sorted(files, key=lambda file: -file.size)
    tasks = min(len(files), 4 * core_count(spark))
    dealt = [by_size[start::tasks] for start in range(tasks)]
    return dict(
        spark.sparkContext.parallelize(dealt, tasks)
        .flatMap(lambda group: [survey(file) for file in group])
        .collect()
    )


def traffic_frame(
    spark: SparkSession,
    folder: str,
    files: Sequence[_Surveyed],
    run_id: str,
    done: Accumulator[int],
) -> DataFrame:
    """Return the accepted records of some files with the columns of ``traffic``."""
    columns = {file.file_id: survey.columns for file, survey in files}
    paths = {file.file_id: file.source_file for file, _ in files}
    parsed_fields = [
        field
        for field in TABLES["traffic"].schema.fields
        if field.name not in {*RECORD_COLUMNS, "ingest_run"} or field.name in {"file_id", "row_no"}
    ]

    def parse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for file_id, chunk, parsed in _parse_tasks(batches, folder, paths, columns):
            ids = pa.array([file_id], pa.string()).take(
                pa.array([0] * parsed.accepted.num_rows, pa.int8())
            )
            yield from parsed.accepted.add_column(0, "file_id", ids).to_batches(_BATCH_ROWS)
            done.add(chunk.rows)

    parsed = _task_frame(spark, files).mapInArrow(parse, T.StructType(parsed_fields))
    described = parsed.join(F.broadcast(_file_frame(spark, files)), "file_id")
    with_run = described.withColumn("ingest_run", F.lit(run_id))
    return with_run.select(*TABLES["traffic"].schema.fieldNames())


def quarantine_frame(
    spark: SparkSession, folder: str, files: Sequence[_Surveyed], run_id: str, text_limit: int
) -> DataFrame:
    """Return the refused lines of some files with the columns of ``quarantine``."""
    columns = {file.file_id: survey.columns for file, survey in files}
    paths = {file.file_id: file.source_file for file, _ in files}
    schema = TABLES["quarantine"].schema
    now = datetime.now(UTC)

    def collect(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for file_id, _, parsed in _parse_tasks(batches, folder, paths, columns):
            rows = [
                {
                    "file_id": file_id,
                    "source_file": paths[file_id],
                    "row_no": line.row_no,
                    "reason": line.reason,
                    "detail": line.detail,
                    "raw_text": line.raw[:text_limit].decode("utf-8", "backslashreplace"),
                    "run_id": run_id,
                    "quarantined_at": now,
                }
                for line in parsed.refused
            ]
            if rows:
                yield pa.RecordBatch.from_pylist(rows, _QUARANTINE_ARROW)

    return _task_frame(spark, files).mapInArrow(collect, schema)


_QUARANTINE_ARROW: Final = pa.schema(
    [
        ("file_id", pa.string()),
        ("source_file", pa.string()),
        ("row_no", pa.int64()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("raw_text", pa.string()),
        ("run_id", pa.string()),
        ("quarantined_at", pa.timestamp("us", "UTC")),
    ]
)

_TASK_SCHEMA: Final = "file_id string, offset long, length long, first_row long, rows long"


def _task_frame(spark: SparkSession, files: Sequence[_Surveyed]) -> DataFrame:
    """Return one row per chunk, dealt so that a task's chunks are neighbours.

    Neighbours keep a data file's range of file ids small, so that queries for a file skip the
    other data files.
    """
    by_id = sorted(files, key=lambda pair: pair[0].file_id)
    chunks = [
        (file.file_id, chunk.offset, chunk.length, chunk.first_row, chunk.rows)
        for file, survey in by_id
        for chunk in survey.chunks
    ]
    total = sum(survey.size for _, survey in files)
    wanted = max(2 * core_count(spark), -(-total // _TASK_BYTES))
    dealt: RDD[Any] = spark.sparkContext.parallelize(chunks, max(1, min(wanted, len(chunks))))
    return spark.createDataFrame(dealt, _TASK_SCHEMA)


def _file_frame(spark: SparkSession, files: Sequence[_Surveyed]) -> DataFrame:
    """Return what the names say about each file, one row per file."""
    fields = [
        field
        for field in TABLES["traffic"].schema.fields
        if field.name in RECORD_COLUMNS and field.name != "row_no"
    ]
    rows = []
    for file, _ in files:
        known: dict[str, Any] = {} if file.label is None else dict(vars(file.label))
        known |= {"file_id": file.file_id, "source_file": file.source_file}
        rows.append(tuple(known.get(field.name) for field in fields))
    return spark.createDataFrame(rows, T.StructType(fields))


def _parse_tasks(
    batches: Iterator[pa.RecordBatch],
    folder: str,
    paths: dict[str, str],
    columns: dict[str, tuple[str, ...]],
) -> Iterator[tuple[str, Chunk, ParsedChunk]]:
    """Read and parse the chunks that a task was given, file by file."""
    by_file: dict[str, list[Chunk]] = defaultdict(list)
    for batch in batches:
        for task in batch.to_pylist():
            by_file[task.pop("file_id")].append(Chunk(**task))
    filesystem, root = open_folder(folder)
    for file_id, chunks in by_file.items():
        with filesystem.open_input_file(f"{root}/{paths[file_id]}") as source:
            for chunk in chunks:
                content = source.read_at(chunk.length, chunk.offset)
                parsed = parse_chunk(content, columns[file_id], chunk.first_row, chunk.rows)
                yield file_id, chunk, parsed
