"""Which files lie in the landing folder, and what their names say."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import fs

from iotscore.errors import InputError
from iotscore.labels import FileLabel, label_file
from iotscore.landing.metadata import METADATA_FILES, Metadata, read_metadata

if TYPE_CHECKING:
    from collections.abc import Sequence

SYNTHETIC_MARKER: Final = "SYNTHETIC.json"
"""Demo data carries this file, so that every report can call the data synthetic."""


@dataclass(frozen=True)
class LandingFile:
    """A CSV file in the landing folder.

    Attributes
    ----------
    file_id
        First 16 hexadecimal digits of the SHA-256 of the path below the landing folder.
    source_file
        Path below the landing folder, with forward slashes.
    size
        Bytes.
    modified_at
        Time of the last change, UTC.
    label
        What the name says; None if it fits no pattern.
    rows_expected
        Data rows according to ``data_summary.csv``; None if it does not say.
    """

    file_id: str
    source_file: str
    size: int
    modified_at: datetime
    label: FileLabel | None
    rows_expected: int | None


@dataclass(frozen=True)
class Landing:
    """A landing folder: its CSV files in order of their paths, and what the metadata say."""

    files: list[LandingFile]
    metadata: Metadata
    is_synthetic: bool


def file_id_of(source_file: str) -> str:
    """Return the identifier of a file, from its path below the landing folder."""
    return hashlib.sha256(source_file.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def open_folder(folder: str) -> tuple[fs.FileSystem, str]:
    """Return the file system and the path in it of a local path or a URI.

    Raises
    ------
    InputError
        The folder does not exist or its file system is not supported.
    """
    try:
        filesystem, path = fs.FileSystem.from_uri(folder)
        kind = filesystem.get_file_info(path).type
    except (pa.ArrowInvalid, OSError) as error:
        message = f"cannot open the input folder {folder!r}: {error}"
        raise InputError(message) from error
    if kind != fs.FileType.Directory:
        what = "does not exist" if kind == fs.FileType.NotFound else "is not a folder"
        message = f"the input folder {folder!r} {what}; give --input a folder of CSV files"
        raise InputError(message)
    return filesystem, path


def discover(folder: str, patterns: Sequence[str]) -> Landing:
    """List the CSV files below a folder and read the metadata beside them.

    Parameters
    ----------
    folder
        Absolute local path or URI.
    patterns
        File patterns, see :func:`iotscore.labels.label_file`.

    Raises
    ------
    InputError
        The folder or a metadata file in it cannot be read.
    """
    infos, metadata_texts = _read_folder(folder)
    metadata = read_metadata(metadata_texts)
    files = [
        LandingFile(
            file_id=file_id_of(path),
            source_file=path,
            size=infos[path].size,
            modified_at=_mtime(infos[path]),
            label=label_file(path, patterns, metadata.devices),
            rows_expected=metadata.expected_rows.get(path),
        )
        for path in sorted(infos)
        if path.lower().endswith(".csv") and path not in METADATA_FILES
    ]
    return Landing(files, metadata, SYNTHETIC_MARKER in infos)


def _read_folder(folder: str) -> tuple[dict[str, fs.FileInfo], dict[str, bytes]]:
    """Return the files by their path below the folder, and the contents of the metadata files."""
    filesystem, root = open_folder(folder)
    try:
        infos = {
            info.path[len(root) :].lstrip("/"): info
            for info in filesystem.get_file_info(fs.FileSelector(root, recursive=True))
            if info.type == fs.FileType.File
        }
        texts = {
            name: filesystem.open_input_stream(infos[name].path).read()
            for name in sorted(METADATA_FILES & infos.keys())
        }
    except OSError as error:
        message = f"cannot read the input folder {folder!r}: {error}; check who may read it"
        raise InputError(message) from error
    except UnicodeDecodeError as error:
        message = (
            f"the input folder {folder!r} holds a file whose name is no UTF-8 text: "
            f"{error.object!r}; rename it"
        )
        raise InputError(message) from error
    return infos, texts


def _mtime(info: fs.FileInfo) -> datetime:
    return datetime.fromtimestamp(0 if info.mtime_ns is None else info.mtime_ns // 1000 / 1e6, UTC)
