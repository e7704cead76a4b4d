"""Records of the newest captures that no model learned from, drawn evenly, for comparisons."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
from pyspark.sql import functions as F

from iotscore.errors import InputError
from iotscore.features import FEATURES, KEY
from iotscore.ingest.plan import INGESTED
from iotscore.landing.event_days import newest_plausible_day
from iotscore.promotion.trial import Kind, TrialFile
from iotscore.warehouse.delta_rs.row_groups import read_batches, row_groups

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iotscore.promotion.gates import PromotionOptions
    from iotscore.sampling.splits import SplitPlan
    from iotscore.warehouse.tables import Warehouse

_DESCRIBED_BY: Final = (*KEY, "device_id")
_BATCH_ROWS: Final = 10_000


@dataclass(frozen=True)
class Source:
    """A file that records are drawn from.

    Attributes
    ----------
    file_id, run_id
        Of the table ``ingest_files``.
    after
        The last record that a model learned from or that lies in its gap, 0 if there is none.
    step
        Of those behind it every so many-th is drawn, beginning with the first.
    known
        What is compared by.
    """

    file_id: str
    run_id: str
    after: int
    step: int
    known: TrialFile


def choose(
    warehouse: Warehouse, plans: Sequence[SplitPlan], options: PromotionOptions
) -> list[Source]:
    """Choose captures of the newest nights, and how densely each is drawn from.

    Parameters
    ----------
    warehouse
        Where.
    plans
        What the models learned from.
    options
        Nights, and most records of each kind; every capture of a kind gives as many.

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
        chosen = [row for row in rows if row["event_day"] in nights]
        after = {row["file_id"]: _learned(row["file_id"], plans) for row in chosen}
        free = {row["file_id"]: row["rows_read"] - after[row["file_id"]] for row in chosen}
        chosen = [row for row in chosen if free[row["file_id"]] > 0]
        quota = max(1, options.rows_of(kind) // max(1, len(chosen)))
        for row in sorted(chosen, key=lambda row: str(row["source_file"])):
            file_id = row["file_id"]
            step = -(-free[file_id] // quota)
            known = TrialFile(row["source_file"], row["device"], kind, _attack(row), float(step))
            sources.append(Source(file_id, row["run_id"], after[file_id], step, known))
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


def draw(
    warehouse: Warehouse, sources: Sequence[Source], label: int | None = None
) -> Iterator[pa.Table]:
    """Yield the drawn records of ``traffic``, with keys, device and features, some at a time.

    If all have the same label, less is read.
    """
    files = sorted(source.file_id for source in sources)
    if not warehouse.is_direct:
        drawn = [(source.file_id, source.after, source.step) for source in sources]
        of_file = warehouse.spark.createDataFrame(drawn, "file_id string, after long, step long")
        rows = warehouse.read("traffic").join(F.broadcast(of_file), "file_id")
        beyond = F.col("row_no") - F.col("after") - 1
        chosen = rows.where((beyond >= 0) & (beyond % F.col("step") == 0))
        yield chosen.select(*_DESCRIBED_BY, *FEATURES).toArrow()
        return
    after = {source.file_id: source.after for source in sources}
    steps = {source.file_id: source.step for source in sources}
    runs = sorted({source.run_id for source in sources})
    paths = warehouse.data_files("traffic", file_id=files, ingest_run=runs)
    groups = row_groups(paths, label)
    for rows in read_batches(groups, _DESCRIBED_BY, pa.array(files), _BATCH_ROWS):
        ids = rows.column("file_id").to_pylist()
        beyond = rows.column("row_no").to_numpy() - np.array([after[one] for one in ids]) - 1
        chosen = (beyond >= 0) & (beyond % np.array([steps[one] for one in ids]) == 0)
        if chosen.any():
            yield rows.filter(pa.array(chosen))
