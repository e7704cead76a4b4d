"""What a night with alerts, refused files, or both ends with; and how far a stage says it is."""

from __future__ import annotations

import pytest

from iotscore.cli.monitor import end_night
from iotscore.errors import AlertError, RefusalError
from iotscore.exit_codes import ALERTED, USER_FAULT
from iotscore.monitoring.alerting import MonitorResult
from iotscore.warehouse.progress import told

CRITICAL = [{"severity": "critical"}]
REFUSAL = RefusalError("1 file(s) were refused: a.csv")


def test_an_alert_is_not_hidden_behind_a_refused_file() -> None:
    """It gives the exit code; the refusal is told with it."""
    with pytest.raises(AlertError, match=r"1 new alert.*besides, 1 file.*a\.csv") as caught:
        end_night(MonitorResult("model", CRITICAL, [], {}, 0), "critical", REFUSAL)
    assert caught.value.code == ALERTED


@pytest.mark.parametrize(("alerts", "severity"), [([], "critical"), (CRITICAL, None)])
def test_a_refused_file_is_told_where_no_alert_is_asked_for(
    alerts: list[dict[str, str]], severity: str | None
) -> None:
    """Or there is none."""
    with pytest.raises(RefusalError) as caught:
        end_night(MonitorResult("model", alerts, [], {}, 0), severity, REFUSAL)
    assert caught.value.code == USER_FAULT


def test_a_quiet_night_ends_well() -> None:
    """Nothing is raised."""
    end_night(MonitorResult("model", [], [], {}, 0), "info")


def test_a_stage_whose_workers_start_does_not_claim_a_rate() -> None:
    """Nothing done is no speed."""
    assert (
        told(0, 2400, 15.0) == "2,400 rows to do; workers start, and no task has ended after 15 s"
    )
    assert told(1200, 2400, 10.0) == "1,200 of 2,400 rows (50 %), 120 rows/s"
