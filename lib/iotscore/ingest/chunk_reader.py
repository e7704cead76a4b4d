"""Reading landing files in tasks, once to survey them and once chunk by chunk to parse them."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Final

from pyspark.accumulators import AccumulatorParam

from iotscore.landing.file_changes import LED_OUT, survey_source, told
from iotscore.landing.folder import LandingFile, open_folder
from iotscore.landing.opening import LeadsOutError, opener_of
from iotscore.landing.parse import ParsedChunk, parse_parts
from iotscore.warehouse.partitioning import partition_by_size
from iotscore.warehouse.session import core_count
from iotscore.warehouse.tasks import TASKS_PER_CORE, run_tasks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyspark.sql import SparkSession

    from iotscore.landing.scan import Chunk, Survey

    Piece = tuple[str, Chunk]
    """A file's id and one of its chunks."""

_TASK_BYTES: Final = 64 << 20
"""About the CSV bytes of one task; they become a Parquet file of about 30 MB."""


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


class ReadProgress:
    """What tasks report meanwhile: lines so far, and the faults of files by their paths."""

    def __init__(self, spark: SparkSession) -> None:
        self.lines = spark.sparkContext.accumulator(0)
        self.faults = spark.sparkContext.accumulator(dict[str, str](), _Merged())


class _Merged(AccumulatorParam[dict[str, str]]):
    """Adds up dictionaries."""

    def zero(self, value: dict[str, str]) -> dict[str, str]:  # noqa: ARG002 - Spark's signature
        return {}

    def addInPlace(self, value1: dict[str, str], value2: dict[str, str]) -> dict[str, str]:  # noqa: N802 - the same
        return value1 | value2


class ChunkReader:
    """Partitions the chunks of some files into tasks, and in each reads and parses its own."""

    def __init__(
        self,
        spark: SparkSession,
        folder: str,
        files: Sequence[tuple[LandingFile, Survey]],
        progress: ReadProgress,
    ) -> None:
        by_id = sorted(files, key=lambda pair: pair[0].file_id)
        pieces = ((file.file_id, chunk) for file, survey in by_id for chunk in survey.chunks)
        least = TASKS_PER_CORE * core_count(spark)
        self.tasks: list[list[Piece]] = partition_by_size(
            pieces, lambda piece: piece[1].length, _TASK_BYTES, least
        )
        self.paths = {file.file_id: file.source_file for file, _ in files}
        self._leading_out = {file.file_id for file, _ in files if file.leads_out}
        self._columns = {file.file_id: survey.columns for file, survey in files}
        self._folder = folder
        self._progress = progress

    def read(self, pieces: Iterable[Piece]) -> Iterator[tuple[str, ParsedChunk]]:
        """Yield file id and what was in a chunk, or in a part of one.

        A file that cannot be read to the end is left, and the driver ends the run: an error here
        would be tried again, and come out as a traceback of two languages.
        """
        filesystem, root = open_folder(self._folder)
        for file_id, group in groupby(pieces, key=itemgetter(0)):
            path = self.paths[file_id]
            opener = opener_of(filesystem, root, may_lead_out=file_id in self._leading_out)
            try:
                with opener.open_input_file(f"{root}/{path}") as source:
                    for _, chunk in group:
                        source.seek(chunk.offset)
                        content = source.read(chunk.length)
                        if len(content) < chunk.length:
                            self._progress.faults.add({path: "it is shorter than before"})
                            break
                        for parsed in parse_parts(content, self._columns[file_id], chunk):
                            yield file_id, parsed
            except LeadsOutError:
                self._progress.faults.add({path: LED_OUT})
            except OSError as error:
                self._progress.faults.add({path: told(error)})
