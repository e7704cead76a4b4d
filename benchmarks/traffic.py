"""Read a warehouse's tables without Spark: the part that several contenders share."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlparse

import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, convert_to_deltalake

from iotscore.features import FEATURES, KEY
from processes import BenchmarkError

if TYPE_CHECKING:
    from pathlib import Path

COMPRESSION = "lz4"
"""That of the project's tables, see ``conf/spark-defaults.conf``."""


@dataclass(frozen=True)
class Champion:
    """The fitted model that all contenders use."""

    version: str
    manifest: dict[str, Any]
    bundle: bytes


def data_files(table: Path) -> list[str]:
    """Return the paths of a Delta table's data files, the largest first."""
    actions = DeltaTable(str(table))
    paths = [unquote(urlparse(uri).path) for uri in actions.file_uris()]
    sizes = {path: pq.read_metadata(path).num_rows for path in paths}
    return sorted(paths, key=lambda path: (-sizes[path], path))


def rows_of(table: Path) -> int:
    """Return a Delta table's number of rows, from the footers of its files."""
    return sum(pq.read_metadata(path).num_rows for path in data_files(table))


def read_rows(table: Path, columns: list[str] | None = None) -> pa.Table:
    """Return a small Delta table, or some columns of a large one."""
    return pa.concat_tables(
        pq.read_table(path, columns=columns, partitioning=None) for path in data_files(table)
    )


def champion(warehouse: Path) -> Champion:
    """Return the newest champion of a warehouse."""
    aliases = read_rows(warehouse / "model_aliases").to_pylist()
    version = max(aliases, key=lambda row: row["promoted_at"])["model_version"]
    (row,) = (
        row
        for row in read_rows(warehouse / "models").to_pylist()
        if row["model_version"] == version
    )
    return Champion(version, json.loads(row["manifest"]), row["bundle"])


def stage_run(warehouse: Path, stage: str) -> dict[str, Any]:
    """Return the newest finished row of a stage in the table ``runs``."""
    rows = [
        row
        for row in read_rows(warehouse / "runs").to_pylist()
        if row["stage"] == stage and row["status"] == "done"
    ]
    if not rows:
        message = f"{warehouse} has no finished run of {stage}; run the stage first"
        raise BenchmarkError(message)
    newest: dict[str, Any] = max(rows, key=lambda row: row["ended_at"])
    return newest


def write_subset(table: Path, rows: int, parts: int, folder: Path) -> int:
    """Copy whole data files, at least ``rows`` rows, into a Delta table of equal files.

    The files are taken evenly over the table's list. Equal parts keep every core of a contender
    that only sees the subset busy to the end.

    Returns
    -------
    int
        Rows of the subset.
    """
    files = sorted(data_files(table))
    total = rows_of(table)
    taken = max(1, min(len(files), -(-rows * len(files) // total)))
    chosen = [files[position * len(files) // taken] for position in range(taken)]
    columns = [*KEY, *FEATURES]
    subset = pa.concat_tables(pq.read_table(file, columns=columns) for file in chosen)
    folder.mkdir(parents=True)
    size = -(-subset.num_rows // parts)
    for part, start in enumerate(range(0, subset.num_rows, size)):
        pq.write_table(
            subset.slice(start, size), folder / f"part-{part:05d}.parquet", compression=COMPRESSION
        )
    convert_to_deltalake(str(folder))
    return int(subset.num_rows)
