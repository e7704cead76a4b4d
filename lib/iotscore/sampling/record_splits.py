"""Splits and hashes of records as Arrow tables hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from iotscore.sampling.record_hash import record_hashes
from iotscore.sampling.splits import split_codes
from iotscore.warehouse.records import by_file

if TYPE_CHECKING:
    import numpy.typing as npt
    import pyarrow as pa

    from iotscore.sampling.splits import SplitPlan


def record_splits(plan: SplitPlan, rows: pa.Table) -> npt.NDArray[np.int8]:
    """Return what each record was to a model: its position in :data:`~.splits.SPLITS`.

    Records have ``file_id``, ``row_no`` and ``label``.
    """
    row_no = rows.column("row_no").to_numpy()
    is_labelled = rows.column("label").is_valid().to_numpy()
    codes = np.empty(rows.num_rows, dtype=np.int8)
    for file_id, is_its in by_file(rows):
        first = bool(is_labelled[is_its][0])
        codes[is_its] = split_codes(plan, file_id, row_no[is_its], is_labelled=first)
    return codes


def record_hashes_of(seed: int, rows: pa.Table) -> npt.NDArray[np.int64]:
    """Return the hash of each record's key, see :mod:`iotscore.sampling.record_hash`."""
    row_no = rows.column("row_no").to_numpy()
    hashes = np.empty(rows.num_rows, dtype=np.int64)
    for file_id, is_its in by_file(rows):
        hashes[is_its] = record_hashes(seed, file_id, row_no[is_its])
    return hashes
