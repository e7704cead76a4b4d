"""What lies in a landing folder."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from iotscore.errors import InputError
from iotscore.landing import folder as discovering
from iotscore.landing.event_days import screened
from iotscore.landing.folder import discover, file_id_of
from iotscore.landing.walk import Entry

if TYPE_CHECKING:
    from pathlib import Path

PATTERNS = (
    r"(?P<device_id>\d)\.(?P<family>benign|gafgyt)(?:\.(?P<attack>[a-z]+))?\.csv",
    r"(?P<device>[^/]+)/(?P<family>gafgyt)_attacks/(?P<attack>[a-z]+)\.csv",
)


def put(folder: Path, *names: str) -> None:
    """Make files that hold their own names."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name, encoding="utf-8")


def found(folder: str) -> list[str]:
    """Return the paths that a discovery lists."""
    return [file.source_file for file in discover(folder, PATTERNS).files]


def test_flat_and_nested_layouts(tmp_path: Path) -> None:
    """Both layouts are found, in order, with their labels; what no pattern fits has none."""
    put(tmp_path, "3.gafgyt.tcp.csv", "Ennio_Doorbell/gafgyt_attacks/tcp.csv", "notes.csv")
    (tmp_path / "device_info.csv").write_text("DeviceID,DeviceName\r\n3,Ennio_Doorbell\r\n")
    landing = discover(str(tmp_path), PATTERNS)
    flat, nested, other = landing.files
    assert [file.source_file for file in landing.files] == [
        "3.gafgyt.tcp.csv",
        "Ennio_Doorbell/gafgyt_attacks/tcp.csv",
        "notes.csv",
    ]
    assert flat.label == nested.label
    assert flat.label is not None
    assert (flat.label.device_id, flat.label.device) == (3, "Ennio_Doorbell")
    assert other.label is None
    assert not landing.is_synthetic


def test_only_csv_files_count(tmp_path: Path) -> None:
    """Other endings are passed over; the ending's case does not matter."""
    put(tmp_path, "a.txt", "b.csv.gz", "c.CSV", "d.csv~", "README", "SYNTHETIC.json")
    landing = discover(str(tmp_path), PATTERNS)
    assert [file.source_file for file in landing.files] == ["c.CSV"]
    assert landing.is_synthetic


def test_metadata_are_no_traffic_and_give_expectations(tmp_path: Path) -> None:
    """The metadata files beside the traffic are read; one of the same name deeper down is not."""
    put(tmp_path, "1.benign.csv", "2.benign.csv", "deeper/device_info.csv")
    summary = "File Name, Data Count, Feature Count\r\n1.benign.csv,17,115\r\n"
    (tmp_path / "data_summary.csv").write_text(summary, newline="")
    landing = discover(str(tmp_path), PATTERNS)
    expected = {file.source_file: file.rows_expected for file in landing.files}
    assert expected == {"1.benign.csv": 17, "2.benign.csv": None, "deeper/device_info.csv": None}


def test_a_marker_deeper_down_marks_nothing(tmp_path: Path) -> None:
    """Only the marker beside the files calls the folder synthetic."""
    put(tmp_path, "1.benign.csv", "old/SYNTHETIC.json")
    assert not discover(str(tmp_path), PATTERNS).is_synthetic


@pytest.mark.parametrize(
    "name",
    ["a b.csv", 'it\'s "1".csv', "Gerät ümlaut 电.csv", "100%25.csv", "#h?x&y.csv", "a\\b.csv"],
)
@pytest.mark.parametrize("parent", ["", "plain", "a b%20 'é#"])
def test_odd_names_are_found(tmp_path: Path, parent: str, name: str) -> None:
    """Spaces, quotes, percent signs and letters of any script are kept as they are."""
    put(tmp_path, f"{parent}/{name}".lstrip("/"))
    (file,) = discover(str(tmp_path), PATTERNS).files
    assert file.source_file == f"{parent}/{name}".lstrip("/")
    assert (tmp_path / file.source_file).stat().st_size == file.size


