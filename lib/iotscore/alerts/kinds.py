"""Every kind of alert: what was seen, and what somebody should do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

INCIDENT: Final = "incident"
NO_DELIVERY: Final = "no_delivery"


@dataclass(frozen=True)
class AlertKind:
    """A kind of alert.

    Attributes
    ----------
    kind
        Its name in the table ``alerts``.
    severity
        How severe such an alert is.
    seen
        What was noticed.
    to_do
        What somebody should do.
    """

    kind: str
    severity: str
    seen: str
    to_do: str


ALERT_KINDS: Final = (
    AlertKind(
        "incident",
        "critical; set by `monitor.incident_severity`",
        "an incident: most of some consecutive records of a capture are flagged. Each"
        " new one is an alert of its device and night",
        "look at the incident and its first records: who talks to whom, and why were "
        "they flagged? If it is an attack, cut the device off. If it is known and "
        "wanted, suppress it",
    ),
    AlertKind(
        "no_delivery",
        "warning",
        "nothing new was delivered and the newest night is older than "
        "`monitor.no_delivery_days`, or all new files were refused; about all devices",
        "is the capture running, does its copy to the landing folder? `files_refused`"
        " has the reasons",
    ),
    AlertKind(
        "attack",
        "warning; critical from ten times the promised rate",
        "more records are flagged than promised, and those that are not flagged are as usual",
        "look at `v_alerts` and the incidents of the device: why were they flagged? "
        "Do not retrain on that night. If the message says that too few others are "
        "left, the whole device may have changed",
    ),
    AlertKind(
        "alert_rate",
        "the same",
        "more records are flagged, and the others moved too",
        "ask whether the device was updated or moved; if not, treat it as an attack "
        "that is missed in part",
    ),
    AlertKind(
        "new_behaviour",
        "warning",
        "records that are not flagged moved from one night to the next: new firmware,"
        " another place or use",
        "ask who changed the device. If the change is wanted and stays, train when "
        "there are benign records of some nights",
    ),
    AlertKind(
        "drift",
        "warning",
        "the same records moved in 3 of the last 5 nights",
        "train on newer benign records, compare the models, promote",
    ),
    AlertKind(
        "score_drift",
        "info",
        "records that are not flagged have higher levels than promised, in 3 of the last 5 nights",
        "the false alarms will rise next; train soon",
    ),
    AlertKind(
        "all_moved",
        "critical",
        "more than half of the devices, and three at least, moved in one night",
        "look at what computes the features, or at the network; do not train on it",
    ),
    AlertKind(
        "unknown_device",
        "info",
        "the model has not learned the device, or on too few records",
        "deliver benign records of it and train",
    ),
    AlertKind(
        "missing_device",
        "warning",
        "no record of a device that had some in 3 of the last 5 nights",
        "is it off, has its capture stopped, was its file delivered (`files_refused`)?",
    ),
    AlertKind(
        "volume",
        "warning",
        "more than three times, or less than a third, of the median of 14 nights",
        "a flood, a device that is used otherwise, or a capture that was cut",
    ),
    AlertKind(
        "quarantine",
        "warning",
        "more than 1 % of a device's lines refused",
        "`v_quarantine_reasons`; [input](input.md)",
    ),
)
