"""Lines and files that cannot be records: each becomes a row of ``quarantine`` with a reason."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from iotscore.ingest.chunk_reader import ChunkReader
from iotscore.warehouse.schemas import TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iotscore.ingest.chunk_reader import Piece, ReadProgress
    from iotscore.landing.folder import LandingFile
    from iotscore.landing.parse import ParsedChunk
    from iotscore.landing.scan import Survey
    from iotscore.warehouse.record_sums import RecordSum
    from iotscore.warehouse.warehouse import Warehouse

    Surveyed = tuple[LandingFile, Survey]
    Refused = tuple[LandingFile, Survey, str, str]
    """A file that was refused, with reason code and details."""


def quarantine(
    warehouse: Warehouse,
    folder: str,
    damaged: Sequence[Surveyed],
    refused_files: Sequence[Refused],
    stamp: Mapping[str, Any],
    text_limit: int,
    progress: ReadProgress,
) -> dict[str, RecordSum]:
    """Write refused lines and files, in one commit.

    Parameters
    ----------
    damaged
        Files of which lines were refused.
    refused_files
        Files that were refused as a whole.
    stamp
        Columns that are the same in every row.
    text_limit
        Bytes of a line that are kept.

    Returns
    -------
    dict
        Refused lines by file id, and perhaps refused files.
    """
    rows = [
        {"file_id": file.file_id, "source_file": file.source_file, "reason": reason}
        | {"detail": detail, **stamp}
        for file, _, reason, detail in refused_files
    ]
    if not damaged:
        warehouse.append("quarantine", rows)
        return {}
    reader = ChunkReader(warehouse.spark, folder, damaged, progress)

    def refused(pieces: list[Piece]) -> Iterator[pa.Table]:
        for file_id, parsed in reader.read(pieces):
            yield _refused_lines(reader, file_id, parsed, text_limit)

    return warehouse.map_tasks(reader.tasks, refused, "quarantine", stamp, also=rows)


def _refused_lines(reader: ChunkReader, file_id: str, parsed: ParsedChunk, limit: int) -> pa.Table:
    rows = [
        {
            "file_id": file_id,
            "source_file": reader.paths[file_id],
            "row_no": line.row_no,
            "reason": line.reason,
            "detail": line.detail,
            "raw_text": line.raw[:limit].decode("utf-8", "backslashreplace"),
        }
        for line in parsed.refused
    ]
    columns = ("file_id", "source_file", "row_no", "reason", "detail", "raw_text")
    schema = TABLES["quarantine"].arrow_schema
    return pa.Table.from_pylist(rows, pa.schema([schema.field(name) for name in columns]))
