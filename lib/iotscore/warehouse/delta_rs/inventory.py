"""The data files that a Delta table consists of, and whether they are there."""

from __future__ import annotations

from urllib.parse import unquote

import pyarrow as pa
from deltalake.exceptions import DeltaError

from iotscore.errors import WarehouseError, first_line
from iotscore.warehouse.delta_rs import files, snapshots
from iotscore.warehouse.results import ListedFile


def listed_files(path: str) -> list[ListedFile]:
    """Return the data files of a table's newest version, each compared with the disk.

    Raises
    ------
    WarehouseError
        The log cannot be read.
    """
    try:
        actions = pa.table(snapshots.opened(path).get_add_actions())
    except (DeltaError, OSError) as error:
        message = f"the log of the table {path} cannot be read: {first_line(error)}"
        raise WarehouseError(message) from error
    names = map(unquote, actions.column("path").to_pylist())
    sizes = actions.column("size_bytes").to_pylist()
    rows = actions.column("num_records").to_pylist()
    there = {file.base_name: int(file.size) for file in files.listed(path)}
    return [
        ListedFile(name, size, there.get(name), count)
        for name, size, count in zip(names, sizes, rows, strict=True)
    ]


def empty_commits(path: str) -> list[str]:
    """Return the commits that a table is read by and that have lost their content.

    A full disk or a torn file system can leave them; delta-rs takes them for commits of nothing.
    """
    sizes: dict[int, tuple[str, int]] = {}
    newest = -1
    for file in files.listed(f"{path}/_delta_log"):
        version, dot, kind = file.base_name.partition(".")
        if not version.isdecimal() or not dot:
            continue
        if kind == "json":
            sizes[int(version)] = (file.base_name, file.size)
        elif kind.startswith("checkpoint") and kind.endswith("parquet"):
            newest = max(newest, int(version))
    return [name for at, (name, size) in sorted(sizes.items()) if not size and at > newest]
