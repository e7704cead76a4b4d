"""The newest is what was committed last, whatever the clock said; and by it nothing is deleted."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from iotscore.errors import WarehouseError
from iotscore.maintenance.clock import require_steady_clock
from iotscore.maintenance.retention import Retention, expire
from iotscore.models import registry
from iotscore.models.registry import champion, champions, promote, roll_back, save_model
from iotscore.runs.order import next_number
from iotscore.warehouse.open import open_warehouse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from pyspark.sql import SparkSession

    from iotscore.warehouse.warehouse import Warehouse

NOW = datetime(2026, 11, 27, 2, 30, tzinfo=UTC)
AHEAD = NOW + timedelta(days=500)
NIGHT = timedelta(days=1)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    """Return an empty warehouse; what is done here needs no Spark."""
    return open_warehouse(cast("SparkSession", None), str(tmp_path))


@pytest.fixture
def set_clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Return a function that sets the registry's clock."""

    def set_to(time: datetime) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: Any = None) -> datetime:  # noqa: ANN401 - as in the base class
                return time.astimezone(tz)

        monkeypatch.setattr(registry, "datetime", Clock)

    return set_to


def test_the_last_promotion_counts_after_the_clock_was_ahead(
    warehouse: Warehouse,
    set_clock: Callable[[datetime], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Promotions of a layout without numbers come first, by their times."""
    old = [
        {"alias": "champion", "model_version": name, "reason": "trained", "promoted_at": NOW - age}
        for name, age in (("second", NIGHT), ("first", 2 * NIGHT))
    ]
    warehouse.append("model_aliases", old)
    assert champions(warehouse) == ["first", "second"]
    set_clock(AHEAD)
    promote(warehouse, "ahead", "promoted", "run")
    set_clock(NOW)
    promote(warehouse, "now", "promoted", "run")
    assert champion(warehouse) == "now"
    assert champions(warehouse) == ["first", "second", "ahead", "now"]
    monkeypatch.setattr(registry, "load_model", lambda *_: None)
    assert roll_back(warehouse, None, "run") == ("now", "ahead")
    assert champion(warehouse) == "ahead"
    assert next_number(warehouse, "model_aliases") == 4


def test_the_newest_models_are_those_stored_last(
    warehouse: Warehouse, set_clock: Callable[[datetime], None]
) -> None:
    """Retention keeps them, and not one that was made when the clock was ahead."""
    for name, time in (("old", NOW), ("ahead", AHEAD), ("now", NOW + NIGHT)):
        set_clock(time)
        save_model(warehouse, name, {"normalisation": "tail"}, b"bundle", "run")
    assert expire(warehouse, Retention(keep_scores_days=None, keep_models=1), NOW).models == [
        "ahead",
        "old",
    ]


def ran(warehouse: Warehouse, *times: datetime, stage: str = "score") -> None:
    """Add runs of a stage that started at some times, in this order."""
    for time in times:
        number = next_number(warehouse, "runs")
        row = {"run_id": f"run{number}", "stage": stage, "started_at": time, "sequence": number}
        ended = {"status": "done", "ended_at": time, "details": json.dumps({})}
        warehouse.append("runs", [row | {"status": "running"}, row | ended])


def leaps(warehouse: Warehouse, now: datetime, days: int = 3) -> str:
    """Return what is told of the clock; nothing if it can be trusted."""
    try:
        require_steady_clock(warehouse, days, now)
    except WarehouseError as error:
        return str(error)
    return ""


def test_a_steady_clock_is_trusted(warehouse: Warehouse) -> None:
    """Nights, pauses within the limit, and an empty warehouse."""
    assert leaps(warehouse, NOW) == ""
    ran(warehouse, NOW - 6 * NIGHT, NOW - 5 * NIGHT, NOW - 2 * NIGHT)
    assert leaps(warehouse, NOW) == ""
    assert "it went 3 days, and maintain.pause_days allows 1" in leaps(warehouse, NOW, 1)


@pytest.mark.parametrize(
    ("times", "now", "days"),
    [
        ([NOW], AHEAD, 500),
        ([NOW], NOW - 4 * NIGHT, -4),
        ([NOW, AHEAD], AHEAD + NIGHT, 500),  # a night has run by the wrong clock before
        ([NOW, AHEAD, NOW + NIGHT], NOW + 2 * NIGHT, 500),
        ([AHEAD, NOW], NOW + NIGHT, -500),
    ],
)
def test_a_clock_that_leapt_is_not_trusted(
    warehouse: Warehouse, times: list[datetime], now: datetime, days: int
) -> None:
    """Forwards or backwards, now or since the last time that it was looked at."""
    ran(warehouse, *times)
    told = leaps(warehouse, now)
    assert f"it went {days} days, and maintain.pause_days allows 3" in told
    assert "so it has deleted nothing" in told
    assert "--after-pause" in told
    ran(warehouse, now, stage="maintain")
    assert leaps(warehouse, now + NIGHT) == ""
