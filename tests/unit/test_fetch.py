"""Fetching the real data set, against a local stand-in for Kaggle."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from iotscore import fetch as fetching
from iotscore.errors import EnvironmentFaultError, InputError, ReconciliationError
from iotscore.features import SOURCE_FEATURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ATTACKS = {
    "gafgyt": ("combo", "junk", "scan", "tcp", "udp"),
    "mirai": ("ack", "scan", "syn", "udp", "udpplain"),
}
NAMES = [f"{device}.benign.csv" for device in range(1, 10)] + [
    f"{device}.{family}.{attack}.csv"
    for device in range(1, 10)
    for family, attacks in ATTACKS.items()
    for attack in attacks
    if family == "gafgyt" or device not in {3, 7}
]
N_ROWS = 3


@pytest.fixture
def kaggle(tmp_path: Path) -> Path:
    """Return a folder as Kaggle would deliver it: the files one level down, something extra."""
    folder = tmp_path / "cache" / "versions" / "1"
    folder.mkdir(parents=True)
    (folder / "data_summary.csv").write_text(
        "File Name, Data Count, Feature Count\r\n"
        + "".join(f"{name},{N_ROWS},{len(SOURCE_FEATURES)}\r\n" for name in NAMES),
        newline="",
    )
    (folder / "device_info.csv").write_text("DeviceID,DeviceName\r\n1,Doorbell\r\n", newline="")
    (folder / "features.csv").write_text("Feature Name,Feature Description\r\n", newline="")
    (folder / "demonstrate_structure.csv").write_text("header,only\n")
    for name in NAMES:
        # Without a line end at the end, as an editor or a cut-off tool would leave it.
        (folder / name).write_text("header\n" + "\n".join("1" for _ in range(N_ROWS)))
    return folder


def deliver(folder: Path) -> Callable[[str], str]:
    """Return a stand-in for ``kagglehub.dataset_download``."""

    def download(name: str) -> str:
        assert name == "mkashifn/nbaiot-dataset"
        return str(folder.parent.parent)

    return download


def refuse(_: str) -> str:
    """Stand in for a download that must not happen."""
    pytest.fail("downloaded although everything was there")


def test_the_flat_layout_of_92_files_arrives(kaggle: Path, tmp_path: Path) -> None:
    """All 89 traffic and 3 metadata files end up side by side, and nothing else."""
    out = tmp_path / "data"
    fetched = fetching.fetch(out, deliver(kaggle))
    assert (fetched.files, fetched.rows, fetched.is_new) == (89, 89 * N_ROWS, True)
    assert len(list(out.iterdir())) == 92
    assert not (out / "demonstrate_structure.csv").exists()


def test_a_second_fetch_downloads_nothing(kaggle: Path, tmp_path: Path) -> None:
    """A complete folder is recognised by its counts, so 8 GB are not fetched twice."""
    out = tmp_path / "data"
    fetching.fetch(out, deliver(kaggle))
    assert not fetching.fetch(out, refuse).is_new


def test_every_mismatch_is_listed(kaggle: Path, tmp_path: Path) -> None:
    """A missing and a cut-off file are both named, the latter with both counts."""
    (kaggle / "3.gafgyt.tcp.csv").unlink()
    (kaggle / "9.benign.csv").write_text("header\n1\n")
    with pytest.raises(ReconciliationError) as caught:
        fetching.fetch(tmp_path / "data", deliver(kaggle))
    assert "2 mismatches" in str(caught.value)
    assert "3.gafgyt.tcp.csv is missing" in str(caught.value)
    assert "9.benign.csv has 1 data rows, needed are 3" in str(caught.value)


def test_a_summary_that_lacks_files_is_a_mismatch(kaggle: Path, tmp_path: Path) -> None:
    """A summary cut short must not make half a data set pass for a whole one."""
    summary = kaggle / "data_summary.csv"
    summary.write_bytes(b"".join(summary.read_bytes().splitlines(keepends=True)[:50]))
    with pytest.raises(ReconciliationError, match="lists 49 traffic files, needed are 89"):
        fetching.fetch(tmp_path / "data", deliver(kaggle))


def test_a_delivery_without_summary_is_told(kaggle: Path, tmp_path: Path) -> None:
    """Something else than the data set is refused before anything is copied."""
    (kaggle / "data_summary.csv").unlink()
    with pytest.raises(ReconciliationError, match=r"holds no data_summary\.csv"):
        fetching.fetch(tmp_path / "data", deliver(kaggle))
    assert not (tmp_path / "data").exists()


def test_demo_data_and_real_data_are_never_mixed(tmp_path: Path) -> None:
    """A folder marked as synthetic is refused, because reports would call all of it synthetic."""
    (tmp_path / "SYNTHETIC.json").write_text("{}")
    with pytest.raises(InputError, match="synthetic demo data"):
        fetching.fetch(tmp_path, refuse)


def test_a_failed_download_is_one_clear_line(tmp_path: Path) -> None:
    """An error of the network becomes a line that says what to do instead."""

    def fail(_: str) -> str:
        message = "name resolution failed\nand a long story"
        raise ConnectionError(message)

    with pytest.raises(EnvironmentFaultError, match="name resolution failed") as caught:
        fetching.fetch(tmp_path / "data", fail)
    assert "\n" not in str(caught.value)


def test_a_disk_too_small_is_told_before_copying(
    kaggle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Space is checked first: half a copy of 8 GB helps nobody."""
    monkeypatch.setattr(fetching.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10}))
    with pytest.raises(EnvironmentFaultError, match="make room"):
        fetching.fetch(tmp_path / "data", deliver(kaggle))
    assert not list((tmp_path / "data").glob("*.csv"))


def test_without_kagglehub_the_command_to_type_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The optional dependency is named with its pip command, and the exit code is 2."""
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    assert fetching.main(["--out", str(tmp_path)]) == 2
    assert 'pip install "kagglehub' in capsys.readouterr().err


def test_the_command_prints_one_closing_line(
    kaggle: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Success is told in one line on standard output with rows and files."""
    monkeypatch.setattr(fetching, "_kagglehub", lambda: deliver(kaggle))
    assert fetching.main(["--out", str(tmp_path / "data")]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert "267 rows in 89 traffic files" in line


def test_line_counts_ignore_the_last_line_end(tmp_path: Path) -> None:
    """A file has the same number of records with and without a final line end; none if empty."""
    path = tmp_path / "a.csv"
    for content, rows in ((b"", 0), (b"h", 0), (b"h\n", 0), (b"h\n1", 1), (b"h\r\n1\r\n", 1)):
        path.write_bytes(content)
        assert fetching._data_rows(path) == rows
