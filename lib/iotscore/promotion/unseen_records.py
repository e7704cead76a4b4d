"""Records of the newest captures that no model learned from, drawn evenly, for comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from iotscore.errors import InputError
from iotscore.features import FEATURES, KEY
from iotscore.landing.event_days import newest_plausible_day
from iotscore.promotion.trial import Kind, TrialFile
from iotscore.sampling.every_nth import Steps
from iotscore.warehouse.file_status import INGESTED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from iotscore.promotion.gates import PromotionOptions
    from iotscore.sampling.splits import SplitPlan
    from iotscore.warehouse.warehouse import Warehouse

DRAWN_COLUMNS: Final = (*KEY, "device_id", *FEATURES)
"""What is read of an unseen record."""


@dataclass(frozen=True)
class Source:
    """A file that records are drawn from: how, and what it is compared by."""

    steps: Steps
    known: TrialFile


def choose(
    warehouse: Warehouse, plans: Sequence[SplitPlan], options: PromotionOptions
) -> list[Source]:
    """Choose captures of the newest nights, and how densely each is drawn from.

    Every capture of a kind gives as many records, none that a model learned from by its plan.

    Raises
    ------
    InputError
        No record is left.
    """
    newest = newest_plausible_day()
    present = warehouse.rows("ingest_files", status=INGESTED)
    ledger = [row for row in present if row["event_day"] <= newest]
    sources = []
    for kind in Kind:
        rows = [row for row in ledger if _kind(row) is kind and row["rows_accepted"]]
        nights = sorted({row["event_day"] for row in rows})[-options.nights :]
        chosen = [
            (row, after)
            for row in sorted(rows, key=lambda row: str(row["source_file"]))
            if row["event_day"] in nights
            and (after := _learned(row["file_id"], plans)) < row["rows_read"]
        ]
        quota = max(1, options.rows_of(kind) // max(1, len(chosen)))
        for row, after in chosen:
            step = -(-(row["rows_read"] - after) // quota)
            known = TrialFile(row["source_file"], row["device"], kind, _attack(row), float(step))
            steps = Steps(row["file_id"], row["run_id"], after, step)
            sources.append(Source(steps, known))
    if not sources:
        message = (
            f"the warehouse {warehouse.root} has no record that the models did not learn from: "
            "ingest newer files, or promote with --force --reason"
        )
        raise InputError(message)
    return sources


def _kind(row: Mapping[str, Any]) -> Kind:
    if row["label"] is None:
        return Kind.UNLABELLED
    return Kind.ATTACK if row["label"] else Kind.BENIGN


def _attack(row: Mapping[str, Any]) -> str | None:
    if not row["label"]:
        return None
    return ".".join(part for part in (row["family"], row["attack"]) if part)


def _learned(file_id: str, plans: Sequence[SplitPlan]) -> int:
    """Return the last record of a file that a model learned from, or that its gap covers."""
    last = 0
    for plan in plans:
        if (part := plan.parts.get(file_id)) is not None:
            last = max(last, plan.skip_rows, part.calibration_end + part.gap)
    return last
