"""Open the file system of a landing folder by the scheme of its URI.

Workers read landing files themselves, without Java, so each scheme of Hadoop's stands for a file
system that Python can open.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from pyarrow import PythonFile, fs

from iotscore import object_stores
from iotscore.errors import EnvironmentFaultError
from iotscore.object_stores import is_object_store

if TYPE_CHECKING:
    from collections.abc import Iterable


def open_storage(folder: str) -> tuple[fs.FileSystem, str]:
    """Return the file system and the path in it of a local path or a URI.

    Parameters
    ----------
    folder
        An absolute local path, or a URI whose ``%41`` stands for ``A``: ``file:``, ``hdfs:``,
        ``s3a:``, ``abfss:``, ``gs:``.

    Raises
    ------
    UriError
        It holds credentials, or names no account.
    EnvironmentFaultError
        HDFS without the package that reads it.
    pyarrow.ArrowInvalid, OSError
        Another scheme, or nothing answers there.
    """
    parts = urlsplit(folder)
    if parts.scheme == "hdfs":
        handler = _hdfs(parts.hostname, parts.port)
        return fs.PyFileSystem(handler), unquote(parts.path).rstrip("/") or "/"
    if is_object_store(folder):
        return object_stores.filesystem(folder), object_stores.key_of(folder)
    storage, path = fs.FileSystem.from_uri(folder)
    return storage, path


def _hdfs(host: str | None, port: int | None) -> fs.FileSystemHandler:
    try:
        from hdfs_native.fsspec import HdfsFileSystem
    except ImportError as error:
        message = (
            "a landing folder in HDFS needs the Python package hdfs-native, on the driver and on "
            "every executor; install it: pip install 'iotscore[hdfs]'"
        )
        raise EnvironmentFaultError(message) from error

    class Handler(fs.FSSpecHandler):  # type: ignore[misc] # pyarrow ships no types
        """Gives modification times, and treats ``#`` and ``?`` in names as letters."""

        def get_file_info(self, paths: Iterable[str]) -> list[fs.FileInfo]:
            return [self._info(path) for path in paths]

        def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
            found = client.list_status(selector.base_dir, selector.recursive)
            return [_file_info(status.path, status) for status in found]

        def open_input_stream(self, path: str) -> PythonFile:
            return PythonFile(client.read(path), mode="r")

        open_input_file = open_input_stream

        @staticmethod
        def _info(path: str) -> fs.FileInfo:
            try:
                return _file_info(path, client.get_file_info(path))
            except FileNotFoundError:
                return fs.FileInfo(path, fs.FileType.NotFound)

    try:
        opened = HdfsFileSystem(host, port)
    except RuntimeError as error:  # neither the URI nor Hadoop's configuration names a server
        raise OSError(str(error)) from error
    client = opened.client
    return Handler(opened)


def _file_info(path: str, status: Any) -> fs.FileInfo:  # noqa: ANN401 - the package may be absent
    kind = fs.FileType.Directory if status.isdir else fs.FileType.File
    time = status.modification_time * 1_000_000
    return fs.FileInfo(path, kind, size=status.length, mtime_ns=time)
