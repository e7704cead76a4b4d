"""Zip ``lib/`` for the executors: ``python scripts/build_zip.py dist/iotscore.zip``.

The same sources always give the same bytes, so an archive that is up to date is left alone and a
changed one is replaced in one step: a second run that starts at the same time sees the old or
the new archive, never half of one.
"""

from __future__ import annotations

import io
import os
import sys
import tempfile
import zipfile
from pathlib import Path

LIB = Path(__file__).resolve().parent.parent / "lib"
SUFFIXES = (".py", ".j2")
"""Sources: Python, and the templates of the report, which the driver reads from the zip too."""
ONLY_ON_THE_DRIVER = ("iotscore/research/", "iotscore/simulate/")
"""Folders that no task imports: research code, and the simulator of demo data."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can hold; a real one would change the bytes."""


def archive(source: Path) -> bytes:
    """Return a zip of the sources under a folder, named relative to it; equal for equal sources.

    Other files, ``__pycache__`` and what only a driver with the repository imports are left out.
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(path for path in source.rglob("*") if path.suffix in SUFFIXES):
            name = path.relative_to(source).as_posix()
            if name.startswith(ONLY_ON_THE_DRIVER):
                continue
            member = zipfile.ZipInfo(name, date_time=EPOCH)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o644 << 16
            zipped.writestr(member, path.read_bytes())
    return buffer.getvalue()


def replace(target: Path, content: bytes) -> bool:
    """Write a file in one step unless it holds the content already; return whether it did."""
    if target.is_file() and target.read_bytes() == content:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    # mkstemp makes a file for its owner alone, but another account may run the nightly job.
    Path(temporary).chmod(0o644)
    Path(temporary).replace(target)
    return True


if __name__ == "__main__":
    replace(Path(sys.argv[1]), archive(LIB))
