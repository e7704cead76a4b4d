"""Incidents and deliveries to rows of ``alerts``, and all that is raised to people."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from iotscore.alerts.alert import SEVERITIES, raise_alerts
from iotscore.alerts.deliveries import delivery_alerts
from iotscore.alerts.incident_alerts import READ, incident_alerts
from iotscore.alerts.kinds import INCIDENT
from iotscore.alerts.notify import notify
from iotscore.alerts.suppression import unhidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.alerts.deliveries import Delivery
    from iotscore.alerts.limits import Limits
    from iotscore.alerts.notify import Channel
    from iotscore.monitoring.ledger import Nights
    from iotscore.warehouse.warehouse import Warehouse

    Rows: TypeAlias = list[dict[str, Any]]


@dataclass(frozen=True)
class Told:
    """What people were told of.

    Attributes
    ----------
    alerts
        Rows of ``alerts`` that are new, of late, and not suppressed.
    undelivered
        Why channels could not deliver them.
    raised
        How many were raised, by severity.
    incidents
        How many of the new ones are incidents.
    """

    alerts: Rows
    undelivered: list[str]
    raised: dict[str, int]
    incidents: int

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        return {
            "alerts": self.raised,
            "incidents": self.incidents,
            "undelivered": self.undelivered,
        }


class Alerting:
    """What a run raises, beside what was raised before.

    Parameters
    ----------
    warehouse
        Where.
    nights
        What the run monitors: alerts of its nights are found anew.
    limits
        Where alerts begin.

    Attributes
    ----------
    earlier
        All rows of ``alerts`` of the model.
    """

    def __init__(self, warehouse: Warehouse, nights: Nights, limits: Limits) -> None:
        self._warehouse, self._nights, self._limits = warehouse, nights, limits
        version = nights.model_version
        self.earlier = warehouse.rows("alerts", model_version=version)
        self._incidents = warehouse.rows("incidents", READ, model_version=version)
        self._file_of: dict[str, str] = {}

    def of_incidents(self) -> Rows:
        """Return rows of ``alerts``, unstamped, of incidents that have none.

        Those of nights whose alerts are found anew are among them, told or not.
        """
        found = list(incident_alerts(self._incidents, self._limits.incident_severity))
        raised = raise_alerts(found, [], self._nights.model_version, self._limits.cool_down_days)
        pairs = zip(raised, self._incidents, strict=True)
        self._file_of = {alert["alert_id"]: row["file_id"] for alert, row in pairs}
        return self._unknown(raised)

    def of_delivery(self, delivery: Delivery) -> Rows:
        """Return the row of ``alerts``, unstamped, that says that nothing came, if so."""
        nights, limits = self._nights, self._limits
        if nights.files and not delivery.refused:
            return []  # another run, or the stream, has got these
        today = datetime.now(UTC).date()
        found = delivery_alerts(delivery, nights.every_day, today, limits.no_delivery_days)
        return self._unknown(
            raise_alerts(found, self.earlier, nights.model_version, limits.cool_down_days)
        )

    def _unknown(self, raised: Rows) -> Rows:
        known = {
            row["alert_id"] for row in self.earlier if row["event_day"] not in self._nights.days
        }
        return [row for row in raised if row["alert_id"] not in known]

    def tell(self, raised: Rows, channels: Mapping[str, Channel], run_id: str) -> Told:
        """Write what was raised, and tell people of what is new.

        Parameters
        ----------
        raised
            Rows of ``alerts``, unstamped: all of the run's nights.
        channels
            Who tells.
        run_id
            Stamped on every new row.
        """
        now = datetime.now(UTC)
        of_run = [row | {"run_id": run_id, "raised_at": now} for row in raised]
        self._write(of_run)
        told = {row["alert_id"] for row in self.earlier}
        fresh = [
            row for row in of_run if row["alert_id"] not in told and self._is_of_late(row, now)
        ]
        open_ = unhidden(fresh, self._warehouse.rows("suppressions"), now)
        undelivered = notify(self._warehouse, open_, channels, run_id)
        counted = Counter(row["severity"] for row in raised)
        return Told(
            alerts=open_,
            undelivered=undelivered,
            raised={severity: counted[severity] for severity in SEVERITIES},
            incidents=sum(row["kind"] == INCIDENT for row in fresh),
        )

    def _write(self, of_run: Rows) -> None:
        nights = self._nights
        if nights.days and (of_run or any(row["event_day"] in nights.days for row in self.earlier)):
            self._warehouse.replace("alerts", of_run, nights.replaced())
        else:
            self._warehouse.append("alerts", of_run)

    def _is_of_late(self, alert: Mapping[str, Any], now: datetime) -> bool:
        """Say whether an alert is of a late night, or of a file that was ingested of late."""
        days = self._limits.cool_down_days
        if alert["event_day"] >= self._nights.told_since(days):
            return True
        ingested = self._nights.ingested_at.get(self._file_of.get(alert["alert_id"], ""))
        return ingested is not None and now - ingested <= timedelta(days=days)
