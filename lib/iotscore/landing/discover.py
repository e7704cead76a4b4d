"""Which files lie in the landing folder, and what their names say."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import fs

from iotscore.errors import InputError
from iotscore.labels import FileLabel, label_file
from iotscore.landing.listing import is_csv, list_folder
from iotscore.landing.metadata import METADATA_FILES, Metadata, read_metadata
from iotscore.landing.storages import open_storage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.landing.listing import Entry

SYNTHETIC_MARKER: Final = "SYNTHETIC.json"
"""Demo data carries this file, so that every report can call the data synthetic."""


@dataclass(frozen=True)
class LandingFile:
    r"""A CSV file in the landing folder.

    Attributes
    ----------
    file_id
        First 16 hexadecimal digits of the SHA-256 of the path below the landing folder.
    source_file
        Path below the landing folder, with forward slashes; bytes that are no UTF-8 as ``\xNN``.
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
    """A landing folder.

    Attributes
    ----------
    files
        Its CSV files in order of their paths.
    metadata
        What the metadata files say.
    is_synthetic
        Whether the folder says that its data are simulated.
    unusable
        What is named like a CSV file and cannot be read as one, with reason code and details.
    """

    files: list[LandingFile]
    metadata: Metadata
    is_synthetic: bool
    unusable: list[tuple[LandingFile, str, str]]


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
        filesystem, path = open_storage(folder)
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
    entries, metadata_texts = _read_folder(folder)
    metadata = read_metadata(metadata_texts)
    files, unusable = [], []
    for path in sorted(entries):
        if path in METADATA_FILES or path == SYNTHETIC_MARKER:
            continue
        file = _landing_file(entries[path], patterns, metadata)
        if fault := entries[path].fault:
            unusable.append((file, *fault))
        elif is_csv(path):
            files.append(file)
    return Landing(files, metadata, SYNTHETIC_MARKER in entries, unusable)


def _landing_file(entry: Entry, patterns: Sequence[str], metadata: Metadata) -> LandingFile:
    shown = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
    return LandingFile(
        file_id=file_id_of(entry.path),
        source_file=shown,
        size=entry.size,
        modified_at=utc_time(entry.mtime_ns),
        label=label_file(shown, patterns, metadata.devices),
        rows_expected=metadata.expected_rows.get(shown),
    )


def _read_folder(folder: str) -> tuple[dict[str, Entry], dict[str, bytes]]:
    """Return what is found, by its path below the folder, and the metadata files' contents."""
    filesystem, root = open_folder(folder)
    try:
        entries = {entry.path: entry for entry in list_folder(filesystem, root)}
        texts = {}
        for name in sorted(METADATA_FILES & entries.keys()):
            if fault := entries[name].fault:
                message = (
                    f"{name} in the input folder cannot be read: {fault[1]}; mend or remove it"
                )
                raise InputError(message)
            texts[name] = filesystem.open_input_stream(f"{root}/{name}").read()
    except OSError as error:
        message = f"cannot read the input folder {folder!r}: {error}; check who may read it"
        raise InputError(message) from error
    return entries, texts


def utc_time(nanoseconds: int | None) -> datetime:
    """Return a time of change to the microsecond, as tables keep it."""
    return datetime.fromtimestamp((nanoseconds or 0) // 1000 / 1e6, UTC)
