"""Every n-th record of some files, evenly over their time, brought to the driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from iotscore.warehouse.records import coded
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from iotscore.warehouse.warehouse import Warehouse


@dataclass(frozen=True)
class Steps:
    """How a file is drawn from: the first record behind ``after``, then each ``step``-th."""

    file_id: str
    ingest_run: str
    after: int
    step: int


def draw(
    warehouse: Warehouse, files: Sequence[Steps], columns: Sequence[str], label: int | None = None
) -> Iterator[pa.Table]:
    """Yield the drawn records of ``traffic``, some at a time.

    Parameters
    ----------
    files
        How each is drawn from.
    columns
        Those wanted, ``file_id`` and ``row_no`` among them.
    label
        If all have this one, less is read.
    """
    where: dict[str, Sequence[str] | Sequence[int]] = {
        "file_id": sorted(each.file_id for each in files),
        "ingest_run": sorted({each.ingest_run for each in files}),
    }
    if label is not None:
        where["label"] = [label]
    after = {each.file_id: each.after for each in files}
    steps = {each.file_id: each.step for each in files}
    yield from warehouse.collect_records(
        Selection("traffic", tuple(columns), where), lambda rows: _every_nth(rows, after, steps)
    )


def _every_nth(rows: pa.Table, after: Mapping[str, int], steps: Mapping[str, int]) -> pa.Table:
    ids = coded(rows, "file_id")
    names, codes = ids.dictionary.to_pylist(), ids.indices.to_numpy()
    # A dictionary may name files that are filtered out.
    before = np.array([after.get(name, 0) for name in names], np.int64)[codes]
    step = np.array([steps.get(name, 1) for name in names], np.int64)[codes]
    beyond = rows.column("row_no").to_numpy() - before - 1
    return rows.filter(pa.array((beyond >= 0) & (beyond % step == 0)))
