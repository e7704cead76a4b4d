"""A few records of each kind, chosen by their hashes, brought to the driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from iotscore.features import FEATURES, KEY
from iotscore.sampling.fraction import fraction_cutoffs, within
from iotscore.sampling.splits import SPLITS, SplitPlan, record_hashes_of, record_splits
from iotscore.warehouse.records import plain
from iotscore.warehouse.selection import Selection

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from iotscore.warehouse.warehouse import Warehouse

CHOSEN_COLUMNS: Final = (*KEY, "label", *FEATURES)
"""What is read of a chosen record."""

_DESCRIBED_BY: Final = (*KEY, "label")


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
    warehouse: Warehouse,
    where: Mapping[str, Sequence[str]],
    plan: SplitPlan,
    kinds: Sequence[Kind],
    seed: int,
) -> list[pa.Table]:
    """Read the chosen records of each kind, in the order of their keys.

    ``traffic`` is read twice, first for the keys alone, so that no more than a batch beside the
    chosen records is ever in memory.

    Parameters
    ----------
    where
        Values of ``file_id``, all of labelled files, and maybe of other columns.
    plan
        What the model was trained by.
    seed
        Of the hash.

    Returns
    -------
    list of pyarrow.Table
        For each kind the columns of :data:`CHOSEN_COLUMNS`; without rows if there are none.
    """
    if not where["file_id"]:
        return [_sorted([]) for _ in kinds]
    cutoffs = fraction_cutoffs(warehouse, where, plan)

    def hashed(rows: pa.Table) -> pa.Table:
        taken = within(cutoffs, plan.seed, rows)
        hashes = record_hashes_of(seed, taken)
        members = zip(kinds, _members(taken, plan, kinds), strict=True)
        lows = [_least(hashes[is_kind], kind.most) for kind, is_kind in members]
        places = np.repeat(np.arange(len(kinds)), [low.size for low in lows])
        return pa.table({"kind": places, "hash": np.concatenate(lows)})

    lowest = [np.empty(0, np.int64) for _ in kinds]
    for rows in warehouse.collect_records(Selection("traffic", _DESCRIBED_BY, where), hashed):
        kind, hashes = rows.column("kind").to_numpy(), rows.column("hash").to_numpy()
        for place in range(len(kinds)):
            known = np.concatenate([lowest[place], hashes[kind == place]])
            lowest[place] = _least(known, kinds[place].most)

    def chosen(rows: pa.Table) -> pa.Table:
        taken = within(cutoffs, plan.seed, rows)
        hashes = record_hashes_of(seed, taken)
        parts = []
        for place, is_kind in enumerate(_members(taken, plan, kinds)):
            part = taken.filter(pa.array(is_kind & np.isin(hashes, lowest[place])))
            parts.append(part.append_column("kind", pa.array(np.full(part.num_rows, place))))
        return pa.concat_tables(parts)

    found: list[list[pa.Table]] = [[] for _ in kinds]
    for rows in warehouse.collect_records(Selection("traffic", CHOSEN_COLUMNS, where), chosen):
        kind = rows.column("kind").to_numpy()
        for place, parts in enumerate(found):
            parts.append(plain(rows.filter(pa.array(kind == place))))
    return [_sorted(parts) for parts in found]


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


def _sorted(parts: list[pa.Table]) -> pa.Table:
    if not parts:
        kinds = {"file_id": pa.string(), "row_no": pa.int64(), "label": pa.int32()}
        fields = [(name, kinds.get(name, pa.float64())) for name in CHOSEN_COLUMNS]
        return pa.schema(fields).empty_table()
    rows = pa.concat_tables(parts).select(list(CHOSEN_COLUMNS))
    return rows.sort_by([(name, "ascending") for name in KEY])
