"""Stages of a night, and metrics read as Prometheus does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from prometheus_client.parser import text_string_to_metric_families

from iotscore.runs.run_log import DONE as STAGE_DONE
from iotscore.runs.run_log import FAILED, Stage

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
