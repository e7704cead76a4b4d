"""Nights of simulated devices, watched: which alerts there are, which are not, and only once.

Five devices learn from benign captures of their own and then deliver six nights. One stays as it
is, one drifts, one gets new firmware, one is attacked, one falls silent. What drifts, or changes,
is which of its benign records a device sends: more and more, or at once, only those after larger
packets than usual. A model flags none of them for it.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from iotscore.alerts.suppress import hidden, suppression
from iotscore.alerts.suppression import SCOPE
from iotscore.errors import InputError
from iotscore.features import FEATURES
from iotscore.models.context import Context
from iotscore.monitoring.drift import SCORE
from iotscore.monitoring.ledger import unmonitored
from iotscore.monitoring.stage import monitor
from iotscore.monitoring.tasks import count_nights
from iotscore.query.query import run_query
from iotscore.runs.run_log import RunLog
from iotscore.simulate.generate import file_rows
from iotscore.simulate.layout import FILES
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.config import Settings
    from iotscore.warehouse.warehouse import Warehouse

pytestmark = pytest.mark.spark

QUIET, DRIFTING, RENEWED, ATTACKED, SILENT = 1, 2, 3, 6, 9
ROWS = 700
LEARNED = 3000
CHANGED = {
    DRIFTING: {2: 0.2, 3: 0.4, 4: 0.55, 5: 0.7, 6: 0.85},
    RENEWED: {5: 1.0, 6: 1.0},
}
"""Share of a night's records that are chosen among those after large packets."""
DATED = r"(?P<device_id>\d)\.(?P<event_day>\d{4}-\d\d-\d\d)"
QUICK = (
    *("detectors.lstm=null", "detectors.iforest=null"),
    "monitor.no_delivery_days=null",
    rf"ingest.patterns=['{DATED}\.(?P<family>benign)\.csv', '{DATED}(?:\.part2)?\.csv']",
)
"""Few detectors; benign captures have a day, before the others'; and old nights are no fault."""
EVERY_NIGHT = range(1, 7)


def simulated(device: int, kind: str, rows: int, seed: int) -> np.ndarray:
    """Return rows of a capture of their own."""
    file = next(one for one in FILES if (one.device, one.kind) == (device, kind))
    return np.concatenate(list(file_rows(file._replace(original_rows=rows), rows, seed)))


def night_of(device: int, night: int) -> np.ndarray:
    """Return a device's benign records of a night, changed as the night wants it."""
    records = simulated(device, "benign", 6 * ROWS, 100 * night)[1:]
    usual = records[::6][:ROWS]
    share = CHANGED.get(device, {}).get(night, 0.0)
    size = records[:, FEATURES.index("MI_dir_L0_1_mean")]
    chosen = records[size > np.quantile(size, 0.6)][: round(share * ROWS)]
    return np.concatenate([usual[: ROWS - len(chosen)], chosen])


class Landing(NamedTuple):
    """What is delivered: at first, then the sixth night, then a late file of the same night."""

    first: Path
    last: Path
    late: Path


@pytest.fixture(scope="module")
def delivered(
    tmp_path_factory: pytest.TempPathFactory,
    write_traffic: Callable[[Path, np.ndarray], None],
) -> Landing:
    """Return landing folders with what the devices deliver."""
    folders = Landing(*(tmp_path_factory.mktemp(name) for name in Landing._fields))
    for device in (QUIET, DRIFTING, RENEWED, ATTACKED, SILENT):
        learned = simulated(device, "benign", LEARNED, 1)
        write_traffic(folders.first / f"{device}.2025-12-31.benign.csv", learned)
        for night in EVERY_NIGHT:
            if (device, night) != (SILENT, 6):
                folder = folders.first if night < 6 else folders.last
                path = folder / f"{device}.2026-01-{night:02}.csv"
                write_traffic(path, night_of(device, night))
    attack = simulated(ATTACKED, "gafgyt.udp", 1100, 7)[50:]
    write_traffic(folders.late / f"{ATTACKED}.2026-01-06.part2.csv", attack)
    return folders


class Watch:
    """Runs stages on a warehouse; the alerts that were sent are kept."""

    def __init__(self, warehouse: Warehouse, settings: Settings, stages: type) -> None:
        self.warehouse, self.settings = warehouse, settings
        self.run = stages(warehouse, settings)
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
    stages: type,
    tmp_path_factory: pytest.TempPathFactory,
) -> Watch:
    """Return five devices after all that was delivered, monitored three times as it came."""
    warehouse = open_warehouse(_session, str(tmp_path_factory.mktemp("watched")))
    watch = Watch(warehouse, settings("default", *QUICK), stages)
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
    watched: Watch, spark: SparkSession, tmp_path: Path, stages: type
) -> None:
    """Neither the order of deliveries matters nor a run that broke before its end."""
    expected = {table: comparable(watched.warehouse, table) for table in ("drift", "alerts")}
    root = shutil.copytree(watched.warehouse.root, tmp_path / "copy")
    again = Watch(open_warehouse(spark, str(root)), watched.settings, stages)
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
    context = Context(watched.warehouse, "direct")
    nights = replace(unmonitored(context, context.stored.version), files=context.ingested)
    direct = count_nights(context, nights)
    queried = open_warehouse(spark, watched.warehouse.root, direct="never")
    through = count_nights(Context(queried, "through"), nights)
    assert sum(int(one.levels.sum()) for one in direct.values()) == nights.total
    assert len(direct) == 5 + 5 * 5 + 4
    assert {subject: one.to_bytes() for subject, one in through.items()} == {
        subject: one.to_bytes() for subject, one in direct.items()
    }


def test_a_replaced_file_is_counted_anew(
    watched: Watch,
    spark: SparkSession,
    tmp_path: Path,
    stages: type,
    settings: Callable[..., Settings],
    write_traffic: Callable[[Path, np.ndarray], None],
) -> None:
    """The attack's file turns out to be another: the night is counted without it, and quiet."""
    root = shutil.copytree(watched.warehouse.root, tmp_path / "copy")
    chosen = settings("default", *QUICK, "ingest.changed_files=replace")
    watch = Watch(open_warehouse(spark, str(root)), chosen, stages)
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


def test_a_suppression_that_makes_no_sense_is_refused() -> None:
    """One without a scope would hide everything."""
    nothing: dict[str, str | None] = dict.fromkeys(SCOPE)
    past = datetime(2020, 1, 1, tzinfo=UTC)
    for scope, expires, fault in (
        (nothing, None, "hide everything"),
        ({**nothing, "kind": "atack"}, None, "no kind 'atack'"),
        ({**nothing, "kind": "drift", "source_file": "%"}, None, "no source file"),
        ({**nothing, "kind": "drift"}, past, "past"),
    ):
        with pytest.raises(InputError, match=fault):
            suppression(scope, "why", "me", expires)
