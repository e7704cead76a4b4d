"""Prepare the output folder of a report, before anything is computed."""

from __future__ import annotations

import tempfile
from pathlib import Path

from iotscore.errors import EnvironmentFaultError


def prepare_folder(folder: str) -> Path:
    """Return a folder that is there and can be written.

    Raises
    ------
    EnvironmentFaultError
        It cannot, or is no local folder.
    """
    if "://" in folder:
        message = (
            f"a report cannot be written to {folder}; name a local folder, and copy it from there"
        )
        raise EnvironmentFaultError(message)
    path = Path(folder).expanduser().resolve()
    try:
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise unwritable(path, error) from error


def unwritable(folder: Path, error: OSError) -> EnvironmentFaultError:
    """Return what to say of a folder that cannot be written."""
    return EnvironmentFaultError(
        f"cannot write the report to {folder}: {error.strerror}; name a folder that may be written"
    )
