"""The tasks that read landing files on the executors: survey and parse.

A task gets file positions, opens the file itself and returns Arrow batches. Large files are cut
into chunks of whole lines, so that few uneven files keep all cores busy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
from pyspark.sql import functions as F
from pyspark.sql import types as T

from iotscore import failpoints
from iotscore.ingest.chunk_reader import deal_chunks
from iotscore.landing.file_changes import survey_source
from iotscore.landing.folder import open_folder
from iotscore.warehouse.delta_rs.data_files import DataFileWriter, with_constants
from iotscore.warehouse.schemas import RECORD_COLUMNS, TABLES
from iotscore.warehouse.session import core_count
from iotscore.warehouse.tasks import TASKS_PER_CORE, numbered, numbers, run_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import DataFrame, SparkSession

    from iotscore.ingest.chunk_reader import Piece, ReadNews
    from iotscore.landing.folder import LandingFile
    from iotscore.landing.scan import Survey
    from iotscore.warehouse.delta_rs.data_files import DataFile

    _Surveyed = tuple[LandingFile, Survey]

_BATCH_ROWS: Final = 10_000


def survey_all(
    spark: SparkSession, folder: str, files: Sequence[LandingFile], chunk_bytes: int
) -> dict[str, Survey]:
    """Read every file once, in parallel, and return what was found by file id."""
    if not files:
        return {}

    def survey(group: list[LandingFile]) -> Iterator[tuple[str, Survey]]:
        filesystem, root = open_folder(folder)
        for file in group:
            yield file.file_id, survey_source(filesystem, root, file, chunk_bytes)

    by_size = sorted(files, key=lambda file: -file.size)
    tasks = min(len(files), TASKS_PER_CORE * core_count(spark))
    return dict(run_tasks(spark, [by_size[start::tasks] for start in range(tasks)], survey))


def traffic_frame(
    spark: SparkSession,
    folder: str,
    files: Sequence[_Surveyed],
    run_id: str,
    news: ReadNews,
) -> DataFrame:
    """Return the accepted records of some files with the columns of ``traffic``."""
    reader = deal_chunks(spark, folder, files, news)
    parsed_fields = [
        field
        for field in TABLES["traffic"].schema.fields
        if field.name not in {*RECORD_COLUMNS, "ingest_run"} or field.name in {"file_id", "row_no"}
    ]

    def parse(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for file_id, parsed in reader.read_numbered(numbers(batches)):
            ids = pa.array([file_id], pa.string()).take(
                pa.array([0] * parsed.accepted.num_rows, pa.int8())
            )
            yield from parsed.accepted.add_column(0, "file_id", ids).to_batches(_BATCH_ROWS)
            news.lines.add(parsed.lines)

    parsed = numbered(spark, len(reader.tasks)).mapInArrow(parse, T.StructType(parsed_fields))
    described = parsed.join(F.broadcast(_file_frame(spark, files)), "file_id")
    with_run = described.withColumn("ingest_run", F.lit(run_id))
    return with_run.select(*TABLES["traffic"].schema.fieldNames())


def write_traffic(
    spark: SparkSession,
    folder: str,
    files: Sequence[_Surveyed],
    target: str,
    run_id: str,
    news: ReadNews,
) -> list[DataFile]:
    """Let the tasks write the accepted records of some files as data files of ``traffic``.

    Nothing is in the table before the files are added to it. A task that is tried again writes
    another file; only those of tasks that ended well are returned.

    Parameters
    ----------
    target
        Folder of the table, which every executor can write.
    news
        What the driver should know meanwhile.
    """
    reader = deal_chunks(spark, folder, files, news)
    described = {file.file_id: _description(file) | {"ingest_run": run_id} for file, _ in files}
    schema, indexed = TABLES["traffic"].arrow_schema, TABLES["traffic"].indexed

    def write(pieces: list[Piece]) -> Iterator[DataFile]:
        with DataFileWriter(target, indexed, hashed=True) as writer:
            for file_id, parsed in reader.read(pieces):
                writer.write(with_constants(parsed.accepted, described[file_id], schema))
                news.lines.add(parsed.lines)
                failpoints.hit_in_worker("ingest chunk")
            if file := writer.close():
                yield file

    return run_tasks(spark, reader.tasks, write)


def _description(file: LandingFile) -> dict[str, Any]:
    """Return what a file's name says about all of its records."""
    known: dict[str, Any] = {} if file.label is None else dict(vars(file.label))
    known |= {"file_id": file.file_id, "source_file": file.source_file}
    return {name: known.get(name) for name in RECORD_COLUMNS if name != "row_no"}


def _file_frame(spark: SparkSession, files: Sequence[_Surveyed]) -> DataFrame:
    """Return what the names say about each file, one row per file."""
    fields = [
        field
        for field in TABLES["traffic"].schema.fields
        if field.name in RECORD_COLUMNS and field.name != "row_no"
    ]
    rows = [tuple(_description(file)[field.name] for field in fields) for file, _ in files]
    return spark.createDataFrame(rows, T.StructType(fields))
