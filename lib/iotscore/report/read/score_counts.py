"""``score_histogram`` to flagged records per file and spreads of scores; no record is read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
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
    """Add up a model's counts of some files, a detector at a time.

    ``thresholds`` has the model's detectors and the hybrid score.

    Raises
    ------
    WarehouseError
        Nothing was counted yet.
    """
    wanted = pa.array(sorted(file_ids), pa.string())
    flagged: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    counted: set[str] = set()
    shapes = []
    for name, threshold in thresholds.items():
        spread = Spread(name, threshold)
        for batch in warehouse.batches(
            "score_histogram", _COLUMNS, model_version=version, detector=name
        ):
            is_known = pc.is_in(batch.column("file_id"), value_set=wanted)
            known = pa.Table.from_batches([batch.filter(is_known)])
            _add(known, spread)
            if name == HYBRID:
                sums = known.group_by(["file_id", "flag", "split"]).aggregate([("rows", "sum")])
                for row in sums.to_pylist():
                    counted.add(row["file_id"])
                    if row["flag"] is not None:
                        flagged[row["file_id"]] += row["rows_sum"] * row["flag"]
                    if row["split"] in _LEARNED_FROM:
                        seen[row["file_id"]] += row["rows_sum"]
        if (shape := spread.shape()) is not None:
            shapes.append(shape)
    if not counted:
        message = (
            f"the scores of the model {version} in {warehouse.root} are not counted yet; run the "
            "job evaluate first"
        )
        raise WarehouseError(message)
    return Counted(flagged, seen, frozenset(counted), tuple(shapes))


def _add(counts: pa.Table, spread: Spread) -> None:
    frame = counts.select(["label", "split", "low", "high", "rows"]).to_pandas()
    frame["is_seen"] = frame["split"].isin(_LEARNED_FROM)
    for (label, is_seen), rows in frame.groupby(["label", "is_seen"], dropna=False):
        spread.add(
            None if np.isnan(label) else int(label),
            ((rows["low"] + rows["high"]) / 2).to_numpy(),
            rows["rows"].to_numpy(),
            is_seen=bool(is_seen),
        )
