"""Each incident raises an alert once, and so does a missing delivery."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from iotscore.alerts.alert import raise_alerts
from iotscore.alerts.run_alerts import Delivery, delivery_alerts, incident_alerts

TODAY = date(2026, 3, 10)
YESTERDAY, LONG_AGO = date(2026, 3, 9), date(2026, 3, 7)


def incident(number: int, day: date = TODAY, peak: float | None = 61.0) -> dict[str, Any]:
    """Return a row of ``incidents``."""
    return {
        "incident_id": f"{number:016x}",
        "file_id": "file",
        "source_file": "1.2026-03-10.csv",
        "device_id": 1,
        "device": "bell",
        "event_day": day,
        "first_row": 31,
        "last_row": 58,
        "records": 28,
        "peak_severity": peak,
        "sentence": "packets are large",
    }


def test_every_incident_is_an_alert_whatever_was_raised_before() -> None:
    """There is no cool-down between incidents of a device, and none of two in a night is hidden."""
    before = raise_alerts(incident_alerts([incident(1, YESTERDAY)], "critical"), [], "v1", 7)
    now = raise_alerts(
        incident_alerts([incident(2), incident(3, peak=None)], "critical"), before, "v1", 7
    )
    assert len({row["alert_id"] for row in [*before, *now]}) == 3
    assert {row["severity"] for row in now} == {"critical"}
    assert now[0]["message"] == (
        "28 flagged records in rows 31 to 58 of 1.2026-03-10.csv, severity up to 61 of 100: "
        "packets are large"
    )


@pytest.mark.parametrize("day", [date.min, date(1970, 1, 1), date(9999, 12, 31)])
def test_an_incident_of_any_day_can_be_raised(day: date) -> None:
    """The calendar's ends are no fault: a box without a clock says such days."""
    (row,) = raise_alerts(incident_alerts([incident(1, day)], "warning"), [], "v1", 7)
    assert row["event_day"] == row["cool_down_until"] == day


@pytest.mark.parametrize(
    ("delivery", "nights", "message"),
    [
        (Delivery(3, 0), [LONG_AGO], None),
        (Delivery(1, 2), [LONG_AGO], None),
        (Delivery(0, 2), [YESTERDAY], "all 2 new file(s) were refused"),
        (Delivery(0, 2), [], "all 2 new file(s) were refused"),
        (Delivery(0, 0), [LONG_AGO, YESTERDAY], None),
        (Delivery(0, 0), [LONG_AGO], "the newest day is 2026-03-07"),
        (Delivery(0, 0), [], None),
        (Delivery(0, 0, YESTERDAY), [LONG_AGO], "no file of this day"),
        (Delivery(0, 0, LONG_AGO), [LONG_AGO], None),
    ],
)
def test_a_run_without_a_delivery(
    delivery: Delivery, nights: list[date], message: str | None
) -> None:
    """Refused files are raised at once, a missing delivery when the newest night is too old."""
    found = list(delivery_alerts(delivery, nights, TODAY, 1))
    assert [alert.kind for alert in found] == ["no_delivery"] * (message is not None)
    assert all(message in alert.message for alert in found if message)


def test_missing_deliveries_can_be_of_no_interest() -> None:
    """Files that were refused still are."""
    assert not list(delivery_alerts(Delivery(0, 0), [LONG_AGO], TODAY, None))
    assert list(delivery_alerts(Delivery(0, 1), [LONG_AGO], TODAY, None))
