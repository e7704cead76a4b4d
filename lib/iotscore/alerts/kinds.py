"""The kinds of alerts: their causes, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INCIDENT: Final = "incident"
NO_DELIVERY: Final = "no_delivery"


@dataclass(frozen=True)
class AlertKind:
    """A kind of alert: its name in ``alerts``, how severe it is, what was seen, and what to do."""

    kind: str
    severity: str
    seen: str
    to_do: str


ALERT_KINDS: Final = (
    AlertKind(
        "incident",
        "critical; set by `monitor.incident_severity`",
        "an incident: most of some consecutive records of a capture are flagged. Each new "
        "incident raises one alert",
        "look at the incident and its first records: who talks to whom, and why were they "
        "flagged? If it is an attack, cut the device off. If it is known and wanted, suppress it",
    ),
    AlertKind(
        "no_delivery",
        "warning",
        "nothing new was delivered and the newest day is older than `monitor.no_delivery_days`, "
        "or all new files were refused; about all devices",
        "is the capture running, and is it copied to the landing folder? `files_refused` has the "
        "reasons",
    ),
    AlertKind(
        "attack",
        "warning; critical from ten times the target false positive rate",
        "more records are flagged than the target allows, and the others have not drifted",
        "look at `v_flagged_records` and the incidents of the device: why were they flagged? Do "
        "not train on that day. If the message says that too few other records are left, the "
        "whole device may have changed",
    ),
    AlertKind(
        "alert_rate",
        "the same",
        "more records are flagged, and the others have drifted too",
        "ask whether the device was updated or moved; if not, treat it as an attack of which some "
        "records are not flagged",
    ),
    AlertKind(
        "new_behaviour",
        "warning",
        "records that are not flagged drifted from one day to the next: new firmware, another "
        "place or use",
        "ask who changed the device. If the change is wanted and stays, train when there are "
        "benign records of some days",
    ),
    AlertKind(
        "drift",
        "warning",
        "records that are not flagged drifted on 3 of the last 5 days",
        "train on newer benign records, compare the models, promote",
    ),
    AlertKind(
        "score_drift",
        "info",
        "records that are not flagged have higher scores than expected, on 3 of the last 5 days",
        "more false positives will follow; train soon",
    ),
    AlertKind(
        "all_moved",
        "critical",
        "more than half of the devices, and at least three, drifted on one day",
        "look at what computes the features, or at the network; do not train on it",
    ),
    AlertKind(
        "unknown_device",
        "info",
        "the model was not trained on the device, or on too few records",
        "deliver benign records of it and train",
    ),
    AlertKind(
        "missing_device",
        "warning",
        "no record of a device that had some on 3 of the last 5 days",
        "is it off, has its capture stopped, was its file delivered (`files_refused`)?",
    ),
    AlertKind(
        "volume",
        "warning",
        "more than three times, or less than a third, of the median of 14 days",
        "a flood, a device that is used otherwise, or a capture that was cut",
    ),
    AlertKind(
        "quarantine",
        "warning",
        "more than 1 % of a device's lines refused",
        "`v_quarantine_reasons`; [input](input.md)",
    ),
)
