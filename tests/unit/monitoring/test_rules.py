"""What a night means: attacks, drift, new behaviour, volumes, and when an alert is raised again."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from iotscore.alerts.alert import Alert, Device, raise_alerts
from iotscore.alerts.kinds import ALERT_KINDS
from iotscore.config import load_settings
from iotscore.detect.reference_quantiles import fit_reference
from iotscore.monitoring.bins import FeatureBins, bins_of
from iotscore.monitoring.drift import SCORE, Past, measure, rows_of
from iotscore.monitoring.histograms import count_records
from iotscore.monitoring.rules import DeviceNight, drift_alerts, has_drifted
from iotscore.monitoring.volumes import volume_alerts, volumes_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from iotscore.alerts.alert import Severity

LIMITS = load_settings(Path(__file__).resolve().parents[3] / "conf", "default").monitor
BELL, CAMERA, LAMP = (Device(number, name) for number, name in enumerate(("bell", "cam", "lamp")))
TODAY = date(2026, 3, 10)
NAMES = [f"f{number}" for number in range(6)]


def benign(rows: int, seed: int, shift: float = 0.0) -> np.ndarray:
    """Return records of six features, moved by some of their standard deviations."""
    return np.random.default_rng(seed).normal(shift, 1.0, (rows, len(NAMES)))


def promised_levels(rows: int, seed: int) -> np.ndarray:
    """Return levels ``-ln p`` of benign records below the one of 4.5 %, where flags start."""
    return -np.log(np.random.default_rng(seed).uniform(0.045, 1.0, rows))


def learned() -> FeatureBins:
    """Return the bins of 5,000 benign records."""
    found = bins_of(fit_reference(benign(5000, 0), np.zeros(5000, dtype=np.int64)), 0)
    assert found is not None
    return found


BINS = learned()


def night(
    shift: float = 0.0,
    attack: int = 0,
    *,
    seed: int = 1,
    past: Sequence[Past] = (),
    rows: int = 2000,
    high: float = 1.0,
) -> DeviceNight:
    """Return a night of a device: its own records, 4 % of them flagged, and those of an attack."""
    own, theirs = benign(rows, seed, shift), benign(attack, seed, 40.0)
    flags = np.concatenate([np.arange(rows) % 25 == 0, np.ones(attack, dtype=bool)])
    levels = np.where(flags, 9.0, high * promised_levels(flags.size, seed))
    whole = count_records(np.concatenate([own, theirs]), levels, flags, BINS)
    unflagged, all_ = (
        measure(whole, BINS, chosen, 3.1, LIMITS, is_flagged_excluded=excluded)
        for chosen, excluded in ((past, True), ((), False))
    )
    moved = [has_drifted(float(np.mean(one.is_moved)), LIMITS) for one in past[-4:]]
    count = has_drifted(unflagged.moved_share, LIMITS) + sum(moved)
    return DeviceNight(unflagged, all_, is_known=True, nights_moved=count)


def nights(shifts: Sequence[float]) -> list[set[str]]:
    """Return the kinds of alerts of nights in a row, each moved by something."""
    past: list[Past] = []
    kinds = []
    for number, shift in enumerate(shifts):
        one = night(shift, seed=10 + number, past=past)
        kinds.append({alert.kind for alert in alerts_of({BELL: one})})
        past.append(one.unflagged)
    return kinds


def alerts_of(found: dict[Device, DeviceNight]) -> list[Alert]:
    """Return the alerts of a night."""
    return list(drift_alerts(found, TODAY, NAMES, 0.05, LIMITS))


def test_a_quiet_night_is_quiet() -> None:
    """Records as they were learned give no alert."""
    assert alerts_of({BELL: night()}) == []


@pytest.mark.parametrize("attack", [400, 2000, 100_000])
def test_an_attack_is_no_drift(attack: int) -> None:
    """All records moved far, and those that are not flagged did not."""
    one = night(attack=attack)
    assert one.all.moved_share == 1.0
    assert one.unflagged.moved_share == 0.0
    (alert,) = alerts_of({BELL: one})
    assert (alert.kind, alert.device, alert.value) == ("attack", BELL, one.alert_rate)
    assert alert.severity == ("warning" if attack == 400 else "critical")


def test_attacks_night_after_night_are_no_drift() -> None:
    """Persistence is counted on the device's own records."""
    past = [night(attack=9000, seed=seed).unflagged for seed in range(5)]
    (alert,) = alerts_of({BELL: night(attack=9000, seed=9, past=past)})
    assert alert.kind == "attack"


def test_too_few_records_that_are_not_flagged_say_nothing() -> None:
    """A flood left 480 others: below the least, so the message does not claim anything of them."""
    (alert,) = alerts_of({BELL: night(attack=9000, rows=500)})
    assert alert.kind == "attack"
    assert "too few others" in alert.message


def test_a_slow_move_is_drift_once_it_stays() -> None:
    """Small moves are no steps; drift is raised in the third night of a move."""
    assert nights([0.0, 0.2, 0.4, 0.6, 0.8, 1.0, 1.2]) == [
        *(set(), set(), set(), set()),
        *(set(), {"drift"}, {"drift"}),
    ]


def test_new_firmware_is_a_step_and_later_drift() -> None:
    """The step is raised in its first night; only what stays becomes drift."""
    assert nights([0.0, 0.0, 1.5, 1.5, 1.5]) == [
        *(set(), set(), {"new_behaviour"}),
        *(set(), {"drift"}),
    ]


def test_one_odd_night_is_raised_once() -> None:
    """Neither the way back nor the memory of it is an alert."""
    assert nights([0.0, 1.5, 0.0, 0.0]) == [set(), {"new_behaviour"}, set(), set()]


