"""The files that a Delta table consists of, and whether they are there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

import pyarrow as pa
from deltalake.exceptions import DeltaError

from iotscore.errors import WarehouseError, first_line
from iotscore.warehouse.delta_rs import files, snapshots
from iotscore.warehouse.results import DataFileCheck, ListedFile

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOG: Final = "_delta_log/"


def row_count(path: str) -> int | None:
    """Return how many rows a table has by its log; None if that does not say."""
    counts = [rows for _, _, rows in _logged(path)]
    return None if None in counts else sum(count or 0 for count in counts)


def data_file_sizes(path: str) -> list[int]:
    """Return the bytes of each data file of a table's newest version, by its log."""
    return [size for _, size, _ in _logged(path)]


def check_files(path: str) -> DataFileCheck:
    """Compare a table's newest version with the files that are there.

    Raises
    ------
    WarehouseError
        The log cannot be read.
    """
    there = files.sizes_below(path)
    named = [ListedFile(name, size, there.get(name)) for name, size, _ in _logged(path)]
    lost = tuple(file for file in named if file.found != file.size)
    return DataFileCheck(len(named), lost, tuple(_empty_commits(there)))


def _logged(path: str) -> list[tuple[str, int, int | None]]:
    """Return path below the folder, bytes and rows of each data file, as the log has them."""
    try:
        actions = pa.table(snapshots.opened(path).get_add_actions())
    except (DeltaError, OSError) as error:
        message = f"the log of the table {path} cannot be read: {first_line(error)}"
        raise WarehouseError(message) from error
    names = map(unquote, actions.column("path").to_pylist())
    sizes = actions.column("size_bytes").to_pylist()
    rows = actions.column("num_records").to_pylist()
    return list(zip(names, sizes, rows, strict=True))


def _empty_commits(there: Mapping[str, int]) -> list[str]:
    """Return the commits that a table is read by and that have lost their content.

    A full disk or a torn file system can leave them; delta-rs takes them for commits of nothing.
    """
    sizes: dict[int, tuple[str, int]] = {}
    newest = -1
    for name, size in there.items():
        version, dot, kind = name.removeprefix(_LOG).partition(".")
        if not name.startswith(_LOG) or not version.isdecimal() or not dot:
            continue
        if kind == "json":
            sizes[int(version)] = (name.removeprefix(_LOG), size)
        elif kind.startswith("checkpoint") and kind.endswith("parquet"):
            newest = max(newest, int(version))
    return [name for at, (name, size) in sorted(sizes.items()) if not size and at > newest]
