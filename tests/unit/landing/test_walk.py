"""What else than files lies in a landing folder: links, pipes, folders, odd names."""

from __future__ import annotations

import os
import socket
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING

import pytest
from pyarrow import fs

from iotscore.errors import InputError
from iotscore.landing.folder import discover
from iotscore.landing.walk import Entry, list_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PATTERNS = (r"(?P<device_id>\d)\.benign\.csv", r"(?P<device>[^/]+)/benign_traffic\.csv")


def _folder(path: Path) -> None:
    path.mkdir()
    (path / "7.benign.csv").write_text("x")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as opened:
        opened.bind(str(path))


def _loop_of_two(path: Path) -> None:
    path.symlink_to("other")
    path.with_name("other").symlink_to(path.name)


ODDITIES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    "folder": (_folder, "not_a_file", "a folder"),
    "link to a folder": (
        lambda path: (path.parent.parent / "far").mkdir() or path.symlink_to("../far"),
        *("not_a_file", "a folder"),
    ),
    "pipe": (os.mkfifo, "not_a_file", "not a regular file"),
    "socket": (_socket, "not_a_file", "not a regular file"),
    "device": (lambda path: path.symlink_to(os.devnull), "not_a_file", "not a regular file"),
    "broken link": (lambda path: path.symlink_to("nowhere"), "broken_link", "to nothing"),
    "link to itself": (lambda path: path.symlink_to(path.name), "link_loop", "to itself"),
    "two links": (_loop_of_two, "link_loop", "to itself"),
    "link to its folder": (lambda path: path.symlink_to("."), "link_loop", "read anyway"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with one good file."""
    found = tmp_path / "in"
    found.mkdir()
    (found / "1.benign.csv").write_text("x")
    return found


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_no_file_is_refused(folder: Path, oddity: str) -> None:
    """Whatever has the name of a CSV file and is none is told, and the good file is found."""
    make, reason, told = ODDITIES[oddity]
    make(folder / "3.benign.csv")
    landing = discover(str(folder), PATTERNS, follow_links=True)
    inside = ["3.benign.csv/7.benign.csv"] if oddity == "folder" else []
    assert [file.source_file for file in landing.files] == ["1.benign.csv", *inside]
    refused = {file.source_file: (code, detail) for file, code, detail in landing.unusable}
    assert refused.pop("other", None) is None or oddity == "two links"
    ((name, (code, detail)),) = refused.items()
    assert (name, code) == ("3.benign.csv", reason)
    assert told in detail


def test_a_link_back_is_not_walked(folder: Path) -> None:
    """Links among the folders are told once each, and no file is found under two names by them."""
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "benign_traffic.csv").write_text("x")
    (folder / "a" / "up").symlink_to("..")
    (folder / "a" / "b" / "here").symlink_to(".")
    (folder / "sideways").symlink_to("a")
    far = folder.parent / "far"
    far.mkdir()
    (far / "benign_traffic.csv").write_text("x")
    (far / "again").symlink_to(".")
    (far / "home").symlink_to(folder)
    (folder / "far").symlink_to(far)
    landing = discover(str(folder), PATTERNS, follow_links=True)
    names = [file.source_file for file in landing.files]
    assert names == ["1.benign.csv", "a/benign_traffic.csv", "far/benign_traffic.csv"]
    loops = {file.source_file for file, reason, _ in landing.unusable if reason == "link_loop"}
    assert loops == {"a/up", "a/b/here", "sideways", "far/again", "far/home"}
    assert len(landing.unusable) == len(loops)


@pytest.mark.parametrize("name", ["a\nb", "a\rb", "a b", "'\"", "é电", "..a", "...", "%2e%2e"])
def test_odd_names_of_devices_are_found(folder: Path, name: str) -> None:
    """A folder's name is the device's, whatever letters are in it."""
    (folder / name).mkdir()
    (folder / name / "benign_traffic.csv").write_text("x")
    landing = discover(str(folder), PATTERNS)
    (found,) = (file for file in landing.files if file.source_file != "1.benign.csv")
    assert found.source_file == f"{name}/benign_traffic.csv"
    assert found.label is not None
    assert found.label.device == name


@pytest.mark.parametrize("name", ["device_info.csv", "data_summary.csv", "features.csv"])
def test_metadata_that_are_no_file_end_the_run(folder: Path, name: str) -> None:
    """A pipe or a broken link in the place of a metadata file is told, not passed over."""
    os.mkfifo(folder / name)
    with pytest.raises(
        InputError, match=f"{name} in the input folder cannot be read.*not a regular file"
    ):
        discover(str(folder), PATTERNS)


def test_a_file_that_went_while_listing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that is gone between the listing and the look at it is no file and no error."""
    real = os.scandir

    def scandir(path: str) -> AbstractContextManager[list[os.DirEntry[str]]]:
        with real(path) as children:
            found = list(children)
        (folder / "1.benign.csv").unlink()
        return nullcontext(found)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [*list_folder(fs.LocalFileSystem(), str(folder))] == []


def test_another_storage_is_listed_by_arrow(folder: Path) -> None:
    """Where the folder is not local, Arrow's listing gives files and what is none."""
    (folder / "3.benign.csv").mkdir()
    os.mkfifo(folder / "4.benign.csv")
    (folder / "a").mkdir()
    (folder / "a" / "benign_traffic.csv").write_text("xyz")
    remote = fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
    found = {entry.path: entry for entry in list_folder(remote, "")}
    assert {path: entry.fault for path, entry in found.items()} == {
        "1.benign.csv": None,
        "a/benign_traffic.csv": None,
        "3.benign.csv": ("not_a_file", "it is a folder"),
        "4.benign.csv": ("not_a_file", "it is not a regular file"),
    }
    local = {entry.path: entry for entry in list_folder(fs.LocalFileSystem(), str(folder))}
    assert found["a/benign_traffic.csv"] == local["a/benign_traffic.csv"]


def test_a_name_that_leads_out_is_refused(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A storage whose keys may hold ``..`` gives no file outside of the landing folder."""
    listed = [Entry("../a/benign_traffic.csv", 1, 1), Entry("x/../benign_traffic.csv", 1, 1)]
    monkeypatch.setattr("iotscore.landing.walk._walk", lambda *_, **__: listed)
    landing = discover(str(folder), PATTERNS)
    assert landing.files == []
    assert [reason for _, reason, _ in landing.unusable] == ["name_not_recognised"] * 2


def test_links_out_of_the_folder_are_refused(folder: Path) -> None:
    """Links to files and folders elsewhere, on any way, are told, and nothing of their targets."""
    far = folder.parent / "far"
    far.mkdir()
    (far / "benign_traffic.csv").write_text("secret")
    (far / "README").write_text("secret")
    (folder / "absolute").symlink_to(far)
    (folder / "relative").symlink_to("../far")
    (folder / "2.benign.csv").symlink_to("hop")
    (folder / "hop").symlink_to("../far/benign_traffic.csv")
    (folder / "3.benign.csv").symlink_to("../far/nothing")
    (folder / "4.benign.csv").symlink_to("1.benign.csv")
    (folder / "README").symlink_to(far / "README")
    (folder / "sub").mkdir()
    (folder / "sub" / "benign_traffic.csv").symlink_to("../../in/1.benign.csv")
    landing = discover(str(folder), PATTERNS)
    names = [file.source_file for file in landing.files]
    assert names == ["1.benign.csv", "4.benign.csv", "sub/benign_traffic.csv"]
    assert not any(file.leads_out for file in landing.files)
    refused = {file.source_file: reason for file, reason, _ in landing.unusable}
    wanted = ["2.benign.csv", "3.benign.csv", "absolute", "relative"]
    assert refused == dict.fromkeys(wanted, "link_outside")
    assert "secret" not in str(landing)
    assert set(landing.ignored) == {"README", "hop"}
    followed = discover(str(folder), PATTERNS, follow_links=True)
    leading = [file.source_file for file in followed.files if file.leads_out]
    assert leading[:2] == ["2.benign.csv", "absolute/benign_traffic.csv"]
    linked = folder.parent / "landing"
    linked.symlink_to(folder)
    assert discover(str(linked), PATTERNS).files == landing.files


@pytest.mark.parametrize("name", ["device_info.csv", "data_summary.csv", "features.csv"])
def test_metadata_that_lie_elsewhere_end_the_run(folder: Path, name: str) -> None:
    """A metadata file that is a link to another's file is not read, and nothing of it is told."""
    (folder.parent / "secret.csv").write_text("secret")
    (folder / name).symlink_to("../secret.csv")
    with pytest.raises(InputError, match=f"{name}.*leads out of the landing folder") as told:
        discover(str(folder), PATTERNS)
    assert "secret" not in str(told.value)


ARCHIVES = ["x.rar", "1.csv.gz", "A.ZIP", "b.7z", "c.bz2", "d.xz", "e.zst", "f.tar", "g.tgz"]
WAITING = ["x.zip.part", ".x.zip", "y.tmp", ".1.csv.gz.Ab12", "z.gz~", "w.filepart"]


def test_archives_are_told(folder: Path) -> None:
    """What was packed is refused by its name, or by its first bytes; other files are counted."""
    for name in [*ARCHIVES, *WAITING, "README.txt", "empty"]:
        (folder / name).write_bytes(b"" if name == "empty" else b"PK is plain text here")
    (folder / "sub").mkdir()
    (folder / "sub" / "dump").write_bytes(b"Rar!\x1a\x07\x01\x00 and more")
    (folder / "later.part").write_bytes(b"PK\x03\x04")
    landing = discover(str(folder), PATTERNS)
    refused = {file.source_file: reason for file, reason, _ in landing.unusable}
    assert refused == dict.fromkeys([*ARCHIVES, "sub/dump"], "compressed")
    assert set(landing.ignored) == {*WAITING, "README.txt", "empty", "later.part"}
    assert [file.source_file for file in landing.files] == ["1.benign.csv"]


def test_archives_in_another_storage_are_told(folder: Path) -> None:
    """By their names alone: each look into an object would be a request."""
    (folder / "2.benign.csv.gz").write_text("x")
    remote = fs.SubTreeFileSystem(str(folder), fs.LocalFileSystem())
    found = {entry.path: entry.fault for entry in list_folder(remote, "")}
    assert found == {"1.benign.csv": None, "2.benign.csv.gz": ("compressed", "by its name")}
