"""Pack what tasks import: ``python scripts/build_environment.py dist/environment.tar.gz``.

The archive goes to executors as ``--archives FILE#environment``. It holds the packages of the extra
``executor`` in ``setup.py``, and what those need, as ``.venv`` has them from ``requirements.lock``,
and ``bin/python``, which starts the node's own Python of the same minor version with these packages
before all others. A virtual environment would only work where its Python has the same path.

An archive that holds the same versions already is left alone.
"""

from __future__ import annotations

import io
import os
import sys
import sysconfig
import tarfile
import tempfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final

from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

PROJECT: Final = "iotscore"
EXTRA: Final = "executor"
CONTENTS: Final = "contents.txt"
"""First member of the archive: what it was made from."""
_LEVEL: Final = 1
"""Of gzip: 9 takes ten times as long and saves a tenth."""
_DEAD_WEIGHT: Final = {"tests", "include"}
"""Folders of packages that nothing imports."""

PYTHON: Final = """#!/bin/sh
# The node's own Python with the packages of this archive before all others.
root="$(cd "$(dirname "$0")/.." && pwd)"
export PYTHONPATH="$root/packages${{PYTHONPATH:+:$PYTHONPATH}}" PYTHONNOUSERSITE=1
exec python{version} "$@"
"""


def needed() -> list[metadata.Distribution]:
    """Return the packages of the extra and all that they need here, sorted by name."""
    found: dict[str, metadata.Distribution] = {}
    waiting = [one for one in _requirements(PROJECT, EXTRA) if _is_of(one, EXTRA)]
    while waiting:
        name = waiting.pop().name
        key = name.lower().replace("_", "-")
        if key not in found:
            found[key] = metadata.distribution(name)
            waiting += _requirements(name, "")
    return [found[key] for key in sorted(found)]


def _requirements(name: str, extra: str) -> list[Requirement]:
    texts = metadata.requires(name) or []
    parsed = [Requirement(text) for text in texts]
    return [one for one in parsed if one.marker is None or one.marker.evaluate({"extra": extra})]


def _is_of(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is not None and extra in str(requirement.marker)


def contents(packages: list[metadata.Distribution]) -> str:
    """Return a line for Python, the system and each package."""
    lines = [f"python {sys.version_info.major}.{sys.version_info.minor}", sysconfig.get_platform()]
    return "\n".join([*lines, *(f"{one.name}=={one.version}" for one in packages)]) + "\n"


def files(package: metadata.Distribution) -> Iterator[tuple[Path, str]]:
    """Yield a package's files and their names below the folder of packages, bytecode included."""
    for file in package.files or ():
        path = Path(str(package.locate_file(file)))
        if file.parts[0] == ".." or not _DEAD_WEIGHT.isdisjoint(file.parts) or not path.is_file():
            continue
        yield path, file.as_posix()
        cached = path.parent / "__pycache__" / f"{path.stem}.{sys.implementation.cache_tag}.pyc"
        if path.suffix == ".py" and cached.is_file():
            yield cached, (file.parent / "__pycache__" / cached.name).as_posix()


def is_current(target: Path, wanted: str) -> bool:
    """Say whether an archive was made from these versions."""
    if not target.is_file():
        return False
    with tarfile.open(target) as archive:
        first = archive.next()
        if first is None or first.name != CONTENTS:
            return False
        member = archive.extractfile(first)
        return member is not None and member.read().decode() == wanted


def build(target: Path) -> bool:
    """Write the archive in one step unless it is current; return whether it was written."""
    packages = needed()
    listed = contents(packages)
    if is_current(target, listed):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    with (
        os.fdopen(handle, "wb") as file,
        tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL) as archive,
    ):
        _add_text(archive, CONTENTS, listed, 0o644)
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        _add_text(archive, "bin/python", PYTHON.format(version=version), 0o755)
        # Bytecode counts only beside a source of the time that it names, so times are kept.
        for path, name in sorted({pair for package in packages for pair in files(package)}):
            archive.add(path, f"packages/{name}", recursive=False)
    Path(temporary).chmod(0o644)
    Path(temporary).replace(target)
    return True


def _add_text(archive: tarfile.TarFile, name: str, text: str, mode: int) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(text.encode()), mode
    archive.addfile(member, io.BytesIO(text.encode()))


if __name__ == "__main__":
    path = Path(sys.argv[1])
    outcome = "written" if build(path) else "is current"
    print(f"{path} {outcome}, {path.stat().st_size / 1e6:,.0f} MB", file=sys.stderr)
