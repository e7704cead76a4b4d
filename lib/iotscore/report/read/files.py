"""The files that a report is about: what the ledgers say of them."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from iotscore.errors import WarehouseError
from iotscore.landing.event_days import newest_plausible_day
from iotscore.landing.file_changes import some
from iotscore.report.formatting import kind_of
from iotscore.report.operations import Composition
from iotscore.warehouse.file_status import INGESTED

if TYPE_CHECKING:
    from datetime import date

    from iotscore.warehouse.warehouse import Warehouse

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LedgerFile:
    """A file whose present content a model has scored."""

    file_id: str
    source_file: str
    device: str
    family: str | None
    attack: str | None
    label: int | None
    event_day: date
    sha256: str
    rows_scored: int

    @property
    def kind(self) -> str:
        """What its name says of its records."""
        return kind_of(self.family, self.attack)


def scored_files(warehouse: Warehouse, version: str) -> dict[str, LedgerFile]:
    """Return the files that a model has scored, by id, in the order of their names.

    Captures of days that have not come are left out, and named in a warning: a clock was wrong.

    Raises
    ------
    WarehouseError
        There is none.
    """
    columns = ["file_id", "rows_scored", "sha256"]
    entries = warehouse.rows("scored_files", columns, model_version=version)
    scored = {row["file_id"]: row for row in entries}
    names = ("file_id", "source_file", "device", "family", "attack", "label", "event_day", "sha256")
    ledger = warehouse.rows("ingest_files", names, status=INGESTED)
    newest = newest_plausible_day()
    if misdated := [row["source_file"] for row in ledger if row["event_day"] > newest]:
        _LOG.warning("%d file(s) are of days after %s: %s", len(misdated), newest, some(misdated))
    found = {
        row["file_id"]: LedgerFile(**row, rows_scored=entry["rows_scored"])
        for row in sorted(ledger, key=lambda row: str(row["source_file"]))
        if (entry := scored.get(row["file_id"]))
        and entry["sha256"] in (None, row["sha256"])
        and row["event_day"] <= newest
    }
    if not any(one.rows_scored for one in found.values()):
        message = (
            f"the warehouse {warehouse.root} has no scores of the model {version}, so there is "
            "nothing to report; run the job score or nightly first, or name another model with "
            "--model"
        )
        raise WarehouseError(message)
    return found


def read_composition(warehouse: Warehouse) -> Composition:
    """Return the ingested records by device and kind, the largest device first."""
    names = ["device", "family", "rows_accepted"]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in warehouse.rows("ingest_files", names, status=INGESTED):
        counts[row["device"]][kind_of(row["family"], None)] += row["rows_accepted"]
    kinds = sorted({kind for of_device in counts.values() for kind in of_device}, key=_place)
    devices = sorted(counts, key=lambda name: (-counts[name].total(), name))
    return Composition(
        tuple(kinds),
        tuple((name, tuple(counts[name][kind] for kind in kinds)) for name in devices),
    )


def _place(kind: str) -> tuple[int, str]:
    """Benign records first, unlabelled ones last."""
    return {"benign": 0, "unlabelled": 2}.get(kind, 1), kind
