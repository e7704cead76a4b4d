"""The share of each file that a model's profile works on: the records with the lowest hashes."""

from __future__ import annotations

from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from iotscore.features import KEY
from iotscore.sampling.splits import SplitPlan, record_hashes_of
from iotscore.warehouse.records import by_file
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from iotscore.warehouse.warehouse import Warehouse

    Cutoffs = Mapping[str, int]


def rows_due(rows: int, fraction: float) -> int:
    """Return how many records of a file a fraction is: halves go up."""
    return int(Decimal(repr(rows * fraction)).quantize(Decimal(1), ROUND_HALF_UP))


def fraction_cutoffs(
    warehouse: Warehouse, where: Mapping[str, Sequence[str]], plan: SplitPlan
) -> Cutoffs | None:
    """Return the largest hash that is taken of each file; None if all records are.

    The keys of the files are read from ``traffic``; ``where`` has their ids, and maybe other
    columns.
    """
    if plan.fraction >= 1.0:
        return None

    def hashed(rows: pa.Table) -> pa.Table:
        hashes = pa.array(record_hashes_of(plan.seed, rows))
        return pa.table({"file_id": rows.column("file_id"), "hash": hashes})

    parts: defaultdict[str, list[npt.NDArray[np.int64]]] = defaultdict(list)
    for rows in warehouse.collect_records(Selection("traffic", KEY, where), hashed):
        hashes = rows.column("hash").to_numpy()
        for file_id, is_its in by_file(rows):
            parts[file_id].append(hashes[is_its])
    cutoffs = {}
    for file_id, of_file in parts.items():
        hashes = np.concatenate(of_file)
        if due := rows_due(hashes.size, plan.fraction):
            cutoffs[file_id] = int(np.partition(hashes, due - 1)[due - 1])
    return cutoffs


def within(cutoffs: Cutoffs | None, seed: int, rows: pa.Table) -> pa.Table:
    """Return the records whose hashes are at most their file's cut-off; all if there are none."""
    if cutoffs is None:
        return rows
    hashes = record_hashes_of(seed, rows)
    is_taken = np.zeros(rows.num_rows, np.bool_)
    for file_id, is_its in by_file(rows):
        if (cutoff := cutoffs.get(file_id)) is not None:
            is_taken |= is_its & (hashes <= cutoff)
    return rows.filter(pa.array(is_taken))
