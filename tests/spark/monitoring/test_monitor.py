"""Nights of simulated devices, watched: which alerts there are, which are not, and only once."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from iotscore.alerts.suppress import hidden, suppression
from iotscore.alerts.suppression import SCOPE
from iotscore.models.context import Context
from iotscore.monitoring.drift import SCORE
from iotscore.monitoring.ledger import unmonitored
from iotscore.monitoring.stage import monitor
from iotscore.monitoring.tasks import count_nights
from iotscore.query.query import run_query
from iotscore.runs.run_log import RunLog
from iotscore.warehouse.open import open_warehouse
from night_stages import Stages
from simulated_deliveries import ATTACKED, ROWS, Landing, simulated, write_deliveries
from traffic_files import write_traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

DATED = r"(?P<device_id>\d)\.(?P<event_day>\d{4}-\d\d-\d\d)"
QUICK = (
    *("detectors.lstm=null", "detectors.iforest=null"),
    "monitor.no_delivery_days=null",
    rf"ingest.patterns=['{DATED}\.(?P<family>benign)\.csv', '{DATED}(?:\.part2)?\.csv']",
)
"""Few detectors; benign captures have a day, before the others'; and old nights are no fault."""


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    """Return landing folders with what the devices deliver."""
    folders = Landing(*(tmp_path_factory.mktemp(name) for name in Landing._fields))
    write_deliveries(folders)
    return folders


class Watch:
    """Runs stages on a warehouse; the alerts that were sent are kept."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse, self.settings = warehouse, settings
        self.run = Stages(warehouse, settings)
        self.sent: list[dict[str, Any]] = []

    def deliver(self, *folders: Path) -> None:
        """Ingest folders and score them."""
        for folder in folders:
            self.run.ingest(folder)
        self.run.score()

    def monitor(self, send: Callable[[list[Any]], str | None] | None = None) -> dict[str, Any]:
        """Monitor, and return the stage's details."""
        log = RunLog(self.warehouse, "test", "0" * 64)
        with log.stage("monitor") as stage:
            limits = self.settings.monitor
            channels = {"test": send or self._send}
            stage.report(monitor(Context(self.warehouse, log.run_id), limits, channels))
        return stage.details

    def _send(self, alerts: list[dict[str, Any]]) -> None:
        self.sent += alerts


@pytest.fixture(scope="module")
def watched(
    _session: SparkSession,
    delivered: Landing,
    settings: Callable[..., Settings],
    tmp_path_factory: pytest.TempPathFactory,
) -> Watch:
    """Return five devices after all that was delivered, monitored three times as it came."""
    warehouse = open_warehouse(_session, str(tmp_path_factory.mktemp("watched")))
    watch = Watch(warehouse, settings("default", *QUICK))
    watch.run.ingest(delivered.first)
    watch.run.train()
    watch.deliver()
    watch.monitor()
    watch.deliver(delivered.last)
    watch.monitor()
    watch.deliver(delivered.late)
    watch.monitor()
    return watch


def found(rows: Sequence[dict[str, Any]]) -> set[tuple[str, str, int]]:
    """Return kind, device and night of alerts."""
    return {(row["kind"], row["device"], row["event_day"].day) for row in rows}


def comparable(warehouse: Warehouse, table: str) -> list[dict[str, Any]]:
    """Return rows without what differs from run to run."""
    dropped = ("run_id", "monitored_at", "raised_at")
    rows = [{k: v for k, v in row.items() if k not in dropped} for row in warehouse.rows(table)]
    return sorted(rows, key=str)


def test_each_change_is_raised_as_what_it_is(watched: Watch) -> None:
    """Attacks are no drift, drift is no attack, new firmware a step; nothing else is raised."""
    alerts = watched.warehouse.rows("alerts")
    assert found(alerts) == {
        ("drift", "device_2", 6),
        ("new_behaviour", "device_3", 5),
        ("attack", "device_6", 6),
        ("missing_device", "device_9", 6),
    }
    # Once each, though the sixth night was looked at twice.
    assert sorted(row["alert_id"] for row in watched.sent) == sorted(r["alert_id"] for r in alerts)


def test_counts_are_those_of_the_records(watched: Watch) -> None:
    """Of each night and device all records are compared, and those that are not flagged."""
    scores = watched.warehouse.rows("scores", ["device", "event_day", "is_anomaly"])
    rows = watched.warehouse.rows("drift", feature=SCORE)
    assert {
        (r["device"], r["event_day"], r["is_flagged_excluded"]): r["records"] for r in rows
    } == {
        (device, day, excluded): sum(
            (one["device"], one["event_day"]) == (device, day)
            and not (excluded and one["is_anomaly"])
            for one in scores
        )
        for device, day in {(one["device"], one["event_day"]) for one in scores}
        for excluded in (True, False)
    }
    per_feature = watched.warehouse.rows("drift", ["feature", "records", "counts"])
    assert all(sum(row["counts"]) == row["records"] for row in per_feature)


