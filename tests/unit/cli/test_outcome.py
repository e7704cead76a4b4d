"""How a job went: what collectors are told, whether it went well or not."""

from __future__ import annotations

import argparse
import json
import math
import stat
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from iotscore.cli.job import guarded, run_job
from iotscore.cli.outcome import Outcome, metrics_text, summary_line
from iotscore.cli.recorder import Recorder, add_outcome
from iotscore.errors import InputError
from iotscore.exit_codes import BUG, DONE, USER_FAULT
from iotscore.runs.run_log import DONE as STAGE_DONE
from iotscore.runs.run_log import FAILED, Stage

if TYPE_CHECKING:
    from iotscore.runs.run_log import RunLog

ROOT = Path(__file__).resolve().parents[3]
START = datetime(2026, 11, 24, 2, 30, tzinfo=UTC)
END = START + timedelta(seconds=90)
STAGES = (
    Stage(
        "ingest",
        status=STAGE_DONE,
        rows=12,
        seconds=4.25,
        details={
            "files_found": 3,
            "files_ingested": 2,
            "files_refused": 1,
            "files_still_refused": 4,
            "files_ignored": 5,
            "rows_accepted": 10,
            "rows_quarantined": 2,
        },
    ),
    Stage(
        "score",
        status=STAGE_DONE,
        rows=10,
        seconds=2.0,
        details={"model_version": "abc", "flagged": 4},
    ),
    Stage("evaluate", status=FAILED, seconds=0.5),
)
GOOD = Outcome("nightly", 0, None, START, END, "run-1", "default", STAGES[:2])
FAILING = Outcome("nightly", 2, "a fault", START, END, "run-1", "default", STAGES)

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(text: str) -> Samples:
    """Read metrics as Prometheus does: values by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def value(text: str, name: str, **labels: str) -> float | None:
    """Return one value, None if it is not there."""
    wanted = {"task": "nightly", **labels}
    return samples(text).get((f"iotscore_{name}", tuple(sorted(wanted.items()))))


def test_the_line_holds_what_the_stages_reported() -> None:
    """Counts, stages and times, one object on one line."""
    line = summary_line(FAILING)
    assert "\n" not in line
    told = json.loads(line)
    assert told["exit_code"] == 2
    assert told["error"] == "a fault"
    assert told["started_at"] == "2026-11-24T02:30:00+00:00"
    assert told["seconds"] == 90.0
    counts = {"found": 3, "ingested": 2, "refused": 1, "still_refused": 4, "ignored": 5}
    assert told["files"] == counts
    assert told["rows"] == {"accepted": 10, "quarantined": 2, "scored": 10}
    assert (told["flagged_records"], told["model_version"]) == (4, "abc")
    assert told["alerts"] == 4, "the earlier name"
    assert [(one["stage"], one["status"]) for one in told["stages"]] == [
        ("ingest", "done"),
        ("score", "done"),
        ("evaluate", "failed"),
    ]


def test_the_line_names_suspicious_files() -> None:
    """What training warned of is told; nothing found is not the same as not trained."""
    assert json.loads(summary_line(GOOD))["suspicious_files"] is None
    for found in ([], [{"source_file": "3.benign.csv", "share": 0.12}]):
        stage = Stage("train", status=STAGE_DONE)
        stage.details = {"benign_check": {"suspicious_files": found}}
        outcome = Outcome("nightly", 0, None, START, END, stages=[stage])
        assert json.loads(summary_line(outcome))["suspicious_files"] == found


def test_prometheus_reads_the_metrics() -> None:
    """Its own parser finds the same figures."""
    text = metrics_text(FAILING, "")
    assert value(text, "job_exit_code") == 2
    assert value(text, "job_flagged_records") == 4
    assert value(text, "job_alerts") == 4, "the earlier name"
    assert value(text, "job_duration_seconds") == 90.0
    assert value(text, "job_end_timestamp_seconds") == END.timestamp()
    assert value(text, "job_rows", what="quarantined") == 2
    assert value(text, "job_files", what="refused") == 1
    assert value(text, "stage_duration_seconds", stage="ingest", status="done") == 4.25
    assert value(text, "stage_duration_seconds", stage="evaluate", status="failed") == 0.5


def test_a_failure_keeps_the_time_of_the_last_good_run() -> None:
    """However many failures follow; without a good run there is no such time."""
    name = "job_last_success_timestamp_seconds"
    assert value(metrics_text(FAILING, ""), name) is None
    text = metrics_text(GOOD, "")
    for _ in range(2):
        assert value(text, name) == END.timestamp()
        text = metrics_text(FAILING, text)
    later = Outcome("nightly", 0, None, END, END + timedelta(days=1))
    assert value(metrics_text(later, text), name) == later.ended_at.timestamp()


@given(st.text(), st.text(), st.floats(0, 1e6))
def test_any_name_and_error_survive_both_forms(name: str, error: str, seconds: float) -> None:
    """Quotes, line ends and the like are escaped as each form wants it."""
    outcome = Outcome(
        name, 1, error, START, END, stages=[Stage("score", status=FAILED, seconds=seconds)]
    )
    told = json.loads(summary_line(outcome))
    assert (told["job"], told["error"]) == (name, error)
    labels = {"task": name, "stage": "score", "status": "failed"}
    key = ("iotscore_stage_duration_seconds", tuple(sorted(labels.items())))
    assert math.isclose(samples(metrics_text(outcome, ""))[key], seconds)


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
