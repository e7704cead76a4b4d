"""How a job went: a line of JSON for log collectors, and a text for Prometheus.

Both are made from what the stages reported, whether the job ended well or not.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
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
    job
        Its name.
    exit_code
        What the scheduler sees.
    error
        Why it is not 0, in one line without secrets; None if it is.
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
    stages: Sequence[Stage] = field(default=())

    @property
    def seconds(self) -> float:
        """From start to end."""
        return (self.ended_at - self.started_at).total_seconds()

    def counts(self, stage: str, names: Sequence[str], prefix: str) -> dict[str, int]:
        """Return those counts that a stage reported as ``<prefix>_<name>``."""
        details = self._details(stage)
        counts = {name: details.get(f"{prefix}_{name}") for name in names}
        return {name: count for name, count in counts.items() if count is not None}

    @property
    def files(self) -> dict[str, int]:
        """Files that ingest found, ingested and refused; empty if it did not get that far."""
        return self.counts("ingest", _FILES, "files")

    @property
    def rows(self) -> dict[str, int]:
        """Records accepted, lines quarantined, and records scored."""
        scored = [("scored", stage.rows) for stage in self.stages if stage.name == "score"]
        return {**self.counts("ingest", _ROWS, "rows"), **dict(scored)}

    @property
    def flagged(self) -> int | None:
        """Records of this run that the hybrid score flags; None if scoring did not end."""
        return self._details("score").get("flagged")

    @property
    def incidents(self) -> int | None:
        """Incidents of this run that people were notified of; None if monitoring did not end."""
        return self._details("monitor").get("incidents")

    @property
    def raised(self) -> dict[str, int]:
        """Alerts that this run raised, by severity; empty if monitoring did not end."""
        raised: dict[str, int] = self._details("monitor").get("alerts", {})
        return raised

    @property
    def undelivered(self) -> list[str] | None:
        """Why alerts could not be delivered; None if monitoring did not end."""
        return self._details("monitor").get("undelivered")

    @property
    def suspicious_files(self) -> list[dict[str, Any]] | None:
        """Benign files that training warned of; None if it did not end, or was not due."""
        check = self._details("train").get("benign_check")
        return None if check is None else check["suspicious_files"]

    @property
    def model_version(self) -> str | None:
        """The model that scored."""
        return self._details("score").get("model_version")

    def _details(self, name: str) -> dict[str, Any]:
        return next((stage.details for stage in self.stages if stage.name == name), {})


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
            "model_version": outcome.model_version,
            "files": outcome.files,
            "rows": outcome.rows,
            "flagged_records": outcome.flagged,
            "alerts": outcome.flagged,  # its earlier name, for one more version
            "incidents": outcome.incidents,
            "alerts_raised": outcome.raised,
            "undelivered": outcome.undelivered,
            "suspicious_files": outcome.suspicious_files,
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


def metrics_text(outcome: Outcome, earlier: str) -> str:
    """Return what node_exporter's textfile collector reads.

    Parameters
    ----------
    outcome
        How the job went.
    earlier
        The text of the run before, from which a failed run takes over when the last good one
        ended; empty if there was none.
    """
    registry = CollectorRegistry()
    success = outcome.ended_at.timestamp() if outcome.exit_code == 0 else _success_of(earlier)

    def add(name: str, text: str, values: Values, *labels: str) -> None:
        gauge = Gauge(name, text, ("task", *labels), registry=registry)
        for value_of, value in values.items():
            gauge.labels(outcome.job, *value_of).set(value)

    def add_one(name: str, text: str, value: float | None) -> None:
        add(f"iotscore_job_{name}", text, {} if value is None else {(): value})

    add_one("exit_code", "Exit code of the last run.", outcome.exit_code)
    add_one("start_timestamp_seconds", "When the last run started.", outcome.started_at.timestamp())
    add_one("end_timestamp_seconds", "When the last run ended.", outcome.ended_at.timestamp())
    add_one("duration_seconds", "How long the last run took.", outcome.seconds)
    add_one("last_success_timestamp_seconds", "When the last good run ended.", success)
    flagged = "Records of the last run that the hybrid score flags."
    add_one("flagged_records", flagged, outcome.flagged)
    add_one("alerts", "Earlier name of iotscore_job_flagged_records.", outcome.flagged)
    add_one("incidents", "New incidents of the last run.", outcome.incidents)
    raised: Values = {(severity,): count for severity, count in outcome.raised.items()}
    add("iotscore_job_alerts_raised", "Alerts that the last run raised.", raised, "severity")
    rows: Values = {(what,): count for what, count in outcome.rows.items()}
    add("iotscore_job_rows", "Records of the last run.", rows, "what")
    files: Values = {(what,): count for what, count in outcome.files.items()}
    add("iotscore_job_files", "Files of the last run.", files, "what")
    seconds: Values = {(one.name, one.status): one.seconds for one in outcome.stages}
    text = "How long a stage of the last run took."
    add("iotscore_stage_duration_seconds", text, seconds, "stage", "status")
    return generate_latest(registry).decode()


def _success_of(earlier: str) -> float | None:
    match = re.search(rf"^{_LAST_SUCCESS}\{{[^}}]*\}} (\S+)$", earlier, re.MULTILINE)
    return None if match is None else float(match[1])