@pytest.mark.parametrize("parent", ["land", "a b%20c", "é#?x"])
def test_a_folder_can_be_given_in_several_ways(tmp_path: Path, parent: str) -> None:
    """A slash at the end, dots in the path and a URI give the same paths, so the same ids."""
    folder = tmp_path / parent
    put(folder, "x/1.benign.csv")
    for spelling in (f"{folder}", f"{folder}/", f"{folder}//", f"{folder}/../{parent}"):
        assert found(spelling) == ["x/1.benign.csv"], spelling
    assert found(folder.as_uri()) == ["x/1.benign.csv"]


def test_a_folder_named_like_a_file_is_walked(tmp_path: Path) -> None:
    """A folder x.csv is a folder: what lies in it is found, itself it is no file."""
    put(tmp_path, "x.csv/1.benign.csv")
    (tmp_path / "empty.csv").mkdir()
    assert found(str(tmp_path)) == ["x.csv/1.benign.csv"]


def test_links_are_followed(tmp_path: Path) -> None:
    """Where links are followed, they count as what they lead to; a link to nowhere is no file."""
    put(tmp_path, "elsewhere/1.benign.csv")
    (tmp_path / "landing").mkdir()
    (tmp_path / "landing" / "dead.csv").symlink_to(tmp_path / "nowhere")
    (tmp_path / "landing" / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "landing" / "2.benign.csv").symlink_to(tmp_path / "elsewhere" / "1.benign.csv")
    landing = discover(str(tmp_path / "landing"), PATTERNS, follow_links=True)
    names = [file.source_file for file in landing.files]
    assert names == ["2.benign.csv", "linked/1.benign.csv"]


def test_a_folder_without_files_gives_none(tmp_path: Path) -> None:
    """An empty folder is no fault here; the stage decides."""
    assert found(str(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "told"), [("missing", "does not exist"), ("a file.csv", "is not a folder")]
)
def test_what_is_no_folder_is_told(tmp_path: Path, name: str, told: str) -> None:
    """A missing folder, or a file in its place, is the user's fault; the message names it."""
    put(tmp_path, "a file.csv")
    with pytest.raises(InputError, match=told) as caught:
        discover(str(tmp_path / name), PATTERNS)
    assert str(tmp_path / name) in str(caught.value)


@pytest.mark.parametrize("folder", ["", "relative/folder", "nosuch://bucket/folder", "s 3://x"])
def test_what_is_no_path_is_told(folder: str) -> None:
    """A path that no file system takes is the user's fault; the message names it."""
    with pytest.raises(InputError, match="cannot open the input folder") as caught:
        discover(folder, PATTERNS)
    assert repr(folder) in str(caught.value)


def test_a_name_that_is_no_text_is_refused(tmp_path: Path) -> None:
    """A file name that is no UTF-8 is refused with its bytes shown; the other files are found."""
    put(tmp_path, "1.benign.csv")
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.csv")).touch()
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    landing = discover(str(tmp_path), PATTERNS)
    assert [file.source_file for file in landing.files] == ["1.benign.csv"]
    ((file, reason, detail),) = landing.unusable
    assert (file.source_file, reason) == (r"caf\xe9.csv", "name_not_text")
    assert detail == r"the name is b'caf\xe9.csv'; rename it"


def test_an_unreadable_folder_is_told(tmp_path: Path) -> None:
    """A folder inside that nobody may list is the user's fault, not a traceback."""
    (tmp_path / "closed").mkdir(mode=0o000)
    if os.access(tmp_path / "closed", os.R_OK):
        pytest.skip("this user may read everything")
    with pytest.raises(InputError, match="check who may read it"):
        discover(str(tmp_path), PATTERNS)


def test_file_ids_never_change() -> None:
    """Ids are in every table already written: these values must stay."""
    assert file_id_of("3.gafgyt.tcp.csv") == "37e7b174604944ef"
    assert file_id_of("Ennio_Doorbell/gafgyt_attacks/tcp.csv") == "a17a95624aecb711"
    assert file_id_of("Gerät.csv") == "435b97d885cf72fa"


def test_the_time_of_change_is_exact_to_the_microsecond(tmp_path: Path) -> None:
    """The ledger compares times for equality, so they must not drift."""
    put(tmp_path, "1.benign.csv")
    os.utime(tmp_path / "1.benign.csv", ns=(0, 1_763_769_600_123_456_789))
    (file,) = discover(str(tmp_path), PATTERNS).files
    assert file.modified_at == datetime(2025, 11, 22, 0, 0, 0, 123456, tzinfo=UTC)


