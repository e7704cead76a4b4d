"""The alerts of a run: rows of ``alerts``, and notifications about those that are new."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from iotscore.alerts.alert import SEVERITIES, raise_alerts
from iotscore.alerts.kinds import INCIDENT
from iotscore.alerts.notify import notify
from iotscore.alerts.run_alerts import READ, delivery_alerts, incident_alerts
from iotscore.alerts.suppression import unhidden

if TYPE_CHECKING:
    from collections.abc import Mapping

    from iotscore.alerts.limits import Limits
    from iotscore.alerts.notify import Channel
    from iotscore.alerts.run_alerts import Delivery
    from iotscore.monitoring.ledger import Nights
    from iotscore.warehouse.warehouse import Warehouse

    Rows: TypeAlias = list[dict[str, Any]]


@dataclass(frozen=True)
class MonitorResult:
    """The result of a run of the stage.

    Attributes
    ----------
    alerts
        Rows of ``alerts`` that are new, about recent days and not suppressed; of incidents also
        those in files that were ingested recently, whatever day they claim.
    undelivered
        Why channels could not deliver them.
    raised
        Number of alerts, by severity.
    incidents
        Number of new alerts that are about incidents.
    rows
        Records that were compared.
    files, nights
        Files and days that were monitored; None if only incidents were looked at.
    prepared
        How many of the files were counted while they were scored.
    skipped
        What cannot be monitored under the model.
    """

    model_version: str
    alerts: Rows
    undelivered: list[str]
    raised: dict[str, int]
    incidents: int
    rows: int = 0
    files: int | None = None
    nights: int | None = None
    prepared: int = 0
    skipped: str | None = None

    def details(self) -> dict[str, Any]:
        """Return what the run log keeps."""
        known: dict[str, Any] = {"model_version": self.model_version}
        if self.files is not None:
            known |= {"files": self.files, "nights": self.nights, "skipped": self.skipped}
            known["prepared"] = self.prepared
        return known | {
            "alerts": self.raised,
            "incidents": self.incidents,
            "undelivered": self.undelivered,
        }


class Alerting:
    """Raises the alerts of a run.

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
        """Return rows of ``alerts``, unstamped, of incidents that have none, or are of the days."""
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

    def publish(self, raised: Rows, channels: Mapping[str, Channel], run_id: str) -> MonitorResult:
        """Write the alerts of all of the run's days, and notify people of the new ones.

        Rows get the run's id and the time here.
        """
        now = datetime.now(UTC)
        of_run = [row | {"run_id": run_id, "raised_at": now} for row in raised]
        self._write(of_run)
        known = {row["alert_id"] for row in self.earlier}
        fresh = [
            row for row in of_run if row["alert_id"] not in known and self._is_recent(row, now)
        ]
        open_ = unhidden(self._warehouse, fresh)
        undelivered = notify(self._warehouse, open_, channels, run_id)
        counted = Counter(row["severity"] for row in raised)
        return MonitorResult(
            model_version=self._nights.model_version,
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

    def _is_recent(self, alert: Mapping[str, Any], now: datetime) -> bool:
        """Say whether an alert is about a recent day, or a file that was ingested recently."""
        days = self._limits.cool_down_days
        if alert["event_day"] >= self._nights.recent_since(days):
            return True
        ingested = self._nights.ingested_at.get(self._file_of.get(alert["alert_id"], ""))
        return ingested is not None and now - ingested <= timedelta(days=days)
