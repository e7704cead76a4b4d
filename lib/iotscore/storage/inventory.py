"""The data files that a local Delta table consists of, and whether they are there."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from iotscore.errors import WarehouseError


class ListedFile(NamedTuple):
    """A data file as the table's log names it, and its size on disk: None if it is not there."""

    path: str
    size: int
    found: int | None


def listed_files(path: str) -> list[ListedFile]:
    """Return the data files of a table's newest version, each compared with the disk.

    Raises
    ------
    WarehouseError
        The log cannot be read.
    """
    try:
        actions = pa.table(DeltaTable(path).get_add_actions())
    except (DeltaError, OSError) as error:
        message = f"the log of the table {path} cannot be read: {str(error).splitlines()[0][:300]}"
        raise WarehouseError(message) from error
    names = map(unquote, actions.column("path").to_pylist())
    sizes = actions.column("size_bytes").to_pylist()
    return [
        ListedFile(name, size, _size(Path(path) / name))
        for name, size in zip(names, sizes, strict=True)
    ]


def _size(file: Path) -> int | None:
    try:
        return file.stat().st_size
    except OSError:
        return None