def test_alert_rate_up_and_the_rest_moved_is_left_open() -> None:
    """It may be a changed device, or an attack that is missed in part."""
    (alert,) = alerts_of({BELL: night(1.5, attack=2000)})
    assert alert.kind == "alert_rate"


def test_higher_levels_than_promised_are_raised_once_they_stay() -> None:
    """Features are as learned; records that are not flagged reach higher levels all the same."""
    past: list[Past] = []
    for seed in range(3):
        one = night(seed=seed, past=past, high=1.8)
        past.append(one.unflagged)
        assert one.unflagged.is_high
        assert [alert.kind for alert in alerts_of({BELL: one})] == ["score_drift"] * (seed == 2)


def test_most_devices_at_once_are_one_alert() -> None:
    """What computes the features changed, not the devices."""
    past = [night(seed=2).unflagged]
    moved = night(1.5, past=past)
    (alert,) = alerts_of({BELL: moved, CAMERA: moved, LAMP: moved})
    assert (alert.kind, alert.severity, alert.device) == ("all_moved", "critical", None)
    quiet = night(past=past)
    others = {Device(7 + number, "x"): quiet for number in range(3)}
    assert {
        alert.kind for alert in alerts_of({BELL: moved, CAMERA: moved, LAMP: moved, **others})
    } == {"new_behaviour"}


def test_a_device_that_was_not_learned_is_named() -> None:
    """It has no drift, and the rows say of its features nothing."""
    data = count_records(benign(900, 1), np.ones(900), np.zeros(900, dtype=bool), None)
    one = measure(data, None, (), 3.1, LIMITS, is_flagged_excluded=True)
    found = {BELL: DeviceNight(one, one, is_known=False, nights_moved=0)}
    assert [alert.kind for alert in alerts_of(found)] == ["unknown_device"]
    (row,) = rows_of(one, NAMES)
    assert (row["feature"], row["records"]) == (SCORE, 900)


def test_rows_hold_what_was_measured() -> None:
    """One row per feature and one for the levels; a night too small has counts only."""
    rows = list(rows_of(night(1.5).unflagged, NAMES))
    assert [row["feature"] for row in rows] == [*NAMES, SCORE]
    assert all(row["is_moved"] and row["psi"] > row["psi_limit"] for row in rows[:-1])
    assert all(row["shift"] == pytest.approx(1.5 / 3.29, abs=0.05) for row in rows[:-1])
    small = list(rows_of(night(1.5, rows=100).unflagged, NAMES))
    assert all(row.get("psi") is None and sum(row["counts"]) == 96 for row in small)


def ledger(counts: dict[Device, list[int | None]], **more: str | int) -> list[dict[str, Any]]:
    """Return files of nights up to today, of some records each; None: no file."""
    return [
        {
            **device._asdict(),
            "file_id": f"{device.device}{age}",
            "event_day": TODAY - timedelta(days=age),
            "rows_accepted": rows,
            "rows_quarantined": 0,
            "status": "ingested",
            "reason": None,
            **more,
        }
        for device, of_nights in counts.items()
        for age, rows in enumerate(reversed(of_nights))
        if rows is not None
    ]


@pytest.mark.parametrize(
    ("counts", "kinds"),
    [
        ([1000, 1100, 900, 1000], set()),
        ([1000, 1100, 900, None], {"missing_device"}),
        ([None, None, 900, None], set()),
        ([1000, 1100, 900, 3100], {"volume"}),
        ([1000, 1100, 900, 300], {"volume"}),
        ([None, 1100, 900, 9000], set()),
    ],
)
def test_volumes_are_compared_with_the_usual_number(
    counts: list[int | None], kinds: set[str]
) -> None:
    """It takes three nights to know what is usual."""
    rows = ledger({BELL: counts, CAMERA: [500] * 4})
    alerts = list(volume_alerts(volumes_of(rows), TODAY, LIMITS))
    assert {alert.kind for alert in alerts} == kinds
    assert {alert.device for alert in alerts} <= {BELL}


def test_refused_lines_are_counted_once() -> None:
    """Lines of accepted files and whole files count, second deliveries do not."""
    good = ledger({BELL: [980]}, rows_quarantined=10)
    refused = ledger({BELL: [0]}, status="refused", reason="nul_bytes", rows_quarantined=10)
    refused[0]["file_id"] = "other"
    again = [{**refused[0], "reason": "same_content", "rows_quarantined": 5000}]
    (alert,) = volume_alerts(volumes_of([*good, *refused, *refused, *again]), TODAY, LIMITS)
    assert (alert.kind, alert.value) == ("quarantine", 0.02)


def test_alerts_cool_down() -> None:
    """The same is raised again after its cool-down, what is worse at once, another at any time."""

    def alert(day: int, severity: Severity = "warning", kind: str = "drift") -> Alert:
        return Alert(kind, severity, BELL, date(2026, 3, day), 1.0, 0.5, "moved")

    rows: list[dict[str, Any]] = []
    for one in (
        *(alert(1), alert(2), alert(3, "critical"), alert(4), alert(4, kind="volume")),
        *(alert(6, "critical"), alert(7, "critical"), alert(20)),
    ):
        rows += raise_alerts([one], rows, "v1", cool_down_days=3)
    assert [(row["kind"], row["event_day"].day, row["first_seen"].day) for row in rows] == [
        *(("drift", 1, 1), ("drift", 3, 1), ("volume", 4, 4), ("drift", 7, 1), ("drift", 20, 20)),
    ]
    assert len({row["alert_id"] for row in rows}) == len(rows)
    assert {one.kind for one in ALERT_KINDS} >= {row["kind"] for row in rows}
