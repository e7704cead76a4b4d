"""The folder: what is written, what goes, the message when it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from iotscore.cli.commands.report import main
from iotscore.errors import EnvironmentFaultError
from iotscore.report.folder import FILES, write_report
from iotscore.report.output_folder import prepare_folder

if TYPE_CHECKING:
    from pathlib import Path

    from iotscore.report.night import Night


def test_a_report_without_labels_leaves_no_claim_of_an_earlier_one(
    tmp_path: Path, unlabelled: Night
) -> None:
    """Pictures of an earlier report go, what is not a report's stays."""
    out = prepare_folder(str(tmp_path / "a" / "b"))
    for name in (*FILES, "mine"):
        (out / f"{name}.png").write_bytes(b"earlier")
    written = write_report(unlabelled, out)
    assert written == [out / "report.html", out / "dataset_composition.png"]
    assert {one.name for one in out.iterdir()} == {
        "report.html", "dataset_composition.png", "mine.png",
    }  # fmt: skip
    assert (out / "mine.png").read_bytes() == b"earlier"
    assert written[1].read_bytes().startswith(b"\x89PNG")
    assert written[0].stat().st_mode & 0o777 == 0o644


def test_a_folder_that_cannot_be_written_is_refused_before_spark_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line, exit code 2."""
    (tmp_path / "file").write_text("not a folder")
    out = str(tmp_path / "file" / "out")
    assert main(["--warehouse", str(tmp_path), "--out", out]) == 2
    (line,) = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"iotscore report: cannot write the report to {out}: ")


def test_a_report_is_local() -> None:
    """A URI is refused with what to do."""
    with pytest.raises(EnvironmentFaultError, match="name a local folder"):
        prepare_folder("s3://bucket/report")


def test_a_folder_that_is_lost_while_writing(tmp_path: Path, unlabelled: Night) -> None:
    """A fault that comes late has the same message."""
    with pytest.raises(EnvironmentFaultError, match="cannot write the report to"):
        write_report(unlabelled, tmp_path / "gone")
