"""New files as they arrive: Structured Streaming finds them, the stages of a night take them up.

Spark's checkpoint says which files were handed out. It need not be right about what became of them:
ledgers of the stages say that, so a batch that was killed is done once when it is handed out again,
and a file that a nightly job took up first is not taken up twice.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from pyspark.errors import StreamingQueryException

from iotscore.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pyspark.sql import DataFrame, SparkSession

    Batch = Callable[[int, frozenset[str]], None]
    """Takes a batch's number and its files, as paths below the landing folder."""

_CHECKPOINTS: Final = "_checkpoints"
_BINARY_FILE: Final = "path string, modificationTime timestamp, length long, content binary"


def stream_files(
    spark: SparkSession,
    folder: str,
    warehouse_root: str,
    files_per_batch: int,
    seconds: float | None,
    take: Batch,
) -> None:
    """Call a function with the new files of a landing folder, a bounded number at a time.

    Parameters
    ----------
    spark
        The session.
    folder
        Landing folder, absolute.
    warehouse_root
        The warehouse; its folder ``_checkpoints`` remembers what was handed out.
    files_per_batch
        Most files that are handed out together.
    seconds
        Between two looks at the folder, until the process is told to stop; None: until all files
        that are there now have been handed out.
    take
        Does the work. What it raises ends the stream; its batch is handed out again next time.

    Raises
    ------
    InputError
        Spark cannot read the folder or its checkpoint.
    """
    faults: list[BaseException] = []

    def each(batch: DataFrame, number: int) -> None:
        paths = [row["path"] for row in batch.collect()]
        try:
            take(number, names_below(folder, paths))
        except BaseException as error:
            faults.append(error)
            raise

    # Of a binary file Spark reads the contents only if somebody asks for that column.
    found = (
        spark.readStream.format("binaryFile")
        .schema(_BINARY_FILE)
        .option("pathGlobFilter", "*.[cC][sS][vV]")
        .option("recursiveFileLookup", "true")
        .option("maxFilesPerTrigger", files_per_batch)
        .load(_literal(folder))
        .select("path")
    )
    when: dict[str, Any] = (
        {"availableNow": True} if seconds is None else {"processingTime": f"{seconds} seconds"}
    )
    writer = found.writeStream.foreachBatch(each).trigger(**when)
    query = writer.option("checkpointLocation", checkpoint_of(warehouse_root, folder)).start()
    try:
        query.awaitTermination()
    except StreamingQueryException as error:
        if faults:
            raise faults[0] from error
        message = (
            f"the landing folder {folder} can no longer be watched: {_first_line(error)}; mend it, "
            "then start the stream again"
        )
        raise InputError(message) from error
    finally:
        query.stop()


def checkpoint_of(warehouse_root: str, folder: str) -> str:
    """Return where a warehouse remembers what was handed out of a landing folder."""
    name = hashlib.sha256(folder.encode()).hexdigest()[:16]
    return f"{warehouse_root}/{_CHECKPOINTS}/{name}"


def names_below(folder: str, paths: Iterable[str]) -> frozenset[str]:
    """Return the paths of files below their landing folder.

    Parameters
    ----------
    folder
        An absolute local path or a URI.
    paths
        As Spark tells them: URIs, with or without an empty host.
    """
    root = _path(folder).rstrip("/") + "/"
    return frozenset(_path(path).removeprefix(root) for path in paths)


def _path(place: str) -> str:
    return urlsplit(place).path if "://" in place or place.startswith("file:") else place


def _literal(folder: str) -> str:
    """Return a folder so that Spark takes no character of it for a pattern."""
    return "".join(f"\\{one}" if one in "[]{}*?\\" else one for one in folder)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300]
