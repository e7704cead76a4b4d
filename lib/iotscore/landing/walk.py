"""List the paths below a folder that are, or are named like, delivered files; none is opened.

A local folder is walked here, because Arrow's listing follows a link that leads back into the
folder forty times over, and leaves out what is not a file.
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from pyarrow import fs

from iotscore.landing.archives import is_named_packed
from iotscore.landing.opening import is_inside
from iotscore.landing.reason_codes import (
    BAD_NAME,
    BROKEN_LINK,
    COMPRESSED,
    LINK_LOOP,
    LINK_OUTSIDE,
    NAME_NOT_TEXT,
    NOT_A_FILE,
    UNREADABLE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENDING: Final = ".csv"
_NOT_REGULAR: Final = NOT_A_FILE, "it is not a regular file"


@dataclass(frozen=True)
class Entry:
    """A path below the folder.

    Attributes
    ----------
    path
        With forward slashes; bytes that are no UTF-8 as lone surrogates.
    size, mtime_ns
        Bytes, and time of the last change in nanoseconds since 1970.
    fault
        Reason code and details of what cannot be read as a file, or None.
    leads_out
        Whether a link on the way to it leads out of the folder.
    """

    path: str
    size: int
    mtime_ns: int
    fault: tuple[str, str] | None = None
    leads_out: bool = False


def is_csv(path: str) -> bool:
    """Say whether a name ends as those of traffic files do."""
    return path.lower().endswith(_ENDING)


def list_folder(
    filesystem: fs.FileSystem, root: str, *, follow_links: bool = False
) -> Iterator[Entry]:
    """Yield the files below a folder, and other paths named like a delivery, in any order.

    Links that lead out of the folder are faults, unless they are followed.

    Raises
    ------
    OSError
        A folder cannot be listed.
    """
    is_local = isinstance(filesystem, fs.LocalFileSystem)
    entries = _walk(root, follow_links=follow_links) if is_local else _list(filesystem, root)
    for entry in entries:
        yield replace(entry, fault=entry.fault or _fault_of_name(entry.path))


def is_delivery(path: str) -> bool:
    """Say whether a name is that of a traffic file, or of one that was packed."""
    return is_csv(path) or is_named_packed(path)


def _fault_of_name(path: str) -> tuple[str, str] | None:
    if not is_delivery(path):
        return None
    try:
        path.encode()
    except UnicodeEncodeError:
        return NAME_NOT_TEXT, f"the name is {os.fsencode(path)!r}; rename it"
    if not {".", ".."}.isdisjoint(path.split("/")):
        return BAD_NAME, "the path leads out of the folder"
    return None if is_csv(path) else (COMPRESSED, "by its name")


def _list(filesystem: fs.FileSystem, root: str) -> Iterator[Entry]:
    for info in filesystem.get_file_info(fs.FileSelector(root, recursive=True)):
        path = info.path[len(root) :].lstrip("/")
        time = info.mtime_ns or 0
        if info.type == fs.FileType.File:
            yield Entry(path, info.size, time)
        elif is_csv(path):
            is_folder = info.type == fs.FileType.Directory
            fault = (NOT_A_FILE, "it is a folder") if is_folder else _NOT_REGULAR
            yield Entry(path, 0, time, fault)


@dataclass(frozen=True)
class _Folder:
    """A local folder to walk: its path, its path below the root, and the real trees it is in."""

    path: str
    prefix: str
    trees: tuple[str, ...]
    leads_out: bool = False


def _walk(root: str, *, follow_links: bool) -> Iterator[Entry]:
    """Walk a local folder; links are followed unless they form a loop."""
    waiting = [_Folder(root, "", (os.path.realpath(root),))]
    while waiting:
        folder = waiting.pop()
        with os.scandir(folder.path) as children:
            for child in children:
                yield from _look_at(child, folder, waiting, follow_links=follow_links)


def _look_at(
    child: os.DirEntry[str], folder: _Folder, waiting: list[_Folder], *, follow_links: bool
) -> Iterator[Entry]:
    path = folder.prefix + child.name
    leads_out = folder.leads_out or _leads_out(child, folder.trees[0])
    if leads_out and not follow_links:
        yield _unfollowed(child, path)
        return
    fault = None
    try:
        found = child.stat()
        if stat.S_ISDIR(found.st_mode):
            fault = _enter(child, path, folder, waiting)
        elif not stat.S_ISREG(found.st_mode):
            fault = _NOT_REGULAR
    except OSError as error:
        try:
            found = child.stat(follow_symlinks=False)
        except FileNotFoundError:
            return
        fault = _fault_of_link(error)
    if fault is None or fault[0] == LINK_LOOP or is_csv(path):
        yield Entry(path, found.st_size, found.st_mtime_ns, fault, leads_out)


def _leads_out(child: os.DirEntry[str], root: str) -> bool:
    return child.is_symlink() and not is_inside(os.path.realpath(child.path), root)


def _unfollowed(child: os.DirEntry[str], path: str) -> Entry:
    """Return the entry of a link that is not followed."""
    link = child.stat(follow_symlinks=False)
    try:
        may_hold_deliveries = is_delivery(path) or child.is_dir()
    except OSError:
        may_hold_deliveries = True
    detail = "the link leads out of the landing folder, and ingest.follow_links is false"
    fault = (LINK_OUTSIDE, detail) if may_hold_deliveries else None
    return Entry(path, link.st_size, link.st_mtime_ns, fault, leads_out=True)


def _enter(
    child: os.DirEntry[str], path: str, folder: _Folder, waiting: list[_Folder]
) -> tuple[str, str]:
    """Add a folder to those that will be walked; return the reason why it is not a file."""
    trees = folder.trees
    if child.is_symlink():
        real = os.path.realpath(child.path)
        if any(os.path.commonpath([real, tree]) in {real, tree} for tree in trees):
            return LINK_LOOP, "the link leads back into a folder that is read anyway"
        trees = (*trees, real)
    leads_out = not all(is_inside(tree, trees[0]) for tree in trees)
    waiting.append(_Folder(child.path, f"{path}/", trees, leads_out))
    return NOT_A_FILE, "it is a folder; the files in it are read under their own names"


def _fault_of_link(error: OSError) -> tuple[str, str]:
    if error.errno == errno.ELOOP:
        return LINK_LOOP, "the link leads back to itself"
    if error.errno == errno.ENOENT:
        return BROKEN_LINK, "the link leads to nothing"
    return UNREADABLE, error.strerror or str(error)
