"""A few records of each kind, chosen by their hashes, read from data files without Spark."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from iotscore.features import FEATURES, KEY
from iotscore.sampling.splits import SPLITS
from iotscore.warehouse.delta_rs.row_groups import read_batches, record_hashes_of, record_splits

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from iotscore.sampling.splits import SplitPlan
    from iotscore.warehouse.delta_rs.row_groups import RowGroup

CHOSEN_COLUMNS: Final = (*KEY, "label", *FEATURES)
"""What is read of a chosen record."""

_DESCRIBED_BY: Final = (*KEY, "label")
_BATCH_ROWS: Final = 10_000


@dataclass(frozen=True)
class Kind:
    """A kind of labelled records, and how many of them are wanted.

    Attributes
    ----------
    label
        1 attacks, 0 benign records.
    splits
        What they were to the model, see :data:`iotscore.sampling.splits.SPLITS`.
    most
        If there are more, those with the lowest hashes; 1 or more.
    """

    label: int
    splits: tuple[str, ...]
    most: int


def choose(
    groups: Sequence[RowGroup],
    file_ids: Sequence[str],
    plan: SplitPlan,
    kinds: Sequence[Kind],
    seed: int,
) -> list[pa.Table]:
    """Read the chosen records of each kind, in the order of their keys.

    Data files are read twice, first for the keys alone, so that no more than a batch beside the
    chosen records is ever in memory.

    Parameters
    ----------
    groups
        Row groups of ``traffic`` that hold the files, and maybe others.
    file_ids
        Files to choose from, all of them labelled.
    plan
        What the model was trained by.
    kinds
        Which records, and how many.
    seed
        Of the hash.

    Returns
    -------
    list of pyarrow.Table
        For each kind the columns of :data:`CHOSEN_COLUMNS`; without rows if there are none.
    """
    wanted = pa.array(file_ids, pa.string())
    lowest = [np.empty(0, np.int64) for _ in kinds]
    for rows in read_batches(groups, _DESCRIBED_BY, wanted, _BATCH_ROWS, features=()):
        for place, hashes in enumerate(_hashes(rows, plan, kinds, seed)):
            lowest[place] = _least(np.concatenate([lowest[place], hashes]), kinds[place].most)
    found: list[list[pa.Table]] = [[] for _ in kinds]
    for rows in read_batches(groups, _DESCRIBED_BY, wanted, _BATCH_ROWS):
        hashes = record_hashes_of(seed, rows)
        for place, is_kind in enumerate(_members(rows, plan, kinds)):
            chosen = is_kind & np.isin(hashes, lowest[place])
            if chosen.any():
                found[place].append(_plain(rows.filter(pa.array(chosen))))
    return [_sorted(parts) for parts in found]


def _hashes(
    rows: pa.Table, plan: SplitPlan, kinds: Sequence[Kind], seed: int
) -> list[npt.NDArray[np.int64]]:
    hashes = record_hashes_of(seed, rows)
    return [hashes[is_kind] for is_kind in _members(rows, plan, kinds)]


def _members(rows: pa.Table, plan: SplitPlan, kinds: Sequence[Kind]) -> list[npt.NDArray[np.bool_]]:
    """Return which records are of each kind."""
    label = rows.column("label").to_numpy()
    codes = record_splits(plan, rows)
    return [
        (label == kind.label) & np.isin(codes, [SPLITS.index(each) for each in kind.splits])
        for kind in kinds
    ]


def _least(hashes: npt.NDArray[np.int64], most: int) -> npt.NDArray[np.int64]:
    return np.partition(hashes, most - 1)[:most] if hashes.size > most else hashes


def _plain(rows: pa.Table) -> pa.Table:
    """Return texts as such; two data files have two dictionaries."""
    place = rows.column_names.index("file_id")
    return rows.set_column(place, "file_id", rows.column("file_id").cast(pa.string()))


def _sorted(parts: list[pa.Table]) -> pa.Table:
    if not parts:
        kinds = {"file_id": pa.string(), "row_no": pa.int64(), "label": pa.int32()}
        fields = [(name, kinds.get(name, pa.float64())) for name in CHOSEN_COLUMNS]
        return pa.schema(fields).empty_table()
    rows = pa.concat_tables(parts).select(list(CHOSEN_COLUMNS))
    return rows.sort_by([(name, "ascending") for name in KEY])
