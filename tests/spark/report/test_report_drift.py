"""Open alerts and drift, read from what ``monitor`` left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from iotscore.features import FEATURES
from iotscore.report.read import read_night

if TYPE_CHECKING:
    from collections.abc import Callable

    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

NOW = datetime(2026, 11, 24, 4, tzinfo=UTC)


def monitored(warehouse: Warehouse) -> None:
    """Write what a run of ``monitor`` leaves, and a suppression; rows of a killed run beside it."""
    version = warehouse.rows("models")[0]["model_version"]
    days = {row["file_id"]: row["event_day"] for row in warehouse.rows("ingest_files")}
    today = max(days.values())
    stamp = {"model_version": version, "run_id": "r1"}
    ledger = {row["file_id"]: row["sha256"] for row in warehouse.rows("ingest_files")}
    warehouse.append(
        "monitored_files",
        [
            {**stamp, "file_id": one, "sha256": ledger[one], "rows_monitored": 1,
             "monitored_at": NOW}
            for one in ledger
        ],
    )  # fmt: skip
    alert = {
        **stamp, "severity": "warning", "device_id": None, "value": 1.0, "limit": 0.5,
        "message": "it moved", "cool_down_until": today, "raised_at": NOW, "first_seen": today,
    }  # fmt: skip
    kinds = [  # kind, severity, device, feature, days before the night
        ("drift", "warning", "Camera", "H_L5_mean", 0), ("drift", "warning", "Camera", None, 7),
        ("drift", "warning", "Camera", None, 8), ("all_moved", "critical", None, None, 0),
        ("drift", "warning", "Doorbell", "H_L5_weight", 1), ("volume", "info", "Doorbell", None, 1),
    ]  # fmt: skip
    alerts = [
        {**alert, "kind": kind, "severity": severity, "device": device, "feature": feature,
         "alert_id": str(number), "event_day": today - timedelta(days=before)}
        for number, (kind, severity, device, feature, before) in enumerate(kinds)
    ]  # fmt: skip
    warehouse.append("alerts", [*alerts, {**alerts[0], "run_id": "killed"}])
    hide = {"reason": "known", "author": "somebody", "created_at": NOW}
    warehouse.append(
        "suppressions",
        [
            {**hide, "suppression_id": "1", "device": "Door%", "feature": "H\\_%"},
            {**hide, "suppression_id": "2", "kind": "drift", "expires_at": NOW - timedelta(1000)},
        ],
    )
    drift = {**stamp, "event_day": today, "counts": [], "records": 600, "monitored_at": NOW}
    indices = dict(zip(FEATURES[:5], (0.3, 0.9, 0.1, 0.9, 2.0), strict=True)) | {
        "hybrid_score": 9.0
    }
    moving = [
        {**drift, "device_id": 1, "device": "Camera", "feature": name, "psi": psi, "shift": None,
         "is_flagged_excluded": kind, "is_moved": psi > limit, "psi_limit": limit}
        for kind, limit in ((True, 0.25), (False, 1.0))
        for name, psi in indices.items()
    ]  # fmt: skip
    unknown = {
        **drift,
        "device": "Doorbell",
        "feature": "hybrid_score",
        "is_flagged_excluded": True,
    }
    killed = [{**row, "run_id": "killed"} for row in moving]
    before = [{**row, "event_day": today - timedelta(days=1)} for row in moving]
    warehouse.append("drift", [unknown, *moving, *killed, *before])


def test_drift(night_copy: Callable[[str], Warehouse]) -> None:
    """Open alerts of the night and seven days before, and what moved; not what does not count."""
    warehouse = night_copy("default")
    before = read_night(warehouse, None)
    assert before.drift.unmonitored == before.files > 0
    assert (before.drift.alerts, before.drift.devices) == ((), ())
    monitored(warehouse)
    found = read_night(warehouse, None).drift
    today = before.today.day
    assert [(one.kind, one.device, (today - one.event_day).days) for one in found.alerts] == [
        ("all_moved", None, 0), ("drift", "Camera", 0), ("volume", "Doorbell", 1),
        ("drift", "Camera", 7),
    ]  # fmt: skip
    assert (found.hidden, found.more_alerts, found.unmonitored) == (1, 0, 0)
    camera, doorbell = found.devices
    moved = camera.unflagged
    assert (camera.device, moved.records, moved.moved, moved.features) == ("Camera", 600, 4, 5)
    tied = sorted((FEATURES[1], FEATURES[3]))
    assert [(one.name, one.psi) for one in moved.most] == [
        (FEATURES[4], 2.0), *((name, 0.9) for name in tied),
    ]  # fmt: skip
    assert (camera.all.moved, len(camera.all.most)) == (1, 1)
    assert (doorbell.device, doorbell.unflagged.records, doorbell.is_compared) == (
        "Doorbell", 600, False,
    )  # fmt: skip
    assert not doorbell.has_drifted
