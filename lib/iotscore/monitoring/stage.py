"""New nights to ``drift`` and ``alerts``: what moved, what is missing, what people should see."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from iotscore.alerts.alert import raise_alerts
from iotscore.alerts.run_alerts import Delivery
from iotscore.detect.model import TAIL
from iotscore.features import HYBRID
from iotscore.monitoring.alerting import Alerting
from iotscore.monitoring.bins import bins_of
from iotscore.monitoring.drift import Past, measure, rows_of
from iotscore.monitoring.history import past_nights, stored_histograms
from iotscore.monitoring.ledger import record_monitored, unmonitored
from iotscore.monitoring.rules import DeviceNight, drift_alerts, has_drifted
from iotscore.monitoring.tasks import count_nights
from iotscore.monitoring.volumes import volume_alerts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from iotscore.alerts.alert import Device
    from iotscore.alerts.limits import Limits
    from iotscore.alerts.notify import Channel
    from iotscore.models.context import Context
    from iotscore.models.stored import StoredModel
    from iotscore.monitoring.alerting import MonitorResult
    from iotscore.monitoring.histograms import Histograms
    from iotscore.monitoring.ledger import Nights, Subject

    Rows = list[dict[str, Any]]

_NOTHING_KNOWN: Final = Delivery(accepted=0, refused=0)
_PAST: Final = 3
"""Nights are looked through so many times ``of_nights`` far back: a device may have been away."""


def monitor(
    context: Context,
    limits: Limits,
    channels: Mapping[str, Channel],
    *,
    delivery: Delivery = _NOTHING_KNOWN,
) -> MonitorResult:
    """Count the records of new days, compare them, and raise alerts.

    ``drift`` is committed first, then ``alerts``; then people are notified, and the ledger
    ``monitored_files`` comes last.

    Raises
    ------
    ModelError
        There is no such model, or it is damaged.
    """
    warehouse, stored = context.warehouse, context.stored
    nights = unmonitored(context, stored.version)
    watch = _Watch(stored, limits)
    rows, ahead = 0, None
    if nights.files and not stored.is_batch_minmax:
        rows = nights.total
        ahead = context.prepared("monitor", nights.contents)
        watch.compare(context, nights, count_nights(context, nights, ahead))
        stamp = {"model_version": stored.version, "run_id": context.run_id}
        now = datetime.now(UTC)
        drift = [{**row, **stamp, "monitored_at": now} for row in watch.rows]
        warehouse.replace("drift", drift, nights.replaced())
    alerting = Alerting(warehouse, nights, limits)
    raised = [
        *watch.alerts(nights, alerting.earlier),
        *alerting.of_incidents(),
        *alerting.of_delivery(delivery),
    ]
    result = alerting.publish(raised, channels, context.run_id)
    if nights.files:
        record_monitored(context, nights)
    return replace(
        result,
        rows=rows,
        files=len(nights.files),
        nights=len(nights.days),
        prepared=len(ahead.contents) if ahead else 0,
        skipped=_skipped(stored),
    )


def monitor_incidents(
    context: Context, model_version: str, limits: Limits, channels: Mapping[str, Channel]
) -> MonitorResult:
    """Raise alerts of new incidents alone: the day is not over, and nothing is compared yet.

    :func:`monitor` does not raise them again. The model is not loaded.
    """
    nights = replace(unmonitored(context, model_version), files={}, days=[])
    alerting = Alerting(context.warehouse, nights, limits)
    return alerting.publish(alerting.of_incidents(), channels, context.run_id)


def _skipped(stored: StoredModel) -> str | None:
    """Say what cannot be watched under a model, None if all can."""
    if stored.is_batch_minmax:
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
        self._promised = None if stored.is_batch_minmax else promised
        self._found: dict[date, dict[Device, DeviceNight]] = {}
        self.rows: Rows = []

    def compare(
        self, context: Context, nights: Nights, found: Mapping[Subject, Histograms]
    ) -> None:
        """Measure all nights by what was counted; :attr:`rows` are then those of ``drift``."""
        warehouse, version = context.warehouse, self._stored.version
        window = _PAST * self._limits.of_nights
        kept = [day for day in nights.days if day not in nights.recounted]
        counted = stored_histograms(warehouse, version, kept, self._features)
        for subject, one in found.items():
            counted[subject] = counted[subject] + one if subject in counted else one
        before = {each for day in nights.days for each in nights.before(day, window)}
        past = past_nights(warehouse, version, sorted(before - {*nights.days}), self._features)
        for day, device in sorted(counted, key=lambda subject: (subject[0], subject[1].order)):
            known = past.setdefault(device, {})
            latest = [known[each] for each in nights.before(day, window) if each in known]
            self._measure(day, device, counted[day, device], latest)
            unflagged = self._found[day][device].unflagged
            if unflagged.psi.size:
                known[day] = unflagged

    def _measure(self, day: date, device: Device, one: Histograms, past: Sequence[Past]) -> None:
        limits, threshold = self._limits, self._threshold
        bins = None if self._reference is None else bins_of(self._reference, device.number)
        unflagged = measure(one, bins, past, threshold, limits, is_flagged_excluded=True)
        all_ = measure(one, bins, (), threshold, limits, is_flagged_excluded=False)
        latest = past[-(limits.of_nights - 1) :] if limits.of_nights > 1 else ()
        moved = [has_drifted(float(np.mean(each.is_moved)), limits) for each in latest]
        self._found.setdefault(day, {})[device] = DeviceNight(
            unflagged,
            all_,
            is_known=self._reference is None or bins is not None,
            nights_moved=has_drifted(unflagged.moved_share, limits) + sum(moved),
        )
        subject = {"event_day": day, "device_id": device.device_id, "device": device.device}
        for drift in (unflagged, all_):
            self.rows += [row | subject for row in rows_of(drift, self._features)]

    def alerts(self, nights: Nights, earlier: Rows) -> Rows:
        """Return new rows of ``alerts``, unstamped, night by night."""
        raised: Rows = []
        before = [row for row in earlier if row["event_day"] not in nights.days]
        for day in nights.days:
            found = [
                *drift_alerts(
                    self._found.get(day, {}), day, self._features, self._promised, self._limits
                ),
                *volume_alerts(nights.volumes, day, self._limits),
            ]
            raised += raise_alerts(
                found, [*before, *raised], self._stored.version, self._limits.cool_down_days
            )
        return raised
