"""``score_histogram`` to flagged records per file and spreads of scores; no record is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from iotscore.errors import WarehouseError
from iotscore.features import HYBRID
from iotscore.report.score_histogram import Spread

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from iotscore.report.night import Shape
    from iotscore.warehouse.warehouse import Warehouse

_COLUMNS: Final = ("file_id", "label", "split", "flag", "low", "high", "rows")
_LEARNED_FROM: Final = ("train", "calibration")


@dataclass(frozen=True)
class Counted:
    """What was counted of a model's scores.

    Attributes
    ----------
    flagged
        Records above the hybrid score's threshold, by file; files that were not counted, or
        whose model has no threshold, are not in it.
    seen
        Records that the model learned from, by file.
    files
        Files that were counted.
    """

    flagged: Mapping[str, int]
    seen: Mapping[str, int]
    files: frozenset[str]
    shapes: tuple[Shape, ...]


def read_counted(
    warehouse: Warehouse,
    version: str,
    thresholds: Mapping[str, float | None],
    file_ids: Collection[str],
) -> Counted:
    """Add up a model's counts, a detector at a time.

    Parameters
    ----------
    thresholds
        The model's detectors and the hybrid score, each with its threshold.
    file_ids
        Files whose counts hold.

    Raises
    ------
    WarehouseError
        Nothing was counted yet.
    """
    wanted = pa.array(sorted(file_ids), pa.string())
    files = _Files()
    shapes = []
    for name in (HYBRID, *(one for one in thresholds if one != HYBRID)):
        spread = Spread(name, thresholds[name])
        for batch in warehouse.batches(
            "score_histogram", _COLUMNS, model_version=version, detector=name
        ):
            known = batch.filter(pc.is_in(batch.column("file_id"), value_set=wanted))
            if name == HYBRID:
                files.add(known)
            _spread(known, spread)
        if (shape := spread.shape()) is not None:
            shapes.append(shape)
    if not files.counted:
        message = (
            f"the scores of the model {version} in {warehouse.root} are not counted yet; run the "
            "job evaluate first"
        )
        raise WarehouseError(message)
    return Counted(files.flagged, files.seen, frozenset(files.counted), tuple(shapes))


class _Files:
    """Adds up the hybrid score's counts by file."""

    def __init__(self) -> None:
        self.flagged: Counter[str] = Counter()
        self.seen: Counter[str] = Counter()
        self.counted: set[str] = set()

    def add(self, batch: pa.RecordBatch) -> None:
        self.counted.update(batch.column("file_id").unique().to_pylist())
        judged = batch.filter(pc.is_valid(batch.column("flag")))
        flagged = pc.if_else(judged.column("flag"), judged.column("rows"), 0)
        self._sum(self.flagged, judged, flagged)
        is_seen = pc.is_in(batch.column("split"), value_set=pa.array(_LEARNED_FROM))
        self._sum(self.seen, batch, pc.if_else(is_seen, batch.column("rows"), 0))

    @staticmethod
    def _sum(into: Counter[str], batch: pa.RecordBatch, rows: pa.Array) -> None:
        sums = (
            pa.table({"file_id": batch.column("file_id"), "rows": rows})
            .group_by("file_id")
            .aggregate([("rows", "sum")])
        )
        for each in sums.to_pylist():
            into[each["file_id"]] += each["rows_sum"]


def _spread(batch: pa.RecordBatch, spread: Spread) -> None:
    is_seen = pc.is_in(batch.column("split"), value_set=pa.array(_LEARNED_FROM))
    labels = batch.column("label")
    for label in labels.unique().to_pylist():
        of_label = pc.is_null(labels) if label is None else pc.equal(labels, label)
        for seen in (False, True):
            mine = pc.and_(pc.fill_null(of_label, fill_value=False), pc.equal(is_seen, seen))
            part = batch.filter(mine)
            if part.num_rows:
                low, high = (part.column(name).to_numpy() for name in ("low", "high"))
                rows = part.column("rows").to_numpy()
                spread.add(label, (low + high) / 2, rows, is_seen=seen)
