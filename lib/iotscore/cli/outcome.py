"""How a job went: a line of JSON for log collectors, and a text for Prometheus.

Both are made from what the stages reported, whether the job ended well or not.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Gauge, generate_latest

from iotscore import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from iotscore.runs.run_log import Stage

    Values = Mapping[tuple[str, ...], float]
    """Of a metric, by the values of its labels beside ``task``."""

_FILES: Final = ("found", "ingested", "refused", "still_refused", "ignored")
_ROWS: Final = ("accepted", "quarantined")
_LAST_SUCCESS: Final = "iotscore_job_last_success_timestamp_seconds"


@dataclass(frozen=True)
class Outcome:
    """How a job went.

    Attributes
    ----------
    error
        Why the exit code is not 0, in one line without secrets; None if it is.
    started_at, ended_at
        UTC.
    run_id, profile
        Of the table ``runs``; None if it did not get that far.
    stages
        Those that began, in order.
    """

    job: str
    exit_code: int
    error: str | None
    started_at: datetime
    ended_at: datetime
    run_id: str | None = None
    profile: str | None = None
    stages: Sequence[Stage] = ()

    @property
    def seconds(self) -> float:
        """From start to end."""
        return (self.ended_at - self.started_at).total_seconds()


def summary_line(outcome: Outcome) -> str:
    """Return one line of JSON, without a line end; times are UTC, durations seconds."""
    return json.dumps(
        {
            "job": outcome.job,
            "exit_code": outcome.exit_code,
            "error": outcome.error,
            "started_at": outcome.started_at.isoformat(timespec="seconds"),
            "ended_at": outcome.ended_at.isoformat(timespec="seconds"),
            "seconds": round(outcome.seconds, 3),
            "run_id": outcome.run_id,
            "profile": outcome.profile,
            "code_version": __version__,
            **_reported(outcome.stages),
            "stages": [
                {
                    "stage": stage.name,
                    "status": stage.status,
                    "rows": stage.rows,
                    "seconds": round(stage.seconds, 3),
                }
                for stage in outcome.stages
            ],
        }
    )


def _reported(stages: Sequence[Stage]) -> dict[str, Any]:
    """Return what the stages reported; of one that did not end, None or nothing."""
    details = {stage.name: stage.details for stage in stages}
    ingest, score, monitor = (details.get(name, {}) for name in ("ingest", "score", "monitor"))
    benign_check = details.get("train", {}).get("benign_check") or {}
    scored = [("scored", stage.rows) for stage in stages if stage.name == "score"]
    return {
        "model_version": score.get("model_version"),
        "files": _counts(ingest, "files", _FILES),
        "rows": _counts(ingest, "rows", _ROWS) | dict(scored),
        "flagged_records": score.get("flagged"),
        "alerts": score.get("flagged"),  # its earlier name, for one more version
        "incidents": monitor.get("incidents"),
        "alerts_raised": monitor.get("alerts", {}),
        "undelivered": monitor.get("undelivered"),
        "suspicious_files": benign_check.get("suspicious_files"),
    }


def _counts(details: Mapping[str, Any], what: str, names: Sequence[str]) -> dict[str, int]:
    """Return those counts that a stage reported as ``<what>_<name>``."""
    counts = {name: details.get(f"{what}_{name}") for name in names}
    return {name: count for name, count in counts.items() if count is not None}


def metrics_text(outcome: Outcome, earlier: str) -> str:
    """Return what node_exporter's textfile collector reads.

    A failed run takes over when the last good one ended from the text of the ``earlier`` run, which
    is empty if there was none.
    """
    registry = CollectorRegistry()
    reported = _reported(outcome.stages)
    success = outcome.ended_at.timestamp() if outcome.exit_code == 0 else _success_of(earlier)

    def add(name: str, text: str, values: Values, *labels: str) -> None:
        gauge = Gauge(name, text, ("task", *labels), registry=registry)
        for value_of, value in values.items():
            gauge.labels(outcome.job, *value_of).set(value)

    def add_one(name: str, text: str, value: float | None) -> None:
        add(f"iotscore_job_{name}", text, {} if value is None else {(): value})

    def add_counts(name: str, text: str, counts: Mapping[str, int], label: str) -> None:
        add(f"iotscore_job_{name}", text, {(key,): count for key, count in counts.items()}, label)

    add_one("exit_code", "Exit code of the last run.", outcome.exit_code)
    add_one("start_timestamp_seconds", "When the last run started.", outcome.started_at.timestamp())
    add_one("end_timestamp_seconds", "When the last run ended.", outcome.ended_at.timestamp())
    add_one("duration_seconds", "How long the last run took.", outcome.seconds)
    add_one("last_success_timestamp_seconds", "When the last good run ended.", success)
    flagged = reported["flagged_records"]
    add_one("flagged_records", "Records of the last run that the hybrid score flags.", flagged)
    add_one("alerts", "Earlier name of iotscore_job_flagged_records.", flagged)
    add_one("incidents", "New incidents of the last run.", reported["incidents"])
    raised = reported["alerts_raised"]
    add_counts("alerts_raised", "Alerts that the last run raised.", raised, "severity")
    add_counts("rows", "Records of the last run.", reported["rows"], "what")
    add_counts("files", "Files of the last run.", reported["files"], "what")
    seconds: Values = {(one.name, one.status): one.seconds for one in outcome.stages}
    text = "How long a stage of the last run took."
    add("iotscore_stage_duration_seconds", text, seconds, "stage", "status")
    return generate_latest(registry).decode()


def _success_of(earlier: str) -> float | None:
    match = re.search(rf"^{_LAST_SUCCESS}\{{[^}}]*\}} (\S+)$", earlier, re.MULTILINE)
    return None if match is None else float(match[1])
