"""The ledger ``monitored_files``: which content of which file has been counted under a model."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from iotscore.alerts.alert import Device, later
from iotscore.landing.event_days import newest_plausible_day
from iotscore.models.context import Content
from iotscore.monitoring.volumes import Volumes, volumes_of
from iotscore.scoring.ledger import scored_now
from iotscore.warehouse.file_status import INGESTED
from iotscore.warehouse.selection import rows_where

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from iotscore.models.context import Context
    from iotscore.warehouse.selection import Condition

    Subject = tuple[date, Device]


@dataclass(frozen=True)
class Nights:
    """What is to be monitored.

    Attributes
    ----------
    files
        Rows of ``ingest_files``, by id, whose records are to be counted.
    days
        Their nights, rising.
    recounted
        Those of which an earlier content of a file was counted: all their files are in `files`,
        and earlier counts do not hold.
    every_day
        All nights that the warehouse has, rising.
    volumes
        Lines of all of them.
    ingested_at
        Of every file that has records, by id; UTC.
    """

    model_version: str
    files: dict[str, dict[str, Any]]
    days: list[date]
    recounted: frozenset[date]
    every_day: list[date]
    volumes: Volumes
    ingested_at: dict[str, datetime]

    @property
    def total(self) -> int:
        """Records to count."""
        return sum(row["rows_accepted"] for row in self.files.values())

    @property
    def contents(self) -> frozenset[Content]:
        """What is in the files."""
        return frozenset(
            Content(file_id, row["sha256"], row["run_id"]) for file_id, row in self.files.items()
        )

    def before(self, day: date, count: int) -> list[date]:
        """Return the latest nights before a night, rising."""
        return [each for each in self.every_day if each < day][-count:]

    def recent_since(self, days: int) -> date:
        """Return the first of the recent days, about which people are notified."""
        newest = self.every_day[-1] if self.every_day else newest_plausible_day()
        return later(newest, -days)

    def replaced(self) -> Condition:
        """Return the condition on rows that make room: those of the nights."""
        return rows_where(model_version=self.model_version, event_day=self.days)


def subject_of(row: Mapping[str, Any]) -> Subject:
    """Return night and device of a row of ``ingest_files``."""
    return row["event_day"], Device(row["device_id"], row["device"])


def unmonitored(context: Context, version: str) -> Nights:
    """Return the nights that have files which a model has scored and nobody has counted yet.

    Nights after the newest plausible day do not count, before they have come.
    """
    newest = newest_plausible_day()
    warehouse, every = context.warehouse, context.deliveries
    ingested = {row["file_id"]: row["ingested_at"] for row in every if row["status"] == INGESTED}
    # A capture of a box whose clock is ahead must not make all real nights long past ones.
    ledger = [row for row in every if row["event_day"] is None or row["event_day"] <= newest]
    present = {row["file_id"]: row for row in ledger if row["status"] == INGESTED}
    ids = scored_now(warehouse, version, present, with_expired=True)
    scored = {file_id: present[file_id] for file_id in ids}
    counted = {
        row["file_id"]: row["sha256"]
        for row in warehouse.rows("monitored_files", model_version=version)
    }
    recounted = frozenset(
        row["event_day"]
        for file_id, row in scored.items()
        if counted.get(file_id, row["sha256"]) != row["sha256"]
    )
    files = {
        file_id: row
        for file_id, row in sorted(scored.items())
        if file_id not in counted or row["event_day"] in recounted
    }
    return Nights(
        version,
        files,
        days=sorted({row["event_day"] for row in files.values()}),
        recounted=recounted,
        every_day=sorted({row["event_day"] for row in present.values()}),
        volumes=volumes_of(ledger),
        ingested_at=ingested,
    )


def record_monitored(context: Context, nights: Nights) -> None:
    """Write that files are counted."""
    now = datetime.now(UTC)
    entries = [
        {
            "model_version": nights.model_version,
            "file_id": file_id,
            "rows_monitored": row["rows_accepted"],
            "run_id": context.run_id,
            "monitored_at": now,
            "sha256": row["sha256"],
        }
        for file_id, row in nights.files.items()
    ]
    of_files = rows_where(model_version=nights.model_version, file_id=nights.files.keys())
    context.warehouse.replace("monitored_files", entries, of_files)
