"""Files that change, vanish or cannot be read while somebody reads them."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from pyarrow import fs

from iotscore.landing import file_changes as sources
from iotscore.landing.file_changes import changes, some, survey_source, told
from iotscore.landing.folder import LandingFile, discover, open_folder
from iotscore.landing.scan import Survey, survey_file

PATTERNS = (r"(?P<device_id>\d)\.csv",)


@pytest.fixture
def listed(tmp_path: Path) -> list[LandingFile]:
    """Return two files as they were listed."""
    for name in ("1.csv", "2.csv"):
        (tmp_path / name).write_text("header\n1\n")
    return discover(str(tmp_path), PATTERNS).files


def survey(folder: Path, file: LandingFile) -> Survey:
    """Survey a listed file."""
    filesystem, root = open_folder(str(folder))
    return survey_source(filesystem, root, file, 1000)


def append(path: Path) -> None:
    """Let a file grow."""
    with path.open("a") as file:
        file.write("1\n")


def rewrite(path: Path) -> None:
    """Change a file without changing its size."""
    before = path.stat().st_mtime_ns
    path.write_text("HEADER\n2\n")
    os.utime(path, ns=(before, before + 1_000))


def to_pipe(path: Path) -> None:
    """Put a pipe in the place of a file."""
    path.unlink()
    os.mkfifo(path)


CHANGES = {
    "gone": (Path.unlink, "it is gone"),
    "grown": (append, "it had 9 bytes and has 11"),
    "cut": (lambda path: os.truncate(path, 3), "it had 9 bytes and has 3"),
    "rewritten": (rewrite, "it was written to"),
    "a pipe": (to_pipe, "it is no file any more"),
}


def test_a_file_that_stays_is_surveyed(tmp_path: Path, listed: list[LandingFile]) -> None:
    """What nobody touches is surveyed as it is, and nothing is reported of it."""
    path = str(tmp_path / "1.csv")
    assert survey(tmp_path, listed[0]) == survey_file(fs.LocalFileSystem(), path, 1000)
    assert changes(str(tmp_path), listed) == {}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_told(tmp_path: Path, listed: list[LandingFile], change: str) -> None:
    """A change after the listing is told for the file, before it is opened and later on."""
    make, what = CHANGES[change]
    make(tmp_path / "1.csv")
    assert changes(str(tmp_path), listed) == {"1.csv": what}
    found = survey(tmp_path, listed[0])
    assert (found.fault, found.fault_detail) == ("changing", what)
    assert (found.sha256, found.size, found.rows, found.chunks) == (None, 9, 0, ())
    assert survey(tmp_path, listed[1]).sha256


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_while_it_is_read_is_told(
    tmp_path: Path, listed: list[LandingFile], change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is another one at the end of its survey is not taken for what was read."""
    make, what = CHANGES[change]

    def read(filesystem: fs.FileSystem, path: str, chunk_bytes: int) -> Survey:
        found = survey_file(filesystem, path, chunk_bytes)
        make(tmp_path / "1.csv")
        return found

    monkeypatch.setattr(sources, "survey_file", read)
    found = survey(tmp_path, listed[0])
    assert (found.fault, found.fault_detail, found.sha256) == ("changing", what, None)


def test_a_file_that_cannot_be_opened_is_told(
    tmp_path: Path, listed: list[LandingFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """No permission is a fault of the file, in the system's words and without its path."""
    (tmp_path / "1.csv").chmod(0)
    if os.access(tmp_path / "1.csv", os.R_OK):

        def refuse(*_: object) -> Survey:
            # As Arrow raises it: number and path in one text.
            raise PermissionError(errno.EACCES, f"[Errno 13] Failed to open '{tmp_path}/1.csv'")

        monkeypatch.setattr(sources, "survey_file", refuse)
    found = survey(tmp_path, listed[0])
    assert (found.fault, found.fault_detail) == ("unreadable", "Permission denied")
    assert (found.sha256, found.size, found.rows) == (None, 9, 0)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """A file that opens or reads with an error of the system is refused, not the run ended."""
    memory = Path("/proc/1/mem")
    if not memory.is_file():
        pytest.skip("only Linux has such a file")
    (tmp_path / "1.csv").symlink_to(memory)
    (file,) = discover(str(tmp_path), PATTERNS, follow_links=True).files
    found = survey(tmp_path, file)
    assert found.fault == "unreadable"
    assert found.fault_detail in {"Permission denied", "Input/output error"}


@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_file_that_becomes_a_link_is_not_read(tmp_path: Path, what: str) -> None:
    """A link that takes the place of a listed file, of the same size and time, shows nothing."""
    folder, outside = tmp_path / "in" / "x", tmp_path / "out"
    for place in (folder, outside):
        place.mkdir(parents=True)
        (place / "1.csv").write_text("secret\n")
        os.utime(place / "1.csv", (1, 1))
    (file,) = discover(str(tmp_path / "in"), (r"(?P<device>x)/1\.csv",)).files
    swapped, target = {
        "file": (folder / "1.csv", outside / "1.csv"),
        "folder": (folder, outside),
    }[what]
    swapped.rename(tmp_path / "away")
    swapped.symlink_to(target)
    found = survey(tmp_path / "in", file)
    assert (found.fault, found.sha256) == ("link_outside", None)
    assert "secret" not in str(found)


def test_messages_are_one_short_line() -> None:
    """Long lists are cut, errors lose their paths."""
    assert some(["a", "b\n"]) == r"a, b\n"
    assert some(list("abcdefg")) == "a, b, c, d, e and 2 more"
    assert told(OSError("no number\nand a second line")) == "no number"
