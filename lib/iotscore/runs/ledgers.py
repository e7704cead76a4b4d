"""Which ledger tells what of which tables: what :mod:`iotscore.runs.consistency` compares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from iotscore.warehouse.file_status import INGESTED, REFUSED

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class CountedTable:
    """A table that a ledger counts."""

    name: str
    weights: Mapping[str, str | int]
    """Of an entry with this status: its column that counts rows, or how many it stands for."""


@dataclass(frozen=True)
class Books:
    """A ledger and its tables.

    Attributes
    ----------
    counted
        Tables of which it tells the rows.
    needing
        Tables that have no row without a row of it.
    others
        Tables that it speaks of otherwise.
    way_back
        What to do without a backup.
    """

    ledger: str
    way_back: str
    counted: tuple[CountedTable, ...] = ()
    needing: tuple[str, ...] = ()
    others: tuple[str, ...] = ()

    @property
    def tables(self) -> list[str]:
        """All of them, the ledger first."""
        counted = (table.name for table in self.counted)
        return [self.ledger, *counted, *self.needing, *self.others]


ANY: Final = "any"
"""The status of entries of a ledger that has no such column."""

_DONE_AGAIN: Final = "if there is none, delete these folders: all of it is {} again"

BOOKS: Final = {
    "ingest": Books(
        "ingest_files",
        "if there is none, ingest all captures into a new warehouse",
        counted=(
            CountedTable("traffic", {INGESTED: "rows_accepted"}),
            CountedTable("quarantine", {INGESTED: "rows_quarantined", REFUSED: 1}),
        ),
    ),
    "score": Books(
        "scored_files",
        _DONE_AGAIN.format("scored"),
        counted=(CountedTable("scores", {ANY: "rows_scored"}),),
    ),
    "explain": Books(
        "explained_files",
        _DONE_AGAIN.format("explained"),
        counted=(CountedTable("explanations", {ANY: "rows_explained"}),),
        others=("incidents",),
    ),
    "evaluate": Books("metrics", _DONE_AGAIN.format("measured"), needing=("roc_points",)),
    "monitor": Books("monitored_files", _DONE_AGAIN.format("counted"), needing=("drift",)),
    # Models without an alias are candidates, and no fault.
    "train": Books(
        "model_aliases",
        "if there is none, delete these folders and run train --anew",
        others=("models",),
    ),
}
"""By the stage that writes them."""

NEEDS: Final = {
    "ingest": ("ingest",),
    "train": ("ingest", "train"),
    "score": ("ingest", "train", "score"),
    "evaluate": ("ingest", "train", "score", "evaluate"),
    "explain": ("ingest", "train", "score", "explain"),
    "monitor": ("ingest", "train", "score", "explain", "monitor"),
    "maintain": tuple(BOOKS),
}
"""By stage: the books that it reads or goes on writing."""
