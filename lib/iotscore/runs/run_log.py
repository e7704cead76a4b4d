"""The run record, and the clean-up after a run that was killed.

``runs`` is append-only: a stage adds a row when it starts (``running``) and one when it ends. A
start without an end is a stage that was killed, once nobody else holds the writer's lock.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

from iotscore import __version__, failpoints
from iotscore.errors import RefusalError, StopSignal
from iotscore.redaction import masked
from iotscore.runs.consistency import ConsistencyCheck
from iotscore.runs.memory import MemoryPeak, sampled
from iotscore.runs.order import SEQUENCE, in_order, next_number
from iotscore.runs.slowdown import Pace, kind_of, slow_warning
from iotscore.runs.undo import noted, undo
from iotscore.warehouse.session import core_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from iotscore.warehouse.warehouse import Warehouse

_LOG = logging.getLogger(__name__)

RUNNING: Final = "running"
DONE: Final = "done"
FAILED: Final = "failed"
INTERRUPTED: Final = "interrupted"


class Result(Protocol):
    """What a stage returns and the run log keeps."""

    @property
    def rows(self) -> int:
        """Rows that the stage worked on."""

    def details(self) -> dict[str, Any]:
        """Return the rest as plain values."""


@dataclass
class Stage:
    """What the run log knows of a stage while it runs; ``details`` must fit into JSON."""

    name: str
    status: str = RUNNING
    rows: int = 0
    seconds: float = 0.0
    details: dict[str, Any] = field(default_factory=dict)
    memory: MemoryPeak = field(default_factory=MemoryPeak)

    def report(self, result: Result) -> None:
        """Take in what the stage has done."""
        self.rows, self.details = result.rows, result.details()


class RunLog:
    """Writes the rows of one run, of which profile and configuration are named in each."""

    def __init__(self, warehouse: Warehouse, profile: str, config_sha256: str) -> None:
        self.run_id: Final = f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        self.stages: list[Stage] = []
        self._warehouse = warehouse
        self._consistency = ConsistencyCheck(warehouse)
        self._constants: dict[str, Any] = {
            "run_id": self.run_id,
            "cores": core_count(warehouse.spark),
            "profile": profile,
            "config_sha256": config_sha256,
            "code_version": __version__,
        }

    @contextmanager
    def stage(self, name: str) -> Iterator[Stage]:
        """Record a stage: running while the body runs, then done, failed or interrupted.

        All commits meanwhile name the run.

        Raises
        ------
        WarehouseError
            Tables that the stage builds on do not agree with one another; nothing is recorded.
        """
        self._consistency.require(name)
        with self._warehouse.marked(self.run_id):
            yield from self._recorded(name)

    def _recorded(self, name: str) -> Iterator[Stage]:
        stage = Stage(name)
        started_at, start = datetime.now(UTC), time.monotonic()
        row = {**self._constants, "stage": name, "status": RUNNING, "started_at": started_at}
        row["details"] = json.dumps(noted(self._warehouse, name))
        row[SEQUENCE] = self._next_number
        self._next_number += 1
        self._append(row)
        self.stages.append(stage)
        try:
            with sampled(stage.memory):
                yield stage
        except RefusalError as error:
            # All that could be ingested was.
            stage.seconds, stage.status = time.monotonic() - start, DONE
            self._close(row, stage, masked(str(error))[:2000])
            raise
        except BaseException as error:
            is_stopped = isinstance(error, StopSignal)
            stage.seconds = time.monotonic() - start
            stage.status = INTERRUPTED if is_stopped else FAILED
            message = str(error) if is_stopped else f"{type(error).__name__}: {error}"
            self._fail(row, stage, masked(message)[:2000])
            raise
        stage.seconds, stage.status = time.monotonic() - start, DONE
        self._close(row, stage, None)

    def slow_warning(self, stage: Stage) -> str | None:
        """Say that a finished stage was slower per row than usual; None if it was not."""
        if not stage.rows:
            return None
        kind = kind_of(stage.details)
        now = Pace(stage.rows, stage.seconds, self._constants["cores"], kind)
        return slow_warning(stage.name, now, self._earlier.get(stage.name, ()))

    @cached_property
    def _next_number(self) -> int:
        """The place of the next stage among all of all runs; read once a job."""
        return next_number(self._warehouse, "runs")

    @cached_property
    def _earlier(self) -> dict[str, list[Pace]]:
        """What finished stages of other runs took, the newest first; read once a job."""
        ended = self._warehouse.rows("runs", status=DONE, profile=self._constants["profile"])
        earlier = [row for row in ended if row["rows"] and row["run_id"] != self.run_id]
        paces: defaultdict[str, list[Pace]] = defaultdict(list)
        for row in reversed(in_order(earlier, "ended_at")):
            kind = kind_of(json.loads(row["details"] or "{}"))
            paces[row["stage"]].append(Pace(row["rows"], row["seconds"], row["cores"], kind))
        return paces

    def _fail(self, row: dict[str, Any], stage: Stage, error: str) -> None:
        """Undo what the stage left half done; if even that fails, the next run does it."""
        try:
            undo(self._warehouse, row)
            self._close(row, stage, error)
        except Exception as second:  # noqa: BLE001 - the first error is the one that counts
            _LOG.warning(
                "the failed stage %s could not be undone, the next run will do it: %.300s",
                stage.name,
                second,
                exc_info=_LOG.isEnabledFor(logging.DEBUG),
            )

    def _close(self, row: dict[str, Any], stage: Stage, error: str | None) -> None:
        speed = stage.rows / stage.seconds if stage.seconds else None
        ended = {
            "status": stage.status,
            "ended_at": datetime.now(UTC),
            "seconds": stage.seconds,
            "rows": stage.rows,
            "rows_per_second": speed,
            "rows_per_second_per_core": speed and speed / row["cores"],
            "peak_memory_bytes": stage.memory.job,
            "driver_memory_bytes": stage.memory.driver,
            "details": json.dumps(stage.details, sort_keys=True, default=str),
            "error": error,
        }
        self._append(row | ended)

    def _append(self, row: dict[str, Any]) -> None:
        self._warehouse.append("runs", [row])
        failpoints.hit(f"{row['stage']} {row['status']}")


def recover(warehouse: Warehouse) -> list[str]:
    """Undo what killed stages left half done, mark them as interrupted, and return their runs.

    Rows of records are written first and their ledger row last. The tables of a stage that never
    reached its ledger are made what they were when it started; the files are then new again. Call
    it only while holding the lock.
    """
    killed = unfinished(warehouse.rows("runs"))
    for row in killed:
        undo(warehouse, row)
    now = datetime.now(UTC)
    warehouse.append("runs", [{**row, "status": INTERRUPTED, "ended_at": now} for row in killed])
    return sorted({row["run_id"] for row in killed})


def unfinished(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the starts without an end among the rows of ``runs``.

    The newest comes first: a failed stage that could not undo itself may lie behind a later one.
    """
    ended = {(row["run_id"], row["stage"]) for row in rows if row["status"] != RUNNING}
    open_ = [row for row in rows if (row["run_id"], row["stage"]) not in ended]
    return in_order(open_, "started_at")[::-1]
