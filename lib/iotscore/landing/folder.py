"""Find the files in the landing folder, and read their names."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import pyarrow as pa
from pyarrow import fs

from iotscore.errors import InputError
from iotscore.landing.archives import PEEK_BYTES, is_unfinished, packed_form
from iotscore.landing.filenames import FileLabel, plain_ending, read_name
from iotscore.landing.filesystems import open_storage
from iotscore.landing.metadata import METADATA_BYTES, METADATA_FILES, Metadata, read_metadata
from iotscore.landing.opening import LeadsOutError, opener_of
from iotscore.landing.reason_codes import COMPRESSED, ODD_TIME
from iotscore.landing.walk import Entry, is_csv, list_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date


_TIMES: Final = range(-(2**63), 2**63)
"""Times of change in nanoseconds that file systems and tables can keep: years 1678 to 2261."""
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
    size, modified_at
        Bytes, and time of the last change, UTC.
    label, name_fault
        What the name says, or why it says nothing.
    rows_expected
        Data rows according to ``data_summary.csv``; None if it does not say.
    leads_out
        Whether a link on the way to it leads out of the landing folder, as it may.
    """

    file_id: str
    source_file: str
    size: int
    modified_at: datetime
    label: FileLabel | None
    rows_expected: int | None
    name_fault: str | None = None
    leads_out: bool = False

    @property
    def event_day(self) -> date | None:
        """Day of the capture where the name gives it."""
        return None if self.label is None else self.label.event_day


@dataclass(frozen=True)
class Landing:
    """A landing folder.

    Attributes
    ----------
    files
        Its CSV files in order of their paths.
    is_synthetic
        Whether the folder says that its data are simulated.
    unusable
        What is named like a delivery, or packed, and is not read, with reason code and details.
    ignored
        Paths of other files, in order.
    """

    files: list[LandingFile]
    metadata: Metadata
    is_synthetic: bool
    unusable: list[tuple[LandingFile, str, str]]
    ignored: tuple[str, ...] = ()

    @property
    def deliveries(self) -> list[LandingFile]:
        """The files and what is not usable."""
        return [*self.files, *(file for file, *_ in self.unusable)]

    def keeping(self, is_kept: Callable[[LandingFile], bool]) -> Landing:
        """Return the folder with only those deliveries for which a function returns True."""
        return replace(
            self,
            files=[file for file in self.files if is_kept(file)],
            unusable=[each for each in self.unusable if is_kept(each[0])],
        )


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


def discover(folder: str, patterns: Sequence[str], *, follow_links: bool = False) -> Landing:
    """List the CSV files below a folder, a local path or URI, and read the metadata beside them.

    Raises
    ------
    InputError
        The folder or a metadata file in it cannot be read.
    """
    filesystem, root = open_folder(folder)
    try:
        entries = {
            entry.path: entry for entry in list_folder(filesystem, root, follow_links=follow_links)
        }
        names = _metadata_names(entries)
        texts = {
            name: _read_metadata_file(filesystem, root, entries[path])
            for path, name in sorted(names.items())
        }
    except OSError as error:
        message = f"cannot read the input folder {folder!r}: {error}; check who may read it"
        raise InputError(message) from error
    metadata = read_metadata(texts)
    files, unusable, ignored = [], [], []
    for path in sorted(entries.keys() - names.keys() - {SYNTHETIC_MARKER}):
        entry = entries[path]
        file = _landing_file(entry, patterns, metadata)
        if fault := entry.fault or _fault_of_time(entry) or _packed(filesystem, root, entry):
            unusable.append((file, *fault))
        elif is_csv(path):
            files.append(file)
        else:
            ignored.append(file.source_file)
    return Landing(files, metadata, SYNTHETIC_MARKER in entries, unusable, tuple(ignored))


def _landing_file(entry: Entry, patterns: Sequence[str], metadata: Metadata) -> LandingFile:
    shown = os.fsencode(entry.path).decode("utf-8", "backslashreplace")
    said = read_name(shown, patterns, metadata.devices)
    return LandingFile(
        file_id=file_id_of(entry.path),
        source_file=shown,
        size=entry.size,
        modified_at=utc_time(entry.mtime_ns),
        label=said if isinstance(said, FileLabel) else None,
        rows_expected=metadata.expected_rows.get(shown),
        name_fault=said if isinstance(said, str) else None,
        leads_out=entry.leads_out,
    )


def _metadata_names(entries: Mapping[str, Entry]) -> dict[str, str]:
    """Return which metadata file each path is; ``.CSV`` counts where there is no ``.csv``."""
    plain = {path: plain_ending(path) for path in entries}
    return {
        path: name
        for path, name in plain.items()
        if name in METADATA_FILES and (path == name or name not in entries)
    }


def _read_metadata_file(filesystem: fs.FileSystem, root: str, entry: Entry) -> bytes:
    advice = "correct or remove it"
    if entry.fault:
        message = f"{entry.path} in the input folder cannot be read: {entry.fault[1]}; {advice}"
        raise InputError(message)
    opener = opener_of(filesystem, root, may_lead_out=entry.leads_out)
    try:
        with opener.open_input_stream(f"{root}/{entry.path}") as stream:
            text: bytes = stream.read(METADATA_BYTES + 1)
    except LeadsOutError as error:
        message = f"{entry.path} in the input folder became a link that leads out of it; {advice}"
        raise InputError(message) from error
    if len(text) > METADATA_BYTES:
        message = (
            f"{entry.path} in the input folder has more than {METADATA_BYTES:,} bytes "
            f"({entry.size:,}), and no such file needs as many; {advice}"
        )
        raise InputError(message)
    return text


def _fault_of_time(entry: Entry) -> tuple[str, str] | None:
    if not is_csv(entry.path) or entry.mtime_ns in _TIMES:
        return None
    return ODD_TIME, f"the time of change is {entry.mtime_ns // 10**9} s after 1970"


def _packed(filesystem: fs.FileSystem, root: str, entry: Entry) -> tuple[str, str] | None:
    """Say whether a local file that is ignored otherwise is a packed delivery."""
    is_local = isinstance(filesystem, fs.LocalFileSystem)
    is_of_interest = not (is_csv(entry.path) or is_unfinished(entry.path) or entry.leads_out)
    if not (is_local and is_of_interest and entry.size):
        return None
    try:
        with opener_of(filesystem, root).open_input_stream(f"{root}/{entry.path}") as stream:
            head: bytes = stream.read(PEEK_BYTES)
    except (OSError, LeadsOutError):
        return None
    form = packed_form(head)
    return None if form is None else (COMPRESSED, f"{form}; the file begins with {head[:8]!r}")


def utc_time(nanoseconds: int | None) -> datetime:
    """Return a modification time to the microsecond, as tables keep it.

    What they cannot keep becomes the nearest that they can.
    """
    kept = min(max(nanoseconds or 0, _TIMES[0]), _TIMES[-1])
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=kept // 1000)
