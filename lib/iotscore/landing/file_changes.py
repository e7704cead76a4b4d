"""Read files that may be removed or changed at the same time."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from pyarrow import fs

from iotscore.errors import one_line
from iotscore.landing.folder import LandingFile, open_folder, utc_time
from iotscore.landing.opening import LeadsOutError, opener_of
from iotscore.landing.reason_codes import CHANGING, LINK_OUTSIDE, UNREADABLE
from iotscore.landing.scan import Survey, survey_file

if TYPE_CHECKING:
    from collections.abc import Sequence

LED_OUT = "it became a link that leads out of the landing folder"
"""Detail of a file that was listed as one that lies in the folder, and does not."""


def survey_source(
    filesystem: fs.FileSystem, root: str, file: LandingFile, chunk_bytes: int
) -> Survey:
    """Survey a listed file; a file that cannot be read or has changed since gets a fault."""
    path = f"{root}/{file.source_file}"
    opener = opener_of(filesystem, root, may_lead_out=file.leads_out)
    try:
        # A pipe in the place of the file would be waited for.
        if (found := _difference(filesystem.get_file_info(path), file)) is None:
            survey = survey_file(opener, path, chunk_bytes)
            found = _difference(filesystem.get_file_info(path), file)
    except LeadsOutError:
        return unread(file, LINK_OUTSIDE, LED_OUT)
    except OSError as error:
        return unread(file, UNREADABLE, told(error))
    return replace(survey, size=file.size) if found is None else unread(file, CHANGING, found)


def unread(file: LandingFile, reason: str, detail: str) -> Survey:
    """Return the survey of a file that could not be read to the end."""
    return Survey(None, file.size, 0, (), (), reason, detail)


def changes(folder: str, files: Sequence[LandingFile]) -> dict[str, str]:
    """Compare files with their listing; return the differences by path."""
    filesystem, root = open_folder(folder)
    infos = filesystem.get_file_info([f"{root}/{file.source_file}" for file in files])
    return {
        file.source_file: difference
        for file, info in zip(files, infos, strict=True)
        if (difference := _difference(info, file)) is not None
    }


def _difference(info: fs.FileInfo, file: LandingFile) -> str | None:
    if info.type == fs.FileType.NotFound:
        return "it is gone"
    if info.type != fs.FileType.File:
        return "it is no file any more"
    if info.size != file.size:
        return f"it had {file.size} bytes and has {info.size}"
    if utc_time(info.mtime_ns) != file.modified_at:
        return "it was written to"
    return None


def told(error: OSError) -> str:
    """Return the system's message of an error, without the path."""
    return os.strerror(error.errno) if error.errno else str(error).partition("\n")[0]


def some(paths: Sequence[str]) -> str:
    """Return the first five of some paths for a message, and how many more there are."""
    shown, more = ", ".join(map(one_line, paths[:5])), len(paths) - 5
    return f"{shown} and {more} more" if more > 0 else shown