def test_a_second_run_does_nothing(watched: Watch) -> None:
    """What is in the ledger is done: no commit and nobody is notified."""
    tables = ("drift", "alerts", "monitored_files")
    before = [watched.warehouse.version(table) for table in tables]
    assert watched.monitor(str)["nights"] == 0
    assert [watched.warehouse.version(table) for table in tables] == before


def test_all_at_once_after_a_failure_is_the_same(
    watched: Watch, spark: SparkSession, tmp_path: Path
) -> None:
    """Neither the order of deliveries matters nor a run that broke before its end."""
    expected = {table: comparable(watched.warehouse, table) for table in ("drift", "alerts")}
    root = shutil.copytree(watched.warehouse.root, tmp_path / "copy")
    again = Watch(open_warehouse(spark, str(root)), watched.settings)
    for table in ("drift", "alerts", "monitored_files", "notifications"):
        again.warehouse.delete(table, "true")

    def broken(alerts: list[dict[str, Any]]) -> str | None:
        assert len(alerts) == 4
        raise ConnectionError

    with pytest.raises(ConnectionError):
        again.monitor(broken)
    assert again.warehouse.rows("drift") == again.warehouse.rows("alerts") == []
    again.monitor()
    for table, rows in expected.items():
        assert comparable(again.warehouse, table) == rows
    assert found(again.sent) == found(watched.sent)


def test_spark_and_direct_files_count_alike(watched: Watch, spark: SparkSession) -> None:
    """The way through Spark's rows gives what workers read themselves, night by night."""
    queried = open_warehouse(spark, watched.warehouse.root, direct="never")
    here, there = Context(watched.warehouse, "run"), Context(queried, "run")
    nights = replace(unmonitored(here, here.stored.version), files=here.ingested)
    direct, through = (count_nights(each, nights) for each in (here, there))
    assert len(direct) == 5 + 5 * 5 + 4
    assert sum(int(one.levels.sum()) for one in direct.values()) == nights.total
    assert {subject: one.to_bytes() for subject, one in through.items()} == {
        subject: one.to_bytes() for subject, one in direct.items()
    }


def test_a_replaced_file_is_counted_anew(
    watched: Watch, spark: SparkSession, tmp_path: Path, settings: Callable[..., Settings]
) -> None:
    """The attack's file turns out to be another: the night is counted without it, and quiet."""
    root = shutil.copytree(watched.warehouse.root, tmp_path / "copy")
    chosen = settings("default", *QUICK, "ingest.changed_files=replace")
    watch = Watch(open_warehouse(spark, str(root)), chosen)
    folder = tmp_path / "landing"
    calm = simulated(ATTACKED, "benign", 6 * ROWS, 55)[1::6]
    write_traffic(folder / f"{ATTACKED}.2026-01-06.part2.csv", calm)
    watch.deliver(folder)
    assert watch.monitor()["nights"] == 1
    assert ("attack", "device_6", 6) not in found(watch.warehouse.rows("alerts"))
    rows = watch.warehouse.rows("drift", feature=SCORE, device="device_6")
    counted = {row["records"] for row in rows if row["event_day"].day == 6}
    assert max(counted) == ROWS + len(calm)
    assert watch.sent == []


def test_what_is_suppressed_is_hidden_when_read(
    watched: Watch, spark: SparkSession, tmp_path: Path, opened: Callable[..., SparkSession]
) -> None:
    """Views and preview agree; the tables keep all, and an expired suppression hides nothing."""
    root = shutil.copytree(watched.warehouse.root, tmp_path / "copy")
    warehouse = open_warehouse(spark, str(root))
    nothing: dict[str, str | None] = dict.fromkeys(SCOPE)
    later = datetime.now(UTC) + timedelta(days=1)
    rows = [
        suppression({**nothing, "kind": "drift", "feature": "MI_dir_%"}, "why", "me", later),
        suppression({**nothing, "source_file": "6.%.part_.csv"}, "an exercise", "me", None),
        {
            **suppression({**nothing, "kind": "attack"}, "", "", None),
            "expires_at": datetime.now(UTC),
        },
    ]
    flagged = sum(row["is_anomaly"] for row in warehouse.rows("scores", ["is_anomaly"]))
    for_drift, for_file, expired = (hidden(warehouse, row) for row in rows)
    assert for_drift == {("drift", "device_2"): 1}
    assert set(for_file) == {("record", "device_6")}
    assert for_file.total() > 900
    assert expired.total() == 0
    warehouse.append("suppressions", rows)
    session = opened(spark, warehouse.root)
    open_ = run_query(session, "SELECT * FROM v_open_alerts").collect()
    assert {row.kind for row in open_} == {"new_behaviour", "attack", "missing_device"}
    assert open_[0].kind == "attack"
    (left,) = run_query(session, "SELECT count(*) AS n FROM v_open_flagged_records").collect()
    assert left.n == flagged - for_file.total()
    assert len(warehouse.rows("alerts")) == 4
