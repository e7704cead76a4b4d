"""What a job tells collectors when it ends."""

from __future__ import annotations

import argparse
import json
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from iotscore.cli.job import guarded, run_job
from iotscore.cli.recorder import Recorder, add_outcome
from iotscore.errors import InputError
from iotscore.exit_codes import BUG, DONE, USER_FAULT
from job_outcomes import STAGES, value

if TYPE_CHECKING:
    from iotscore.runs.run_log import RunLog, Stage

ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Run:
    """What a recorder follows."""

    run_id: str = "run-1"
    stages: tuple[Stage, ...] = STAGES[:2]


@pytest.fixture
def arguments(tmp_path: Path) -> argparse.Namespace:
    """Return arguments that want both told."""
    parser = argparse.ArgumentParser()
    add_outcome(parser)
    files = {"--summary-json": tmp_path / "s.jsonl", "--metrics-file": tmp_path / "m.prom"}
    return parser.parse_args([str(word) for pair in files.items() for word in pair])


def test_each_run_adds_a_line_and_replaces_the_metrics(
    arguments: argparse.Namespace, tmp_path: Path
) -> None:
    """Nothing but the two files stays, and a collector of another account may read them."""
    for code in (2, 0):
        recorder = Recorder("nightly", arguments)
        recorder.follow(cast("RunLog", Run()))
        recorder.write(code)
    lines = (tmp_path / "s.jsonl").read_text().splitlines()
    assert [json.loads(line)["exit_code"] for line in lines] == [2, 0]
    assert json.loads(lines[0])["flagged_records"] == 4
    assert value((tmp_path / "m.prom").read_text(), "job_exit_code") == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["m.prom", "s.jsonl"]
    assert stat.S_IMODE((tmp_path / "m.prom").stat().st_mode) == 0o644


def test_a_fault_before_spark_starts_is_told(
    arguments: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A landing folder that is not there: exit code 2 and the reason, in one line."""
    monkeypatch.setenv("IOTSCORE_HOME", str(ROOT))
    missing = tmp_path / "missing"
    vars(arguments).update(
        profile="default", config=[], assignments=[], input=str(missing), warehouse="/nonexistent"
    )
    assert run_job("nightly", arguments, lambda _: None) == USER_FAULT
    told = json.loads((tmp_path / "s.jsonl").read_text())
    assert told["exit_code"] == USER_FAULT
    assert f"'{missing}' does not exist" in told["error"]
    assert told["run_id"] is None
    text = (tmp_path / "m.prom").read_text()
    assert value(text, "job_exit_code") == USER_FAULT
    assert value(text, "job_flagged_records") is None


def test_a_secret_in_an_error_is_masked(arguments: argparse.Namespace) -> None:
    """Log collectors keep lines for long."""

    def fail() -> None:
        raise InputError("cannot open s3a://AKIAEXAMPLE:swordfish/1@bucket/landing\nat all")

    recorder = Recorder("nightly", arguments)
    assert guarded("nightly", fail, recorder.note) == USER_FAULT
    recorder.write(USER_FAULT)
    line = Path(arguments.summary_json).read_text()
    assert "swordfish" not in line
    assert json.loads(line)["error"] == r"cannot open s3a://***@bucket/landing\nat all"


@pytest.mark.parametrize("option", ["summary_json", "metrics_file"])
def test_a_place_that_cannot_be_written_is_the_users_fault(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is named, with what the job itself came to."""
    place = tmp_path / "missing" / "file"
    path = str(place) if option == "summary_json" else place
    recorder = Recorder("nightly", argparse.Namespace(**{option: path}))
    assert guarded("nightly", lambda: recorder.write(DONE)) == USER_FAULT
    assert "ended with 0" in capsys.readouterr().err


def test_standard_output_can_have_the_line(capsys: pytest.CaptureFixture[str]) -> None:
    """As the last line, after what the job prints."""
    recorder = Recorder("nightly", argparse.Namespace(summary_json="-"))
    recorder.write(BUG)
    assert json.loads(capsys.readouterr().out)["exit_code"] == BUG


def test_nobody_asks_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    """Other jobs have no such arguments."""
    recorder = Recorder("score", argparse.Namespace())
    recorder.write(DONE)
    assert capsys.readouterr().out == ""
