"""Alerts for missing devices, unusual numbers of records, and refused lines."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from iotscore.alerts.alert import Alert, Device

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from iotscore.alerts.limits import Limits

_USUAL_NIGHTS: Final = 14
"""Number of earlier days, of which the usual number of records is the median."""
_REPEATED: Final = frozenset({"content_changed", "same_content"})
"""Reasons for refusing what was delivered before: its lines are not damaged."""


@dataclass(frozen=True)
class Volumes:
    """Lines of each day and device; a device without accepted lines is absent from those."""

    accepted: Mapping[date, Counter[Device]]
    refused: Mapping[date, Counter[Device]]


def volumes_of(ledger: Iterable[dict[str, Any]]) -> Volumes:
    """Count the lines of a ledger of files, ``ingest_files``; replaced files do not count."""
    accepted: dict[date, Counter[Device]] = defaultdict(Counter)
    refused: dict[date, Counter[Device]] = defaultdict(Counter)
    whole: dict[str, tuple[date, Device, int]] = {}
    for row in ledger:
        if row["event_day"] is None or row["device"] is None:
            continue
        day, device = row["event_day"], Device(row["device_id"], row["device"])
        if row["status"] == "ingested":
            if row["rows_accepted"]:
                accepted[day][device] += row["rows_accepted"]
            refused[day][device] += row["rows_quarantined"]
        elif row["status"] == "refused" and row["reason"] not in _REPEATED:
            whole[row["file_id"]] = day, device, row["rows_quarantined"]
    for day, device, rows in whole.values():
        refused[day][device] += rows
    return Volumes(accepted, refused)


def volume_alerts(volumes: Volumes, day: date, limits: Limits) -> Iterator[Alert]:
    """Yield alerts for a day's unusual numbers of records; later days do not matter."""
    tonight = volumes.accepted.get(day, Counter())
    nights = sorted(night for night in volumes.accepted if night < day)[-_USUAL_NIGHTS:]
    recent = nights[-limits.of_nights :]
    known = {device for night in nights for device in volumes.accepted[night]}
    for device in sorted(known, key=attrgetter("order")):
        counts = [volumes.accepted[night][device] for night in nights]
        usual = median([count for count in counts if count])
        seen = sum(device in volumes.accepted[night] for night in recent)
        if device not in tonight:
            if seen >= limits.nights:
                yield Alert(
                    *("missing_device", "warning", device, day, 0.0, 1.0),
                    message=f"no record, {usual:,.0f} are usual: it is off, its capture has "
                    "stopped, or its file was not delivered",
                )
        elif sum(map(bool, counts)) >= limits.nights:
            ratio = tonight[device] / usual
            if not 1.0 / limits.volume_factor <= ratio <= limits.volume_factor:
                yield Alert(
                    *("volume", "warning", device, day, ratio, limits.volume_factor),
                    message=f"{tonight[device]:,} records, {usual:,.0f} are usual",
                )
    of_night = volumes.refused.get(day, Counter())
    for device in sorted(of_night, key=attrgetter("order")):
        refused = of_night[device]
        share = refused / max(refused + tonight[device], 1)
        if share > limits.quarantined_share:
            yield Alert(
                *("quarantine", "warning", device, day, share, limits.quarantined_share),
                message=f"{refused:,} lines, {share:.1%}, were refused",
            )
