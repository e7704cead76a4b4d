"""How a job went, in the two forms that collectors read, whether it went well or not."""

from __future__ import annotations

import json
import math
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from iotscore.cli.outcome import Outcome, metrics_text, summary_line
from iotscore.runs.run_log import DONE as STAGE_DONE
from iotscore.runs.run_log import FAILED, Stage
from job_outcomes import END, STAGES, START, samples, value

GOOD = Outcome("nightly", 0, None, START, END, "run-1", "default", STAGES[:2])
FAILING = Outcome("nightly", 2, "a fault", START, END, "run-1", "default", STAGES)


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