@pytest.mark.parametrize("year", [-30_000, 1500, 2300, 30_828])
def test_a_time_that_no_table_keeps_refuses_one_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, year: int
) -> None:
    """A time of change of a broken clock costs its file, and no other."""
    seconds = (year - 1970) * 31_556_952
    listed = [Entry("1.benign.csv", 1, 1), Entry("2.benign.csv", 1, seconds * 10**9)]
    monkeypatch.setattr(discovering, "list_folder", lambda *_, **__: listed)
    landing = discover(str(tmp_path), PATTERNS)
    assert [file.source_file for file in landing.files] == ["1.benign.csv"]
    ((file, reason, detail),) = landing.unusable
    assert (file.source_file, reason) == ("2.benign.csv", "time_out_of_range")
    assert str(seconds) in detail
    assert 1677 <= file.modified_at.year <= 2262


@pytest.mark.parametrize("seconds", [-1, -2_000_000_000, 0, 2**33])
def test_a_time_before_1970_is_a_time(tmp_path: Path, seconds: int) -> None:
    """Other odd times are kept as they are."""
    put(tmp_path, "1.benign.csv")
    os.utime(tmp_path / "1.benign.csv", (seconds, seconds))
    if (tmp_path / "1.benign.csv").stat().st_mtime != seconds:
        pytest.skip("this file system keeps no such time")
    (file,) = discover(str(tmp_path), PATTERNS).files
    assert file.modified_at == datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)


@pytest.mark.parametrize("name", ["device_info.csv", "data_summary.csv", "features.csv"])
def test_metadata_beyond_reason_end_the_run(tmp_path: Path, name: str) -> None:
    """A gigabyte in the place of a metadata file is told, not read into memory."""
    put(tmp_path, "1.benign.csv")
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 30)
    with pytest.raises(InputError, match=rf"{name}.*more than 16,777,216 bytes \(1,073,741,824\)"):
        discover(str(tmp_path), PATTERNS)


def test_capital_endings_of_metadata_count(tmp_path: Path) -> None:
    """``.CSV`` is an ending of traffic and metadata files; beside both, ``.csv`` is the one."""
    put(tmp_path, "3.benign.CSV")
    (tmp_path / "device_info.CSV").write_text("DeviceID,DeviceName\n3,Bell\n")
    (file,) = discover(str(tmp_path), PATTERNS).files
    assert file.label is not None
    assert (file.source_file, file.label.device) == ("3.benign.CSV", "Bell")
    (tmp_path / "device_info.csv").write_text("DeviceID,DeviceName\n3,Door\n")
    file, other = discover(str(tmp_path), PATTERNS).files
    assert file.label is not None
    assert file.label.device == "Door"
    assert (other.source_file, other.label) == ("device_info.CSV", None)


def test_misdated_and_oversized_files_are_not_opened(tmp_path: Path) -> None:
    """A day after tomorrow, and more bytes than allowed, refuse a file; the limits are allowed."""
    for day in ("2026-11-20", "2026-11-21", "2099-01-01"):
        put(tmp_path, f"1.{day}.csv")
    (tmp_path / "2.2026-11-20.csv").write_bytes(b"x" * 100)
    pattern = r"(?P<device_id>\d)\.(?P<event_day>[\d-]+)\.csv"
    landing = screened(discover(str(tmp_path), [pattern]), date(2026, 11, 20), 16)
    assert [file.source_file for file in landing.files] == ["1.2026-11-20.csv"]
    assert {file.source_file: reason for file, reason, _ in landing.unusable} == {
        "1.2026-11-21.csv": "future_day",
        "1.2099-01-01.csv": "future_day",
        "2.2026-11-20.csv": "too_large",
    }


def test_the_real_sample_has_89_files(nbaiot: Path) -> None:
    """All of the data set's files are named, labelled and expected to hold 400 rows."""
    patterns = [r"(?P<device_id>\d)\.(?P<family>benign|gafgyt|mirai)(?:\.(?P<attack>[a-z]+))?\.csv"]
    landing = discover(str((nbaiot / "sample").resolve()), patterns)
    assert len(landing.files) == 89
    assert {file.rows_expected for file in landing.files} == {400}
    assert sum(file.label is not None and file.label.label == 0 for file in landing.files) == 9
    assert len({file.file_id for file in landing.files}) == 89
