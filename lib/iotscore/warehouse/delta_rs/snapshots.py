"""Opened tables. In an object store each commit is a request, so a table is opened once.

All commits of this process go through :mod:`iotscore.warehouse.delta_rs.writes`, which keeps what
is opened up to date. What other processes commit is seen by the next warehouse that is opened.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from iotscore.object_stores import is_object_store
from iotscore.warehouse.delta_rs import files
from iotscore.warehouse.delta_rs.commits import require_newest

if TYPE_CHECKING:
    from iotscore.warehouse.delta_rs.commits import Author


@dataclass
class _Snapshot:
    """A table in an object store as it was found: None where there is none."""

    table: DeltaTable | None
    checked_for: int | None = None
    """Number of the lease's holder that it was compared with."""


_KNOWN: Final[dict[str, _Snapshot]] = {}


def opened(path: str, version: int | None = None) -> DeltaTable:
    """Return a table as it is, or was at a version.

    Raises
    ------
    DeltaError, OSError
        It cannot be read.
    """
    if version is not None or not is_object_store(path):
        return DeltaTable(path, version=version, storage_options=files.delta_options(path))
    if (known := _KNOWN.get(path)) is not None and known.table is not None:
        return known.table
    table = DeltaTable(path, storage_options=files.delta_options(path))
    _KNOWN[path] = _Snapshot(table)
    return table


def is_table(path: str) -> bool:
    """Say whether a folder holds a table; in an object store that opens it.

    Raises
    ------
    DeltaError, OSError
        It cannot be read.
    """
    if not is_object_store(path):
        return DeltaTable.is_deltatable(path)
    if path not in _KNOWN:
        root, _, name = path.rpartition("/")
        if name not in _folders(root):
            _KNOWN[path] = _Snapshot(None)
            return False
        try:
            opened(path)
        except TableNotFoundError:
            _KNOWN[path] = _Snapshot(None)
    return _KNOWN[path].table is not None


def writable(path: str, author: Author) -> DeltaTable:
    """Return a table as it is, to write on that.

    A later holder's number in a commit that came after it was opened makes the commit fail, so
    that of the opened one is compared once.

    Raises
    ------
    WarehouseError
        A later holder of the lease has committed.
    DeltaError, OSError
        It cannot be read.
    """
    table = opened(path)
    known = _KNOWN.get(path)
    if known is None or known.checked_for != author.epoch:
        require_newest(path, table, author)
        if known is not None:
            known.checked_for = author.epoch
    return table


@cache
def _folders(root: str) -> frozenset[str]:
    """Return the folders that a warehouse had when it was opened; no others are tables yet."""
    return files.folders(root)


def forget(root: str) -> None:
    """Have a table, or all tables of a warehouse, opened anew."""
    _folders.cache_clear()
    for path in [path for path in _KNOWN if path == root or path.startswith(f"{root}/")]:
        del _KNOWN[path]
