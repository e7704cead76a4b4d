"""New nights to ``drift`` and ``alerts``: what moved, what is missing, what people should see."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.columns import HYBRID
from iotscore.detect.model import BATCH_MINMAX, TAIL
from iotscore.spark.drift_rows import past_nights, stored_sketches
from iotscore.spark.monitor_count import count_nights
from iotscore.spark.monitor_ledger import enter_monitored, unmonitored
from iotscore.spark.progress import rows_progress
from iotscore.spark.registry import load_model
from iotscore.watch.alert import SEVERITIES, raise_alerts
from iotscore.watch.bins import bins_of
from iotscore.watch.deliveries import Delivery, delivery_alerts
from iotscore.watch.incident_alerts import READ, incident_alerts
from iotscore.watch.kinds import INCIDENT
from iotscore.watch.movement import Past, measure, rows_of
from iotscore.watch.rules import DeviceNight, has_moved, movement_alerts
from iotscore.watch.suppression import is_hidden
from iotscore.watch.volumes import volume_alerts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import date

    from iotscore.spark.monitor_ledger import Nights
    from iotscore.spark.registry import StoredModel
    from iotscore.spark.runs import Stage
    from iotscore.spark.tables import Warehouse
    from iotscore.watch.alert import Device
    from iotscore.watch.limits import Limits
    from iotscore.watch.sketch import Sketch

    Rows = list[dict[str, Any]]
    Sketches = dict[tuple[date, Device], Sketch]

_NOTHING_KNOWN: Final = Delivery(accepted=0, refused=0)
_PAST: Final = 3
"""Nights are looked through so many times ``of_nights`` far back: a device may have been away."""


@dataclass(frozen=True)
class Monitored:
    """What a run found.

    Attributes
    ----------
    model_version
        Of the model.
    alerts
        Rows of ``alerts`` that are new and not suppressed, of nights that are not long past; of
        incidents also those in files that were ingested lately, whatever night they claim.
    """

    model_version: str
    alerts: Rows


def monitor(
    warehouse: Warehouse,
    model_version: str | None,
    limits: Limits,
    tell: Callable[[Rows], list[str]],
    run_id: str,
    stage: Stage,
    *,
    delivery: Delivery = _NOTHING_KNOWN,
) -> Monitored:
    """Count the records of new nights, compare them, and raise alerts.

    ``drift`` is committed first, then ``alerts``; then people are told, and the ledger
    ``monitored_files`` comes last. A run that was killed in between tells again: better twice than
    never.

    Parameters
    ----------
    warehouse
        Where.
    model_version
        None for the champion.
    limits
        Where alerts begin.
    tell
        Gets the alerts of :class:`Monitored`; returns why some could not be told, if so.
    run_id
        Stamped on every new row.
    stage
        Gets rows and counts.
    delivery
        What came in this run.

    Raises
    ------
    ModelError
        There is no such model, or it is damaged.
    """
    stored = load_model(warehouse, model_version)
    nights = unmonitored(warehouse, stored.version)
    skipped = _skipped(stored)
    stage.details = {
        "model_version": stored.version,
        "files": len(nights.files),
        "nights": len(nights.days),
        "skipped": skipped,
        "alerts": dict.fromkeys(SEVERITIES, 0),
        "undelivered": [],
    }
    now = datetime.now(UTC)
    stamp = {"model_version": stored.version, "run_id": run_id, "monitored_at": now}
    watch = _Watch(stored, limits)
    if nights.files and stored.manifest["normalisation"] != BATCH_MINMAX:
        stage.rows = nights.total
        watch.compare(warehouse, nights)
        rows = [row | stamp for row in watch.rows]
        warehouse.replace_rows("drift", rows, nights.replaced())
    earlier = warehouse.rows("alerts", model_version=stored.version)
    files = _IncidentFiles(warehouse, stored.version, nights)
    raised = [
        *watch.alerts(nights, earlier),
        *files.alerts(earlier, limits),
        *_undelivered(delivery, nights, earlier, limits),
    ]
    stage.details["alerts"] |= Counter(row["severity"] for row in raised)
    of_run = [row | {"run_id": run_id, "raised_at": now} for row in raised]
    if nights.days and (of_run or any(row["event_day"] in nights.days for row in earlier)):
        warehouse.replace_rows("alerts", of_run, nights.replaced())
    elif of_run:
        warehouse.append_rows("alerts", of_run)
    told = {row["alert_id"] for row in earlier}
    oldest = nights.told_since(limits.cool_down_days)
    fresh = [
        row
        for row in of_run
        if row["alert_id"] not in told
        and (row["event_day"] >= oldest or files.is_recent(row, now, limits))
    ]
    suppressions = warehouse.rows("suppressions")
    open_ = [row for row in fresh if not any(is_hidden(s, row, now) for s in suppressions)]
    stage.details["incidents"] = sum(row["kind"] == INCIDENT for row in fresh)
    stage.details["undelivered"] = tell(open_)
    if nights.files:
        enter_monitored(warehouse, nights, run_id)
    return Monitored(stored.version, open_)


def _undelivered(delivery: Delivery, nights: Nights, earlier: Rows, limits: Limits) -> Rows:
    """Return the row of ``alerts`` that says that nothing came, unstamped, unless it is there."""
    if nights.files and not delivery.refused:
        return []  # another run, or the stream, has got these
    today = datetime.now(UTC).date()
    found = delivery_alerts(delivery, nights.every_day, today, limits.no_delivery_days)
    raised = raise_alerts(found, earlier, nights.model_version, limits.cool_down_days)
    known = {row["alert_id"] for row in earlier if row["event_day"] not in nights.days}
    return [row for row in raised if row["alert_id"] not in known]


class _IncidentFiles:
    """The incidents of a model, and when their files were ingested."""

    def __init__(self, warehouse: Warehouse, version: str, nights: Nights) -> None:
        self._rows = warehouse.rows("incidents", READ, model_version=version)
        self._version, self._nights = version, nights
        self._file_of: dict[str, str] = {}

    def alerts(self, earlier: Rows, limits: Limits) -> Rows:
        """Return new rows of ``alerts``, unstamped: of incidents that nobody was told of yet.

        Those of nights whose alerts are found anew are among them, told or not.
        """
        known = {row["alert_id"] for row in earlier if row["event_day"] not in self._nights.days}
        found = list(incident_alerts(self._rows, limits.incident_severity))
        raised = raise_alerts(found, [], self._version, limits.cool_down_days)
        pairs = zip(raised, self._rows, strict=True)
        self._file_of = {alert["alert_id"]: row["file_id"] for alert, row in pairs}
        return [row for row in raised if row["alert_id"] not in known]

    def is_recent(self, alert: Mapping[str, Any], now: datetime, limits: Limits) -> bool:
        """Say whether an incident is in a file that was ingested only now, of whatever night."""
        file_id = self._file_of.get(alert["alert_id"], "")
        ingested = self._nights.ingested_at.get(file_id)
        return ingested is not None and now - ingested <= timedelta(days=limits.cool_down_days)


def _skipped(stored: StoredModel) -> str | None:
    """Say what cannot be watched under a model, None if all can."""
    if stored.manifest["normalisation"] == BATCH_MINMAX:
        return "batch_minmax scores and flags change with every file: only volumes are watched"
    if stored.model.reference is None:
        return "the model holds no benign reference: drift of features is not measured; train again"
    return None


class _Watch:
    """Compares nights in their order, each with those before it."""

    def __init__(self, stored: StoredModel, limits: Limits) -> None:
        model = stored.model
        self._stored, self._limits = stored, limits
        self._reference = model.reference
        self._features = model.features
        self._threshold = model.thresholds[HYBRID] if model.normalisation == TAIL else None
        promised = stored.manifest.get("false_positive_rate")
        self._promised = None if model.normalisation == BATCH_MINMAX else promised
        self._found: dict[date, dict[Device, DeviceNight]] = {}
        self.rows: Rows = []

    def compare(self, warehouse: Warehouse, nights: Nights) -> None:
        """Count and measure all nights; :attr:`rows` are then those of ``drift``."""
        version, window = self._stored.version, _PAST * self._limits.of_nights
        kept = [day for day in nights.days if day not in nights.anew]
        sketches: Sketches = stored_sketches(warehouse, version, kept, self._features)
        done = warehouse.spark.sparkContext.accumulator(0)
        with rows_progress("monitor", done, nights.total):
            counted = count_nights(warehouse, self._stored, nights, done)
        for subject, one in counted.items():
            sketches[subject] = sketches[subject] + one if subject in sketches else one
        before = {each for day in nights.days for each in nights.before(day, window)}
        past = past_nights(warehouse, version, sorted(before - {*nights.days}), self._features)
        for day, device in sorted(sketches, key=lambda subject: (subject[0], subject[1].order)):
            one = sketches[day, device]
            known = past.setdefault(device, {})
            latest = [known[each] for each in nights.before(day, window) if each in known]
            self._measure(day, device, one, latest)
            unflagged = self._found[day][device].unflagged
            if unflagged.psi.size:
                known[day] = Past(unflagged.is_moved, unflagged.is_high, unflagged.features)

    def _measure(self, day: date, device: Device, one: Sketch, past: Sequence[Past]) -> None:
        limits, threshold = self._limits, self._threshold
        bins = None if self._reference is None else bins_of(self._reference, device.number)
        unflagged = measure(one, bins, past, threshold, limits, is_flagged_excluded=True)
        all_ = measure(one, bins, (), threshold, limits, is_flagged_excluded=False)
        latest = past[-(limits.of_nights - 1) :] if limits.of_nights > 1 else ()
        moved = [has_moved(float(np.mean(each.is_moved)), limits) for each in latest]
        self._found.setdefault(day, {})[device] = DeviceNight(
            unflagged,
            all_,
            is_known=self._reference is None or bins is not None,
            nights_moved=has_moved(unflagged.moved_share, limits) + sum(moved),
        )
        subject = {"event_day": day, "device_id": device.device_id, "device": device.device}
        for movement in (unflagged, all_):
            self.rows += [row | subject for row in rows_of(movement, self._features)]

    def alerts(self, nights: Nights, earlier: Rows) -> Rows:
        """Return new rows of ``alerts``, unstamped, night by night."""
        raised: Rows = []
        before = [row for row in earlier if row["event_day"] not in nights.days]
        for day in nights.days:
            found = [
                *movement_alerts(
                    self._found.get(day, {}), day, self._features, self._promised, self._limits
                ),
                *volume_alerts(nights.volumes, day, self._limits),
            ]
            raised += raise_alerts(
                found, [*before, *raised], self._stored.version, self._limits.cool_down_days
            )
        return raised
