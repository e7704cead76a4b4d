"""The files of a warehouse: below a local or mounted folder, or in an object store.

A path is an absolute local path or a URI; whoever has one needs nothing else to open it, in a
worker too.
"""

from __future__ import annotations

import re
import shutil
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import pyarrow as pa
from pyarrow import dataset, fs

from iotscore import object_stores
from iotscore.object_stores import is_object_store

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

SMALL_BYTES: Final = 1 << 20
"""Reading footer and columns of a small object costs more requests than reading all of it."""
_MOST_KEPT: Final = 64
"""So many small objects of data are kept in a process."""
_MISREAD: Final = re.compile(r"%[0-9A-Fa-f]{2}|[\x00-\x1f\x7f\\\[\]^|]")
"""What delta-rs 1.6 takes for something else, or refuses, in the name of a folder."""


def local_path(uri: str) -> str | None:
    """Return the path of a local folder or ``file:`` URI.

    It is what Hadoop makes of the URI, which decodes nothing: Spark uses the same folder. None
    means another storage, or a name that only Spark can read.
    """
    path = local_folder(uri)
    return None if path is None or _MISREAD.search(path) else path


def local_folder(uri: str) -> str | None:
    """Return the path of a local folder or ``file:`` URI as Hadoop understands it, else None."""
    path = re.sub(r"^file:(?://[^/]*)?", "", uri)
    return None if urlsplit(path).scheme else path


def delta_options(path: str) -> dict[str, str] | None:
    """Return what delta-rs needs to open a table; None of a local one."""
    return object_stores.client_options(path) if is_object_store(path) else None


def source_of(path: str) -> str | pa.NativeFile:
    """Return what pyarrow reads a data file from: its path, or an open object."""
    if not is_object_store(path):
        return path
    if (content := _small_content(path)) is not None:
        return pa.BufferReader(content)
    filesystem, key = _opened(path)
    return filesystem.open_input_file(key)


@lru_cache(maxsize=_MOST_KEPT)
def _small_content(path: str) -> pa.Buffer | None:
    """Return what is in a small data file, which never changes; several stages read it."""
    filesystem, key = _opened(path)
    with filesystem.open_input_file(key) as source:
        return source.read_buffer() if source.size() <= SMALL_BYTES else None


def created(path: str) -> pa.NativeFile:
    """Return a new file, open for writing; an object appears when it is closed."""
    filesystem, inner = _opened(path)
    return filesystem.open_output_stream(inner)


def size_of(path: str) -> int | None:
    """Return a file's bytes, None if it is not there."""
    if not is_object_store(path):
        file = Path(path)
        try:
            return file.stat().st_size
        except OSError:
            return None
    filesystem, key = _opened(path)
    found = filesystem.get_file_info(key)
    return int(found.size) if found.type == fs.FileType.File else None


def present(paths: Sequence[str]) -> list[str]:
    """Return those of some files of one folder that are there."""
    if not paths:
        return []
    there = {file.base_name for file in listed(paths[0].rpartition("/")[0])}
    return [path for path in paths if path.rpartition("/")[2] in there]


def listed(folder: str) -> list[fs.FileInfo]:
    """Return the files directly in a folder; none if it is not there."""
    return [each for each in _entries(folder) if each.type == fs.FileType.File]


def folders(folder: str) -> frozenset[str]:
    """Return the names of the folders directly in a folder; none if it is not there."""
    found = _entries(folder)
    return frozenset(each.base_name for each in found if each.type == fs.FileType.Directory)


def sizes_below(folder: str) -> dict[str, int]:
    """Return the bytes of all files below a folder, by their path there; on S3 one request."""
    _, path = _opened(folder)
    return {
        each.path.removeprefix(f"{path}/"): int(each.size)
        for each in _entries(folder, recursive=True)
        if each.type == fs.FileType.File
    }


def rows_of(paths: Sequence[str], schema: pa.Schema, batch_rows: int) -> Iterator[pa.RecordBatch]:
    """Yield the rows of some data files of one table; columns that a file lacks are NULL."""
    filesystem, _ = _opened(paths[0])
    inner = [_opened(path)[1] for path in paths]
    found = dataset.dataset(inner, schema=schema, format="parquet", filesystem=filesystem)
    yield from found.to_batches(batch_size=batch_rows, use_threads=False)


def content_of(path: str) -> bytes:
    """Return what is in a small file."""
    filesystem, inner = _opened(path)
    with filesystem.open_input_stream(inner) as stream:
        return bytes(stream.read())


def delete(path: str) -> None:
    """Delete a file; one that is gone is no fault."""
    filesystem, inner = _opened(path)
    try:
        filesystem.delete_file(inner)
    except FileNotFoundError:
        return


def delete_folder(path: str) -> None:
    """Delete a folder with all that it holds; one that is gone is no fault."""
    if not is_object_store(path):
        shutil.rmtree(path, ignore_errors=True)
        return
    filesystem, key = _opened(path)
    filesystem.delete_dir_contents(key, missing_dir_ok=True)


def _entries(folder: str, *, recursive: bool = False) -> list[fs.FileInfo]:
    filesystem, path = _opened(folder)
    selector = fs.FileSelector(path, allow_not_found=True, recursive=recursive)
    return list(filesystem.get_file_info(selector))


def _opened(path: str) -> tuple[fs.FileSystem, str]:
    if not is_object_store(path):
        return fs.LocalFileSystem(), path
    return _filesystem(object_stores.bucket_of(path)), object_stores.key_of(path)


@cache
def _filesystem(bucket: str) -> fs.FileSystem:
    """Return this process's client of a bucket, which keeps its connections."""
    return object_stores.filesystem(bucket)
