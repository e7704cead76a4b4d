"""What a warehouse holds, to compare it with another one's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyarrow import fs

from iotscore.landing.filesystems import open_storage
from iotscore.warehouse.schemas import STAGING

CHANGING = {"run_id", "ingest_run", "event_day"}
"""Columns that tell which run wrote a row, and on which day; so do those that end in ``_at``."""


def content(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table but ``runs``, sorted, without what differs between runs.

    A table without a row is like one that nobody has made yet, and what is staged is dropped before
    it is staged again.
    """
    found = {}
    tables = (path for path in folder.iterdir() if (path / "_delta_log").is_dir())
    for table in sorted(path.name for path in tables if path.name != STAGING):
        every = DeltaTable(str(folder / table)).to_pyarrow_table()
        names = [n for n in every.column_names if n not in CHANGING and not n.endswith("_at")]
        rows = every.select(names).to_pylist()
        found[table] = sorted(rows, key=lambda row: str(sorted(row.items(), key=str)))
    return {table: rows for table, rows in found.items() if rows and table != "runs"}


def copied(source: str, target: str) -> str:
    """Copy a warehouse from a folder to an object store, or back, as it is; return the target."""
    (from_, source_path), (to, target_path) = open_storage(source), open_storage(target)
    if isinstance(to, fs.LocalFileSystem):  # a store may list no folders to make
        for file in from_.get_file_info(fs.FileSelector(source_path, recursive=True)):
            Path(f"{target_path}{file.path[len(source_path) :]}").parent.mkdir(
                parents=True, exist_ok=True
            )
    fs.copy_files(source_path, target_path, source_filesystem=from_, destination_filesystem=to)
    return target
