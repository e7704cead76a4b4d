"""``alerts``, ``drift`` and ``suppressions`` to the drift section of a report."""

from __future__ import annotations

from dataclasses import fields
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from iotscore.alerts.alert import rank
from iotscore.alerts.suppression import unhidden
from iotscore.monitoring.drift import SCORE
from iotscore.report.drift import DeviceDrift, Drift, DriftedFeature, FeatureDrift, OpenAlert
from iotscore.runs.run_log import DONE

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date

    from iotscore.report.read.files import LedgerFile
    from iotscore.warehouse.warehouse import Warehouse

    Rows = list[dict[str, Any]]

DAYS_BEFORE: Final = 7
MOST_ALERTS: Final = 50
MOST_FEATURES: Final = 3
_ALERT: Final = tuple(field.name for field in fields(OpenAlert) if field.name != "rank")
_DRIFT: Final = (
    *("run_id", "device_id", "device", "feature", "is_flagged_excluded", "records", "psi"),
    *("shift", "is_moved"),
)


def read_drift(warehouse: Warehouse, version: str, night: Sequence[LedgerFile]) -> Drift:
    """Return the open alerts of a day and the days before it, and the drift of the day.

    Rows count if ``monitored_files`` names their run; alerts also if it has ended. ``night`` has
    the files of the day, one at least.
    """
    names = ["file_id", "run_id", "sha256"]
    ledger = warehouse.rows("monitored_files", names, model_version=version)
    runs = {row["run_id"] for row in ledger}
    counted = {row["file_id"]: row["sha256"] for row in ledger}
    unmonitored = sum(counted.get(one.file_id) != one.sha256 for one in night)
    today = night[0].event_day
    # A run that counted no file may have raised alerts: of an incident, or that nothing came.
    ended = warehouse.values("runs", "run_id", stage="monitor", status=DONE)
    found, hidden = _open_alerts(warehouse, version, today, runs | ended)
    is_monitored = unmonitored < len(night)
    return Drift(
        days=DAYS_BEFORE,
        alerts=tuple(found[:MOST_ALERTS]),
        more_alerts=max(len(found) - MOST_ALERTS, 0),
        hidden=hidden,
        unmonitored=unmonitored,
        devices=_devices(warehouse, version, today, runs) if is_monitored else (),
    )


def _open_alerts(
    warehouse: Warehouse, version: str, today: date, runs: Collection[str]
) -> tuple[list[OpenAlert], int]:
    """Return alerts that nothing hides, and how many are hidden."""
    days = [today - timedelta(days=before) for before in range(DAYS_BEFORE + 1)]
    where: dict[str, Any] = {"model_version": version, "event_day": days}
    rows = [row for row in warehouse.rows("alerts", **where) if row["run_id"] in runs]
    shown = unhidden(warehouse, rows)
    found = [
        OpenAlert(rank=rank(row["severity"]), **{name: row[name] for name in _ALERT})
        for row in shown
    ]
    found.sort(key=lambda one: (today - one.event_day, -one.rank, one.device or "", one.kind))
    return found, len(rows) - len(shown)


def _devices(
    warehouse: Warehouse, version: str, today: date, runs: Collection[str]
) -> tuple[DeviceDrift, ...]:
    subjects: dict[tuple[int | None, str], dict[bool, Rows]] = {}
    where: dict[str, Any] = {"model_version": version, "event_day": [today]}
    for row in warehouse.rows("drift", _DRIFT, **where):
        if row["run_id"] in runs:
            kinds = subjects.setdefault((row["device_id"], row["device"]), {})
            kinds.setdefault(row["is_flagged_excluded"], []).append(row)
    found = [
        DeviceDrift(device, *(_feature_drift(kinds.get(kind)) for kind in (True, False)))
        for (_, device), kinds in subjects.items()
    ]
    return tuple(
        sorted(found, key=lambda one: (_order(one.unflagged), _order(one.all), one.device))
    )


def _order(one: FeatureDrift) -> int:
    return 1 if one.moved is None else -one.moved


def _feature_drift(rows: Rows | None) -> FeatureDrift:
    """Add up the rows of a device, if any; levels of the hybrid score are no feature."""
    if rows is None:
        return FeatureDrift(0, 0, None, ())
    compared = [row for row in rows if row["feature"] != SCORE and row["is_moved"] is not None]
    moved = sorted(
        (row for row in compared if row["is_moved"]), key=lambda row: (-row["psi"], row["feature"])
    )
    return FeatureDrift(
        records=rows[0]["records"],
        features=len(compared),
        moved=len(moved) if compared else None,
        most=tuple(
            DriftedFeature(row["feature"], row["psi"], row["shift"])
            for row in moved[:MOST_FEATURES]
        ),
    )
