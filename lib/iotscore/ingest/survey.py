"""The first look at landing files, on the executors: size, lines, checksum, and where to cut."""

from __future__ import annotations

from typing import TYPE_CHECKING

from iotscore.landing.file_changes import survey_source
from iotscore.landing.folder import open_folder
from iotscore.warehouse.session import core_count
from iotscore.warehouse.tasks import TASKS_PER_CORE, run_tasks

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pyspark.sql import SparkSession

    from iotscore.landing.folder import LandingFile
    from iotscore.landing.scan import Survey


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
