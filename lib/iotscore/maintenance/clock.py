"""Whether the clock can be trusted with what is old, before anything is deleted by its age."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from iotscore.errors import WarehouseError
from iotscore.runs.order import SEQUENCE, in_order

if TYPE_CHECKING:
    from datetime import datetime

    from iotscore.warehouse.warehouse import Warehouse

_READ: Final = ("run_id", "stage", "status", "started_at", SEQUENCE)


def require_steady_clock(warehouse: Warehouse, pause_days: int, now: datetime) -> None:
    """Raise if the times of runs, in the order in which they ran, make a leap up to now.

    A clock that is ahead makes everything look old, also if nights have run by it before. What
    ran before the last ``maintain`` that was done was looked at then.

    Parameters
    ----------
    pause_days
        Days that may lie between a run and the next.
    now
        The time by which age would be counted, with its time zone.

    Raises
    ------
    WarehouseError
        There is a leap, forwards or backwards.
    """
    runs = in_order(warehouse.rows("runs", _READ), "started_at")
    starts = [row for row in runs if row["status"] == "running"]
    done = {row["run_id"] for row in runs if (row["stage"], row["status"]) == ("maintain", "done")}
    looked_at = [at for at, row in enumerate(starts) if row["run_id"] in done]
    times = [
        (f"the stage {row['stage']} of the run {row['run_id']}", row["started_at"])
        for row in starts[max(looked_at, default=0) :]
    ]
    for (earlier, before), (later, after) in pairwise([*times, ("now", now)]):
        if abs(after - before) > timedelta(days=pause_days):
            message = (
                f"the clock of this machine may be wrong, or was: from {earlier}, "
                f"{before:%Y-%m-%d %H:%M} UTC, to {later}, {after:%Y-%m-%d %H:%M} UTC, it went "
                f"{(after - before) / timedelta(days=1):,.0f} days, and maintain.pause_days allows "
                f"{pause_days}. By a wrong clock maintain would delete what is not old, so it has "
                "deleted nothing. If the clock is right now and nothing ran for so long, or it has "
                "been corrected, give --after-pause; else correct it first"
            )
            raise WarehouseError(message)
