"""Three made-up nights of two devices and two models, as rows of tables."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

MOMENT = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
CAMERA = {"device_id": None, "device": "Camera"}
BELL = {"device_id": 1, "device": "Bell"}


def scored(
    device: dict[str, Any], day: int, flags: list[bool], model: str = "new"
) -> list[dict[str, Any]]:
    """Return rows of ``scores``: a device's records of one night, each later one scored higher."""
    return [
        {
            **device,
            "file_id": f"{device['device']}{day}",
            "source_file": f"{device['device']}{day}.csv",
            "row_no": row_no,
            "event_day": date(2025, 12, 31) + timedelta(days=day),
            "is_anomaly": flag,
            "hybrid_score": 10.0 * day + row_no,
            "severity": 20.0 + row_no,
            "model_version": model,
        }
        for row_no, flag in enumerate(flags, 1)
    ]


def binned(
    model: str, file_id: str, label: int | None, counts: dict[int, int]
) -> list[dict[str, Any]]:
    """Return rows of ``score_histogram``: records by bin, flagged from bin 5 on."""
    return [
        {
            "model_version": model,
            "file_id": file_id,
            "label": label,
            "split": "test",
            "detector": "hybrid",
            "bin": number,
            "flag": number >= 5,
            "rows": rows,
        }
        for number, rows in counts.items()
    ]


BENIGN = {"old": {1: 6, 4: 2, 6: 2}, "new": {1: 9, 3: 0, 5: 1}}
ATTACKS = {"old": {4: 1, 6: 3}, "new": {1: 1, 8: 3}}


TOP = [
    {"feature": name, "contribution": 1.0 / rank, "value": 7.0, "low": 1.0, "high": 2.0}
    for rank, name in enumerate(("a", "b"), 1)
]
EXPLAINED = {**scored(BELL, 3, [True] * 2)[1], "sentence": "because", "top": TOP}
del EXPLAINED["is_anomaly"]
REFUSED_LINE = {"file_id": "g", "source_file": "g.csv", "reason": "nul_bytes", "run_id": "1"}
REFUSED_FILE = {"file_id": "f", "source_file": "f.csv", "reason": "nul_bytes"}
STARTED = {"stage": "score", "run_id": "1", "started_at": MOMENT}

ROWS: dict[str, list[dict[str, Any]]] = {
    "models": [
        {"model_version": name, "manifest": '{"normalisation": "tail"}', "created_at": MOMENT}
        for name in BENIGN
    ],
    "model_aliases": [
        {"alias": "champion", "model_version": name, "promoted_at": MOMENT + timedelta(days=day)}
        for day, name in enumerate(BENIGN)
    ],
    "scores": [
        *scored(BELL, 1, [False, False, False, True]),
        *scored(BELL, 2, [False, True]),
        *scored(BELL, 3, [True, True, True, False]),
        *scored(CAMERA, 3, [False, True]),
        *scored(CAMERA, 1, [True, True], model="old"),
        *scored(BELL, 4, [True], model="old"),
        {**scored(BELL, 0, [False])[0], "event_day": date(2099, 1, 1)},
    ],
    "explanations": [
        EXPLAINED,
        {**EXPLAINED, "row_no": 1, "hybrid_score": 31.0, "sentence": "less"},
        {**EXPLAINED, "model_version": "old"},
    ],
    "incidents": [
        {"event_day": date(2026, 1, 3), "model_version": "new", **CAMERA, "incident_id": name}
        for name in ("x", "y")
    ],
    "score_histogram": [
        row
        for model in BENIGN
        for file_id, label, counts in (
            ("benign", 0, BENIGN[model]),
            ("attacks", 1, ATTACKS[model]),
            ("night", None, {7: 5}),
            (f"only {model}", 1, {9: 1000}),
        )
        for row in binned(model, file_id, label, counts)
    ],
    "metrics": [
        {"scope": "all", "detector": "hybrid", "uses_labels": False, "data_kind": "partial",
         "model_version": "old", "fpr_promised": 0.25, "evaluated_at": MOMENT}
    ],
    "ingest_files": [
        {"file_id": "f", "source_file": "f.csv", "status": "refused", "rows_quarantined": 3,
         "run_id": run}
        for run in ("1", "2")
    ],
    "quarantine": [
        {**REFUSED_LINE, "row_no": 1, "detail": "first", "quarantined_at": MOMENT},
        {**REFUSED_LINE, "row_no": 2, "detail": "last",
         "quarantined_at": MOMENT + timedelta(hours=1)},
        {**REFUSED_FILE, "run_id": "1", "quarantined_at": MOMENT},
        {**REFUSED_FILE, "run_id": "2", "quarantined_at": MOMENT},
    ],
    "runs": [
        {**STARTED, "status": "running"},
        {**STARTED, "status": "failed", "ended_at": MOMENT, "error": "why", "seconds": 1.5},
        {**STARTED, "stage": "evaluate", "status": "running"},
    ],
}  # fmt: skip
"""Rows of each table: three nights of two devices, two models, and what was refused."""
