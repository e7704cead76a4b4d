"""A small attack in one device's night raises one alert, and quiet nights none."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.alerts.run_alerts import Delivery
from iotscore.models.context import Context
from iotscore.monitoring.stage import monitor
from iotscore.runs.run_log import RunLog
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages
from simulated_deliveries import simulated
from traffic_files import write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

DEVICES = (1, 2, 4)
ATTACKED = 4
QUICK = ("detectors.lstm=null", "detectors.iforest=null")
TODAY = datetime.now(UTC).date()


def records(device: int, kind: str, rows: int, seed: int) -> np.ndarray:
    """Return simulated records of a capture, without its cold start."""
    return simulated(device, kind, rows + 50, seed)[50:]


class Nights:
    """Delivers nights, runs the stages, and notifies people, or fails to do so."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse, self.settings = warehouse, settings
        self.run = Stages(warehouse, settings)
        self.fault: str | None = None

    def monitor(self, delivery: Delivery | None = None) -> list[dict[str, Any]]:
        """Monitor, and return the alerts that were sent."""
        log, sent = RunLog(self.warehouse, "test", "0" * 64), list[dict[str, Any]]()

        def send(alerts: list[dict[str, Any]]) -> str | None:
            sent.extend(alerts)
            return self.fault

        with log.stage("monitor") as stage:
            limits = self.settings.monitor
            delivery = delivery or Delivery(accepted=1, refused=0)
            context = Context(self.warehouse, log.run_id)
            stage.report(monitor(context, limits, {"test": send}, delivery=delivery))
        return sent

    def night(self, folder: Path) -> list[dict[str, Any]]:
        """Run a night on a folder, and return the alerts that were sent."""
        self.run.ingest(folder)
        self.run.score()
        self.run.explain()
        return self.monitor()


def incidents(sent: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the alerts of incidents."""
    return [row for row in sent if row["kind"] == "incident"]


def test_one_incident_is_one_alert(
    spark: SparkSession, tmp_path: Path, settings: Callable[..., Settings]
) -> None:
    """28 records of an attack among 60 are sent, whatever day the capture claims, and only once."""
    landing = tmp_path / "landing"
    nights = Nights(open_warehouse(spark, str(tmp_path / "w")), settings("default", *QUICK))
    for device in DEVICES:
        write_traffic(landing / f"{device}.benign.csv", records(device, "benign", 900, 1))
    nights.run.ingest(landing)
    nights.run.train()
    assert nights.night(landing) == []
    for before in (3, 2):
        day = TODAY - timedelta(days=before)
        for device in DEVICES:
            quiet = records(device, "benign", 60, 10 * before)
            write_traffic(landing / f"{device}.{day}.csv", quiet)
        assert nights.night(landing) == []

    def attack(day: object, seed: int) -> None:
        own = records(ATTACKED, "benign", 32, seed)
        flood = records(ATTACKED, "mirai.syn", 28, seed)
        rows = np.concatenate([own[:20], flood, own[20:]])
        write_traffic(landing / f"{ATTACKED}.{day}.csv", rows)

    attack(TODAY - timedelta(days=1), 5)
    (alert,) = nights.night(landing)
    assert (alert["kind"], alert["severity"], alert["device_id"]) == (
        *("incident", "critical"),
        ATTACKED,
    )
    assert nights.night(landing) == []
    attack(TODAY, 6)
    (again,) = incidents(nights.night(landing))
    assert again["alert_id"] != alert["alert_id"]
    attack("1970-01-01", 7)
    (ancient,) = incidents(nights.night(landing))
    assert str(ancient["event_day"]) == "1970-01-01"
    assert len(nights.warehouse.rows("alerts", kind="incident")) == 3
    (refused,) = nights.monitor(Delivery(accepted=0, refused=2))
    assert (refused["kind"], refused["event_day"]) == ("no_delivery", TODAY)
    assert nights.monitor(Delivery(accepted=0, refused=2)) == []
    attack("1971-01-01", 8)
    nights.fault = "the receiver answered 500"
    (failed,) = incidents(nights.night(landing))
    assert nights.monitor() == [failed]
    nights.fault = None
    assert nights.monitor() == [failed]
    assert nights.monitor() == []
