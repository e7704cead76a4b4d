"""Notifications: a channel gets new alerts, and again those that it could not deliver before."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias

from iotscore.alerts.suppression import unhidden

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from iotscore.warehouse.warehouse import Warehouse

    Rows: TypeAlias = list[dict[str, Any]]
    Channel: TypeAlias = Callable[[Rows], str | None]


def notify(
    warehouse: Warehouse, fresh: Rows, channels: Mapping[str, Channel], run_id: str
) -> list[str]:
    """Send alerts, and record in ``notifications`` which channel delivered which.

    What a channel could not deliver is due again in every later run, until it is delivered or
    suppressed. What it has delivered it does not get twice, even if the run was killed after that.
    A channel delivers rows of ``alerts``, or returns why it could not; these faults are returned
    with the channels' names. ``fresh`` alerts are new and not suppressed.
    """
    attempts = warehouse.rows("notifications", ("alert_id", "channel", "is_delivered"))
    delivered = {(row["channel"], row["alert_id"]) for row in attempts if row["is_delivered"]}
    waiting = {(row["channel"], row["alert_id"]) for row in attempts} - delivered
    new = {row["alert_id"] for row in fresh}
    again = _open_alerts(warehouse, {alert_id for _, alert_id in waiting} - new)
    faults, entries = [], []
    for name, deliver in channels.items():
        due = [row for row in fresh if (name, row["alert_id"]) not in delivered]
        due += [row for row in again if (name, row["alert_id"]) in waiting]
        if not due:
            continue
        fault = deliver(due)
        if fault is not None:
            faults.append(f"{name}: {fault}")
        made = {"channel": name, "is_delivered": fault is None, "fault": fault, "run_id": run_id}
        now = datetime.now(UTC)
        entries += [{**made, "alert_id": row["alert_id"], "attempted_at": now} for row in due]
    warehouse.append("notifications", entries)
    return faults


def _open_alerts(warehouse: Warehouse, ids: set[str]) -> Rows:
    """Return the alerts with these ids that nobody has suppressed, one each."""
    if not ids:
        return []
    found = {row["alert_id"]: row for row in warehouse.rows("alerts", alert_id=sorted(ids))}
    return unhidden(warehouse, [*found.values()])
